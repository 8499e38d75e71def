#[test_only]
module daasvader::k8s_scheduler_tests;

use daasvader::api_path;
use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fixture::{Self, Fixture, by, bytes, sui};
use daasvader::k8s_scheduler;
use std::unit_test::assert_eq;

const PROVIDER: address = @0x9;
const USER: address = @0x7;
const STRANGER: address = @0x5;
const DEPLOYMENTS: vector<u8> = b"/apis/apps/v1/namespaces/default/deployments";

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
const COMPLETED: u8 = 2;
const FAILED: u8 = 3;
const CANCELLED: u8 = 4;

const NOTHING: u8 = 0;
const REMOVED: u8 = 1;
const STAYS: u8 = 2;

/// A request whose fields tests change one at a time.
public struct Draft has drop {
    method: vector<u8>,
    path: vector<u8>,
    name: vector<u8>,
    labels: vector<u8>,
    namespace: vector<u8>,
    container_name: vector<u8>,
    image: vector<u8>,
    port: vector<u8>,
    requester: address,
}

fun draft(): Draft {
    Draft {
        method: b"POST",
        path: DEPLOYMENTS,
        name: b"web",
        labels: b"app=web",
        namespace: b"default",
        container_name: b"web",
        image: b"nginx:1.27",
        port: b"80",
        requester: USER,
    }
}

fun deletion(): Draft {
    let mut draft = draft();
    draft.method = b"DELETE";
    draft.path = b"/apis/apps/v1/namespaces/default/deployments/web";
    draft
}

fun send(f: &mut Fixture, draft: Draft) {
    let Draft { method, path, name, labels, namespace, container_name, image, port, requester } = draft;
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_k8s_request(
        workers,
        staking,
        method.to_string(),
        path.to_string(),
        name.to_string(),
        labels.to_string(),
        namespace.to_string(),
        container_name.to_string(),
        image.to_string(),
        port.to_string(),
        requester,
        clock,
        &by(USER, 60),
    );
}

fun send_reference(f: &mut Fixture, path: vector<u8>, digest: vector<u8>, blob_id: vector<u8>) {
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_manifest_reference(
        workers,
        staking,
        b"POST".to_string(),
        path.to_string(),
        b"default".to_string(),
        digest,
        blob_id,
        clock,
        &by(USER, 62),
    );
}

fun send_manifest(f: &mut Fixture, path: vector<u8>, manifest: vector<u8>) {
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_manifest(
        workers,
        staking,
        b"POST".to_string(),
        path.to_string(),
        b"default".to_string(),
        manifest,
        clock,
        &by(USER, 61),
    );
}

fun path_in(namespace: vector<u8>): vector<u8> {
    let mut path = b"/api/v1/namespaces/";
    path.append(namespace);
    path.append(b"/pods");
    path
}

fun send_many(f: &mut Fixture, count: u64) {
    let mut sent = 0;
    while (sent < count) {
        send(f, draft());
        sent = sent + 1;
    }
}

/// An operated cluster where `USER` staked 2 SUI, without workers.
fun idle(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_user(USER, sui(2));
    (f, enclave)
}

/// The same with the active worker `w1`.
fun ready(): (Fixture, Enclave) {
    let (mut f, enclave) = idle();
    f.add_active(&enclave, PROVIDER, b"w1", b"a");
    (f, enclave)
}

/// The same with the pending request 1.
fun requested(): (Fixture, Enclave) {
    let (mut f, enclave) = ready();
    send(&mut f, draft());
    (f, enclave)
}

fun start(f: &mut Fixture, enclave: &Enclave, request_id: u64) {
    let (scheduler, registry, clock) = f.operated();
    scheduler.start_request(registry, enclave, request_id, clock, &by(fixture::operator(), 62));
}

fun complete(f: &mut Fixture, enclave: &Enclave, request_id: u64) {
    let (scheduler, registry, clock) = f.operated();
    let ctx = &by(fixture::operator(), 63);
    scheduler.complete_request(registry, enclave, request_id, bytes(32, 1), clock, ctx);
}

fun fail(f: &mut Fixture, enclave: &Enclave, request_id: u64, reason_length: u64) {
    fail_as(f, enclave, request_id, reason_length, false)
}

fun fail_as(f: &mut Fixture, enclave: &Enclave, request_id: u64, reason_length: u64, applied: bool) {
    let (scheduler, registry, clock) = f.operated();
    let reason = bytes(reason_length, 97).to_string();
    let ctx = &by(fixture::operator(), 64);
    scheduler.fail_request(registry, enclave, request_id, reason, applied, clock, ctx);
}

fun settle(f: &mut Fixture, enclave: &Enclave, request_id: u64, outcome: u8) {
    let (scheduler, registry, clock) = f.operated();
    let ctx = &by(fixture::operator(), 68);
    scheduler.settle_cancelled_request(registry, enclave, request_id, outcome, clock, ctx);
}

fun reassign(f: &mut Fixture, enclave: &Enclave, request_id: u64) {
    let (scheduler, workers, registry, clock) = f.reassigned();
    let ctx = &by(fixture::operator(), 65);
    scheduler.reassign_request(workers, registry, enclave, request_id, clock, ctx);
}

fun cancel(f: &mut Fixture, request_id: u64, sender: address) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.cancel_request(request_id, clock, &by(sender, 66));
}

fun set_offline(f: &mut Fixture, enclave: &Enclave, node_id: vector<u8>) {
    let (workers, registry, clock) = f.workers();
    let ctx = &by(fixture::operator(), 67);
    workers.set_worker_status(registry, enclave, node_id.to_string(), 3, clock, ctx);
}

fun assert_request(f: &mut Fixture, request_id: u64, status: u8, worker: vector<u8>) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_request_status(request_id), status);
    assert_eq!(scheduler.worker_of(request_id), worker.to_string());
}

fun assert_failure(f: &mut Fixture, request_id: u64, reason: vector<u8>, applied: bool) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.reason_of(request_id), reason.to_string());
    assert_eq!(scheduler.is_applied(request_id), applied);
}

fun assert_outcome(f: &mut Fixture, request_id: u64, outcome: Option<u8>) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.outcome_of(request_id), outcome);
}

fun assert_load(f: &mut Fixture, node_id: vector<u8>, load: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_worker_workload(node_id.to_string()), load);
}

fun assert_active(f: &mut Fixture, count: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_active_request_count(), count);
}

// What becomes of a request

#[test]
fun a_request_goes_from_pending_to_completed() {
    let (mut f, enclave) = requested();
    assert_request(&mut f, 1, PENDING, b"w1");
    assert_active(&mut f, 1);
    assert_load(&mut f, b"w1", 1);
    start(&mut f, &enclave, 1);
    assert_request(&mut f, 1, RUNNING, b"w1");
    assert_load(&mut f, b"w1", 1);
    complete(&mut f, &enclave, 1);
    assert_request(&mut f, 1, COMPLETED, b"w1");
    assert_active(&mut f, 0);
    assert_load(&mut f, b"w1", 0);
    f.end_all(enclave);
}

#[test]
fun a_request_may_fail_before_it_was_started() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 1, 256);
    assert_request(&mut f, 1, FAILED, b"w1");
    assert_active(&mut f, 0);
    f.end_all(enclave);
}

#[test]
fun a_failed_request_keeps_its_reason_and_whether_it_is_applied() {
    let (mut f, enclave) = requested();
    send(&mut f, draft());
    assert_failure(&mut f, 1, b"", false);
    fail_as(&mut f, &enclave, 1, 256, true);
    fail_as(&mut f, &enclave, 2, 1, false);
    assert_failure(&mut f, 1, bytes(256, 97), true);
    assert_failure(&mut f, 2, b"a", false);
    f.end_all(enclave);
}

#[test]
fun the_requester_cancels_what_was_not_started() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    assert_request(&mut f, 1, CANCELLED, b"w1");
    assert_active(&mut f, 0);
    assert_load(&mut f, b"w1", 0);
    f.end_all(enclave);
}

#[test]
fun the_requester_cancels_what_was_started() {
    let (mut f, enclave) = ready();
    send_many(&mut f, 32);
    start(&mut f, &enclave, 1);
    cancel(&mut f, 1, USER);
    assert_request(&mut f, 1, CANCELLED, b"w1");
    assert_load(&mut f, b"w1", 31);
    send(&mut f, draft());
    assert_active(&mut f, 32);
    f.end_all(enclave);
}

#[test]
fun the_operator_says_once_what_became_of_a_cancelled_request() {
    let (mut f, enclave) = requested();
    send_many(&mut f, 2);
    vector[NOTHING, REMOVED, STAYS].do!(|outcome| {
        let request_id = (outcome as u64) + 1;
        cancel(&mut f, request_id, USER);
        assert_outcome(&mut f, request_id, option::none());
        settle(&mut f, &enclave, request_id, outcome);
        assert_outcome(&mut f, request_id, option::some(outcome));
        assert_request(&mut f, request_id, CANCELLED, b"w1");
    });
    assert_active(&mut f, 0);
    f.end_all(enclave);
}

#[test]
fun a_manifest_of_8_kib_is_accepted() {
    let (mut f, enclave) = ready();
    send_manifest(&mut f, DEPLOYMENTS, bytes(8_192, 32));
    assert_request(&mut f, 1, PENDING, b"w1");
    f.end_all(enclave);
}

#[test]
fun a_manifest_is_named_by_its_digest() {
    let (mut f, enclave) = ready();
    send_reference(&mut f, DEPLOYMENTS, bytes(32, 1), bytes(32, 2));
    assert_request(&mut f, 1, PENDING, b"w1");
    f.end_all(enclave);
}

#[test]
fun fields_may_be_left_empty() {
    let (mut f, enclave) = ready();
    let mut draft = draft();
    draft.labels = b"";
    draft.container_name = b"";
    draft.image = b"";
    draft.port = b"";
    send(&mut f, draft);
    f.end_all(enclave);
}

// What a request may say

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun nobody_asks_in_the_name_of_another() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.requester = STRANGER;
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadMethod)]
fun get_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.method = b"GET";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadMethod)]
fun a_method_in_small_letters_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.method = b"post";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadMethod)]
fun an_empty_method_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.method = b"";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun a_name_with_a_slash_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.name = b"web/x";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun an_empty_name_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.name = b"";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun post_takes_no_name_in_its_path() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = b"/apis/apps/v1/namespaces/default/deployments/web";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun name_and_path_agree() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.method = b"PUT";
    draft.path = b"/apis/apps/v1/namespaces/default/deployments/api";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadName)]
fun a_container_name_with_a_dot_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.container_name = b"we.b";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadLabels)]
fun labels_of_another_form_are_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.labels = b"app";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadImage)]
fun an_image_with_a_space_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.image = b"nginx latest";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadImage)]
fun an_image_of_more_than_255_characters_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.image = bytes(256, 97);
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadPort)]
fun port_zero_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.port = b"0";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadPort)]
fun a_port_above_65535_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.port = b"65536";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun path_and_namespace_agree() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.namespace = api_path::namespace_of(USER);
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun the_namespace_of_another_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = path_in(api_path::namespace_of(STRANGER));
    draft.namespace = api_path::namespace_of(STRANGER);
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun the_namespaces_of_the_cluster_are_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = path_in(b"kube-system");
    draft.namespace = b"kube-system";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_cluster_scoped_path_is_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = b"/api/v1/nodes";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun secrets_are_refused() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = b"/api/v1/namespaces/default/secrets";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_developer_writes_no_ingresses() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = b"/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_developer_writes_no_daemonsets() {
    let (mut f, _enclave) = ready();
    let mut draft = draft();
    draft.path = b"/apis/apps/v1/namespaces/default/daemonsets";
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_developer_has_one_namespace() {
    let (mut f, _enclave) = ready();
    let mut namespace = api_path::namespace_of(USER);
    namespace.append(b"-test");
    let mut draft = draft();
    draft.path = path_in(namespace);
    draft.namespace = namespace;
    send(&mut f, draft);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun who_staked_nothing_writes_nothing() {
    let (mut f, _enclave) = ready();
    f.submit(STRANGER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_viewer_writes_nothing() {
    let (mut f, _enclave) = ready();
    f.add_user(STRANGER, sui(2) - 1);
    f.submit(STRANGER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun who_asked_for_the_stake_writes_nothing() {
    let (mut f, _enclave) = ready();
    let (pool, clock) = f.pool();
    pool.request_withdraw(1, clock, &mut by(USER, 69));
    send(&mut f, draft());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadManifest)]
fun an_empty_manifest_is_refused() {
    let (mut f, _enclave) = ready();
    send_manifest(&mut f, DEPLOYMENTS, b"");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadManifest)]
fun a_manifest_above_8_kib_is_refused() {
    let (mut f, _enclave) = ready();
    send_manifest(&mut f, DEPLOYMENTS, bytes(8_193, 32));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_manifest_of_a_secret_is_refused() {
    let (mut f, _enclave) = ready();
    send_manifest(&mut f, b"/api/v1/namespaces/default/secrets", b"{}");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadDigest)]
fun a_manifest_is_not_named_by_a_short_digest() {
    let (mut f, _enclave) = ready();
    send_reference(&mut f, DEPLOYMENTS, bytes(31, 1), bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadDigest)]
fun a_blob_id_is_32_bytes() {
    let (mut f, _enclave) = ready();
    send_reference(&mut f, DEPLOYMENTS, bytes(32, 1), b"");
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_secret_is_not_named_by_its_digest_either() {
    let (mut f, _enclave) = ready();
    send_reference(&mut f, b"/api/v1/namespaces/default/secrets", bytes(32, 1), bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_developer_names_no_daemon_set_by_its_digest() {
    let (mut f, _enclave) = ready();
    send_reference(&mut f, b"/apis/apps/v1/namespaces/default/daemonsets", bytes(32, 1), bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun the_33rd_pending_request_is_refused() {
    let (mut f, _enclave) = ready();
    send_many(&mut f, 33);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun without_workers_nothing_is_scheduled() {
    let (mut f, _enclave) = idle();
    send(&mut f, draft());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_pending_worker_gets_nothing() {
    let (mut f, _enclave) = idle();
    f.add_worker(PROVIDER, b"w1", b"a");
    send(&mut f, draft());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_workers_of_another_cluster_are_refused() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, _, staking, clock) = f.scheduler();
    let (method, path) = (b"POST".to_string(), DEPLOYMENTS.to_string());
    let namespace = b"default".to_string();
    scheduler.submit_manifest(workers, staking, method, path, namespace, b"{}", clock, &by(USER, 70));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_stake_in_another_cluster_gives_no_role() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, _, staking, _) = other.scheduler();
    let (scheduler, workers, _, clock) = f.scheduler();
    let (method, path) = (b"POST".to_string(), DEPLOYMENTS.to_string());
    let namespace = b"default".to_string();
    scheduler.submit_manifest(workers, staking, method, path, namespace, b"{}", clock, &by(USER, 70));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_request_does_not_move_to_another_cluster() {
    let (mut f, enclave) = requested();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, registry, clock) = f.operated();
    let ctx = &by(fixture::operator(), 71);
    scheduler.reassign_request(workers, registry, &enclave, 1, clock, ctx);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_creates_no_scheduler() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (registry, _, _) = f.registry();
    let (_, cap, _) = other.registry();
    k8s_scheduler::create(registry, cap, &mut by(STRANGER, 72));
    abort
}

// The wrong order

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_started() {
    let (mut f, enclave) = requested();
    start(&mut f, &enclave, 2);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_completed() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 2);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_failed() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 2, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_settled() {
    let (mut f, enclave) = requested();
    settle(&mut f, &enclave, 2, NOTHING);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_reassigned() {
    let (mut f, enclave) = requested();
    reassign(&mut f, &enclave, 18_446_744_073_709_551_615);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_cancelled() {
    let (mut f, _enclave) = requested();
    cancel(&mut f, 0, USER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_request_is_not_started_twice() {
    let (mut f, enclave) = requested();
    start(&mut f, &enclave, 1);
    start(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_completed_request_is_not_started() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 1);
    start(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_request_is_not_completed_twice() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 1);
    complete(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_failed_request_is_not_completed() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 1, 1);
    complete(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_cancelled_request_is_not_started() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    start(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_cancelled_request_is_not_completed() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    complete(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_completed_request_does_not_fail() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 1);
    fail(&mut f, &enclave, 1, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_request_does_not_fail_twice() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 1, 1);
    fail(&mut f, &enclave, 1, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_cancelled_request_does_not_fail() {
    let (mut f, enclave) = requested();
    start(&mut f, &enclave, 1);
    cancel(&mut f, 1, USER);
    fail(&mut f, &enclave, 1, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_failed_request_is_not_cancelled() {
    let (mut f, enclave) = requested();
    fail_as(&mut f, &enclave, 1, 1, true);
    cancel(&mut f, 1, USER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_request_that_was_not_cancelled_is_not_settled() {
    let (mut f, enclave) = requested();
    start(&mut f, &enclave, 1);
    settle(&mut f, &enclave, 1, NOTHING);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_failed_request_is_not_settled() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 1, 1);
    settle(&mut f, &enclave, 1, NOTHING);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_cancelled_request_is_not_settled_twice() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    settle(&mut f, &enclave, 1, STAYS);
    settle(&mut f, &enclave, 1, REMOVED);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadOutcome)]
fun a_cancelled_request_has_no_fourth_outcome() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    settle(&mut f, &enclave, 1, 3);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_request_is_not_cancelled_twice() {
    let (mut f, _enclave) = requested();
    cancel(&mut f, 1, USER);
    cancel(&mut f, 1, USER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_completed_request_is_not_cancelled() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 1);
    cancel(&mut f, 1, USER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_completed_request_is_not_reassigned() {
    let (mut f, enclave) = requested();
    complete(&mut f, &enclave, 1);
    reassign(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadTransition)]
fun a_cancelled_request_is_not_reassigned() {
    let (mut f, enclave) = requested();
    cancel(&mut f, 1, USER);
    reassign(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun a_stranger_cancels_nothing() {
    let (mut f, _enclave) = requested();
    cancel(&mut f, 1, STRANGER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun the_operator_cancels_nothing() {
    let (mut f, _enclave) = requested();
    cancel(&mut f, 1, fixture::operator());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun without_workers_nothing_is_reassigned() {
    let (mut f, enclave) = requested();
    set_offline(&mut f, &enclave, b"w1");
    reassign(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EReasonTooLong)]
fun a_reason_of_more_than_256_bytes_is_refused() {
    let (mut f, enclave) = requested();
    fail(&mut f, &enclave, 1, 257);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadDigest)]
fun a_result_digest_of_another_length_is_refused() {
    let (mut f, enclave) = requested();
    let (scheduler, registry, clock) = f.operated();
    let ctx = &by(fixture::operator(), 73);
    scheduler.complete_request(registry, &enclave, 1, bytes(31, 1), clock, ctx);
    abort
}

// Which worker a request goes to

fun three_workers(): (Fixture, Enclave) {
    let (mut f, enclave) = ready();
    f.add_active(&enclave, PROVIDER, b"w2", b"b");
    f.add_active(&enclave, PROVIDER, b"w3", b"c");
    (f, enclave)
}

#[test]
fun a_request_goes_to_the_worker_with_the_least_load() {
    let (mut f, enclave) = three_workers();
    send_many(&mut f, 6);
    assert_load(&mut f, b"w1", 2);
    assert_load(&mut f, b"w2", 2);
    assert_load(&mut f, b"w3", 2);
    complete(&mut f, &enclave, 2);
    let (scheduler, _, _, _) = f.scheduler();
    let freed = scheduler.worker_of(2);
    send(&mut f, draft());
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.worker_of(7), freed);
    f.end_all(enclave);
}

#[test]
fun idle_workers_take_turns() {
    let (mut f, enclave) = three_workers();
    send(&mut f, draft());
    complete(&mut f, &enclave, 1);
    send(&mut f, draft());
    complete(&mut f, &enclave, 2);
    assert_request(&mut f, 1, COMPLETED, b"w1");
    assert_request(&mut f, 2, COMPLETED, b"w2");
    f.end_all(enclave);
}

#[test]
fun workers_that_are_not_active_get_nothing() {
    let (mut f, enclave) = three_workers();
    set_offline(&mut f, &enclave, b"w1");
    set_offline(&mut f, &enclave, b"w2");
    send(&mut f, draft());
    assert_request(&mut f, 1, PENDING, b"w3");
    f.end_all(enclave);
}

#[test]
fun a_request_moves_away_from_a_worker_that_is_lost() {
    let (mut f, enclave) = requested();
    f.add_active(&enclave, PROVIDER, b"w2", b"b");
    start(&mut f, &enclave, 1);
    set_offline(&mut f, &enclave, b"w1");
    reassign(&mut f, &enclave, 1);
    assert_request(&mut f, 1, RUNNING, b"w2");
    assert_load(&mut f, b"w1", 0);
    assert_load(&mut f, b"w2", 1);
    complete(&mut f, &enclave, 1);
    assert_load(&mut f, b"w2", 0);
    f.end_all(enclave);
}

#[test]
fun a_request_of_a_lost_worker_can_end() {
    let (mut f, enclave) = requested();
    set_offline(&mut f, &enclave, b"w1");
    fail(&mut f, &enclave, 1, 0);
    assert_load(&mut f, b"w1", 0);
    f.end_all(enclave);
}

// Limits

#[test]
fun a_request_that_is_done_makes_room() {
    let (mut f, enclave) = ready();
    send_many(&mut f, 32);
    complete(&mut f, &enclave, 32);
    send(&mut f, draft());
    assert_active(&mut f, 32);
    f.end_all(enclave);
}

#[test]
fun a_deletion_beyond_the_limit_is_scheduled_and_counted() {
    let (mut f, enclave) = ready();
    send_many(&mut f, 32);
    send(&mut f, deletion());
    send(&mut f, deletion());
    assert_active(&mut f, 34);
    complete(&mut f, &enclave, 33);
    complete(&mut f, &enclave, 34);
    complete(&mut f, &enclave, 1);
    send(&mut f, draft());
    assert_active(&mut f, 32);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun deletions_take_the_room_of_other_requests() {
    let (mut f, enclave) = ready();
    send_many(&mut f, 32);
    send(&mut f, deletion());
    complete(&mut f, &enclave, 1);
    send(&mut f, draft());
    abort
}

#[test]
fun the_limit_of_one_user_is_not_that_of_another() {
    let (mut f, enclave) = ready();
    send_many(&mut f, 32);
    f.add_user(STRANGER, sui(2));
    f.submit(STRANGER);
    assert_active(&mut f, 33);
    f.end_all(enclave);
}

#[test]
fun an_admin_has_further_namespaces() {
    let (mut f, enclave) = ready();
    f.add_user(STRANGER, sui(5));
    let mut namespace = api_path::namespace_of(STRANGER);
    namespace.append(b"-test");
    let path = path_in(namespace);
    let (scheduler, workers, staking, clock) = f.scheduler();
    let ctx = &by(STRANGER, 68);
    scheduler.submit_manifest(
        workers, staking, b"POST".to_string(), path.to_string(), namespace.to_string(), b"{}", clock, ctx,
    );
    f.end_all(enclave);
}
