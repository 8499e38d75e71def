#[test_only]
/// What every way of submitting a request refuses alike.
module daasvader::submission_tests;

use daasvader::api_path;
use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, by, bytes, sui};
use daasvader::k8s_scheduler::{Self, Scheduler};
use daasvader::staking::{Self, StakingPool};
use daasvader::worker_registry::WorkerRegistry;
use sui::clock::Clock;

const PROVIDER: address = @0x9;
const USER: address = @0x7;
const DEPLOYMENTS: vector<u8> = b"/apis/apps/v1/namespaces/default/deployments";
const MAX_PENDING: u64 = 32;

/// A cluster with a user who is a developer, without a worker.
fun idle(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_user(USER, sui(2));
    (f, enclave)
}

/// The same with an active worker.
fun ready(): (Fixture, Enclave) {
    let (mut f, enclave) = idle();
    f.add_active(&enclave, PROVIDER, b"w1", b"a");
    (f, enclave)
}

fun send_bytes(f: &mut Fixture, method: vector<u8>, path: vector<u8>, namespace: vector<u8>) {
    let (scheduler, workers, staking, clock) = f.scheduler();
    let (method, path, namespace) = (method.to_string(), path.to_string(), namespace.to_string());
    scheduler.submit_manifest(workers, staking, method, path, namespace, b"{}", clock, &by(USER, 80));
}

/// As many requests as may be open.
fun fill(f: &mut Fixture) {
    let mut sent = 0;
    while (sent < MAX_PENDING) {
        send_bytes(f, b"POST", DEPLOYMENTS, b"default");
        sent = sent + 1;
    }
}

fun send_digest(f: &mut Fixture, method: vector<u8>, path: vector<u8>, namespace: vector<u8>) {
    let (scheduler, workers, staking, clock) = f.scheduler();
    submit_digest(scheduler, workers, staking, method, path, namespace, clock);
}

fun submit_digest(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: vector<u8>,
    path: vector<u8>,
    namespace: vector<u8>,
    clock: &Clock,
) {
    scheduler.submit_manifest_reference(
        workers,
        staking,
        method.to_string(),
        path.to_string(),
        namespace.to_string(),
        bytes(32, 1),
        bytes(32, 2),
        clock,
        &by(USER, 81),
    );
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadMethod)]
fun a_manifest_is_not_read() {
    let (mut f, _enclave) = ready();
    send_bytes(&mut f, b"GET", DEPLOYMENTS, b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadMethod)]
fun a_manifest_named_by_its_digest_is_not_read() {
    let (mut f, _enclave) = ready();
    send_digest(&mut f, b"GET", DEPLOYMENTS, b"default");
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_manifest_has_no_cluster_scoped_path() {
    let (mut f, _enclave) = ready();
    send_bytes(&mut f, b"POST", b"/api/v1/nodes", b"default");
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_manifest_named_by_its_digest_has_no_cluster_scoped_path() {
    let (mut f, _enclave) = ready();
    send_digest(&mut f, b"POST", b"/api/v1/nodes", b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_manifest_does_not_go_to_another_namespace_than_its_path() {
    let (mut f, _enclave) = ready();
    send_bytes(&mut f, b"POST", DEPLOYMENTS, b"kube-system");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_manifest_named_by_its_digest_does_not_go_to_another_namespace_than_its_path() {
    let (mut f, _enclave) = ready();
    send_digest(&mut f, b"POST", DEPLOYMENTS, b"kube-system");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun a_posted_manifest_has_no_name_in_its_path() {
    let (mut f, _enclave) = ready();
    send_bytes(&mut f, b"POST", b"/apis/apps/v1/namespaces/default/deployments/web", b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun a_posted_manifest_named_by_its_digest_has_no_name_in_its_path() {
    let (mut f, _enclave) = ready();
    send_digest(&mut f, b"POST", b"/apis/apps/v1/namespaces/default/deployments/web", b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_developer_writes_no_daemon_set_by_manifest() {
    let (mut f, _enclave) = ready();
    send_bytes(&mut f, b"POST", b"/apis/apps/v1/namespaces/default/daemonsets", b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun the_33rd_manifest_that_is_not_done_is_refused() {
    let (mut f, _enclave) = ready();
    fill(&mut f);
    send_bytes(&mut f, b"POST", DEPLOYMENTS, b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun digests_count_together_with_manifests() {
    let (mut f, _enclave) = ready();
    fill(&mut f);
    send_digest(&mut f, b"POST", DEPLOYMENTS, b"default");
    abort
}

#[test]
fun a_deletion_by_manifest_is_not_refused_for_the_limit() {
    let (mut f, enclave) = ready();
    fill(&mut f);
    let path = b"/apis/apps/v1/namespaces/default/deployments/web";
    send_bytes(&mut f, b"DELETE", path, b"default");
    send_digest(&mut f, b"DELETE", path, b"default");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun a_change_is_refused_for_the_limit() {
    let (mut f, _enclave) = ready();
    fill(&mut f);
    send_bytes(&mut f, b"PATCH", b"/apis/apps/v1/namespaces/default/deployments/web", b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun without_workers_no_manifest_is_scheduled() {
    let (mut f, _enclave) = idle();
    send_bytes(&mut f, b"POST", DEPLOYMENTS, b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun without_workers_no_digest_is_scheduled() {
    let (mut f, _enclave) = idle();
    send_digest(&mut f, b"POST", DEPLOYMENTS, b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_digest_is_not_scheduled_on_the_workers_of_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, _, staking, clock) = f.scheduler();
    submit_digest(scheduler, workers, staking, b"POST", DEPLOYMENTS, b"default", clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_simple_object_is_not_scheduled_by_another_clusters_stake() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, _, staking, _) = other.scheduler();
    let (scheduler, workers, _, clock) = f.scheduler();
    scheduler.submit_k8s_request(
        workers,
        staking,
        b"POST".to_string(),
        DEPLOYMENTS.to_string(),
        b"web".to_string(),
        b"".to_string(),
        b"default".to_string(),
        b"web".to_string(),
        b"nginx".to_string(),
        b"".to_string(),
        USER,
        clock,
        &by(USER, 82),
    );
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_status() {
    let mut f = fixture::empty();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.get_request_status(1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_worker() {
    let mut f = fixture::empty();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.worker_of(1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_reason() {
    let mut f = fixture::empty();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.reason_of(1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_applied() {
    let mut f = fixture::empty();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.is_applied(1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_outcome() {
    let mut f = fixture::empty();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.outcome_of(1);
    abort
}

#[test]
fun the_admin_creates_a_pool_and_a_scheduler() {
    let mut f = fixture::empty();
    let (registry, cap, _) = f.registry();
    let ctx = &mut by(USER, 83);
    staking::create(registry, cap, ctx);
    k8s_scheduler::create(registry, cap, ctx);
    f.end();
}
