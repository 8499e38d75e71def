#[test_only]
module daasvader::heartbeat_tests;

use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, bytes};
use daasvader::heartbeat;
use std::unit_test::assert_eq;

fun beat(f: &mut Fixture, enclave: &Enclave, audit_head: vector<u8>, in_sync: vector<address>) {
    let act = f.act(enclave);
    let (registry, workers, staking, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, audit_head, in_sync, clock);
}

#[test]
fun each_heartbeat_raises_the_state_version() {
    let (mut f, enclave) = fixture::seated();
    beat(&mut f, &enclave, bytes(32, 1), vector[]);
    beat(&mut f, &enclave, bytes(32, 2), vector[fixture::host()]);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.next_state_version(), 3);
    f.end_all(enclave);
}

/// A heartbeat must not fail because a seat was revoked in the meantime.
#[test]
fun hosts_without_a_seat_are_left_out() {
    let (mut f, enclave) = fixture::seated();
    beat(&mut f, &enclave, bytes(32, 1), vector[@0x1, fixture::host(), @0x2, @0x3, @0x4]);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = heartbeat::ETooManyInSync)]
fun no_more_hosts_are_in_sync_than_there_can_be_seats() {
    let (mut f, enclave) = fixture::seated();
    beat(&mut f, &enclave, bytes(32, 1), vector[@0x1, @0x2, @0x3, @0x4, @0x5, @0x6]);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EBadAuditHead)]
fun an_audit_head_of_another_length_is_refused() {
    let (mut f, enclave) = fixture::seated();
    beat(&mut f, &enclave, bytes(31, 1), vector[]);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun an_act_of_another_cluster_is_no_sign_of_life() {
    let (mut f, _own) = fixture::seated();
    let (other, enclave) = fixture::other_seated();
    let act = other.act(&enclave);
    let (registry, workers, staking, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_workers_of_another_cluster_are_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let act = f.act(&enclave);
    let (_, workers, _, _, _) = other.all();
    let (registry, _, staking, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_stakes_of_another_cluster_are_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let act = f.act(&enclave);
    let (_, _, staking, _, _) = other.all();
    let (registry, workers, _, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    abort
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_scheduler_of_another_cluster_is_refused() {
    let (mut f, enclave) = fixture::seated();
    let mut other = fixture::other();
    let act = f.act(&enclave);
    let (_, _, _, scheduler, _) = other.all();
    let (registry, workers, staking, _, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    abort
}
