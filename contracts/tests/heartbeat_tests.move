#[test_only]
module daasvader::heartbeat_tests;

use daasvader::fixture::{Self, by, bytes};
use daasvader::heartbeat;
use std::unit_test::assert_eq;

#[test]
fun each_heartbeat_raises_the_state_version() {
    let (mut f, enclave) = fixture::seated();
    let (registry, workers, staking, scheduler, clock) = f.all();
    let ctx = &by(fixture::operator(), 60);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, ctx);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, ctx);
    assert_eq!(registry.next_state_version(), 3);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = heartbeat::EBadAuditHead)]
fun an_audit_head_of_another_length_is_refused() {
    let (mut f, enclave) = fixture::seated();
    let (registry, workers, staking, scheduler, clock) = f.all();
    let ctx = &by(fixture::operator(), 60);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(31, 1), clock, ctx);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_workers_of_another_cluster_are_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let (_, workers, _, _, _) = other.all();
    let (registry, _, staking, scheduler, clock) = f.all();
    let ctx = &by(fixture::operator(), 60);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, ctx);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_stakes_of_another_cluster_are_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let (_, _, staking, _, _) = other.all();
    let (registry, workers, _, scheduler, clock) = f.all();
    let ctx = &by(fixture::operator(), 60);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, ctx);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_scheduler_of_another_cluster_is_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let (_, _, _, scheduler, _) = other.all();
    let (registry, workers, staking, _, clock) = f.all();
    let ctx = &by(fixture::operator(), 60);
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, ctx);
    abort
}
