#[test_only]
/// What every way of sending an order refuses, and what each refuses of its own.
module daasvader::submission_tests;

use daasvader::api_path;
use daasvader::fees;
use daasvader::fixture::{Self, Fixture, by, bytes, sui};
use daasvader::gate;
use daasvader::hourly;
use daasvader::k8s_scheduler::{Self, Scheduler};
use daasvader::order;
use daasvader::orders::{deletion, idle, namespace_with, path_in, raw, ready, simple, simple_deletion};
use daasvader::staking::StakingPool;
use daasvader::worker_registry::WorkerRegistry;
use std::unit_test::assert_eq;
use sui::clock::Clock;

use fun daasvader::orders::send as Fixture.send;
use fun daasvader::orders::send_raw as Fixture.send_raw;
use fun daasvader::orders::send_by_digest as Fixture.send_by_digest;
use fun daasvader::orders::send_many as Fixture.send_many;

const USER: address = @0x7;
const STRANGER: address = @0x5;
const DEPLOYMENTS: vector<u8> = b"/apis/apps/v1/namespaces/default/deployments";
const MAX_OPEN: u64 = 32;
const MAX_ORDERS: u64 = 1_200;
const MAX_REMOVALS: u64 = 2_400;

fun use_hour(f: &mut Fixture, events: u64) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.use_hour(USER, events, clock);
}

fun propose_fee(f: &mut Fixture, fee: u64) {
    let (scheduler, registry, cap, clock) = f.administered_scheduler();
    scheduler.propose_fee(registry, cap, fee, clock);
}

/// As the next version of the package would.
fun migrate(f: &mut Fixture) {
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.set_version(gate::version() + 1);
}

fun assert_active(f: &mut Fixture, count: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_active_request_count(), count);
}

fun simple_with(scheduler: &mut Scheduler, workers: &WorkerRegistry, staking: &StakingPool, clock: &Clock) {
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
        &by(USER, 80),
    );
}

fun raw_with(scheduler: &mut Scheduler, workers: &WorkerRegistry, staking: &StakingPool, clock: &Clock) {
    scheduler.submit_request(
        workers,
        staking,
        b"POST".to_string(),
        DEPLOYMENTS.to_string(),
        b"".to_string(),
        b"".to_string(),
        vector[b"{}"],
        clock,
        &by(USER, 81),
    );
}

fun digest_with(scheduler: &mut Scheduler, workers: &WorkerRegistry, staking: &StakingPool, clock: &Clock) {
    scheduler.submit_request_by_digest(
        workers,
        staking,
        b"POST".to_string(),
        DEPLOYMENTS.to_string(),
        b"".to_string(),
        b"".to_string(),
        bytes(32, 1),
        2,
        bytes(32, 2),
        clock,
        &by(USER, 82),
    );
}

// What every way refuses

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_simple_order_is_not_read() {
    let (mut f, _enclave) = ready();
    f.send(simple().method(b"GET"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_is_not_read() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().method(b"GET"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_by_digest_is_not_read() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().method(b"GET"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_simple_order_is_not_read_in_small_letters() {
    let (mut f, _enclave) = ready();
    f.send(simple().method(b"post"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_is_not_read_in_small_letters() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().method(b"post"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_by_digest_is_not_read_in_small_letters() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().method(b"post"));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_simple_order_has_a_method() {
    let (mut f, _enclave) = ready();
    f.send(simple().method(b""));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_has_a_method() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().method(b""));
    abort
}

#[test, expected_failure(abort_code = order::EBadMethod)]
fun a_request_by_digest_has_a_method() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().method(b""));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_simple_order_has_no_cluster_scoped_path() {
    let (mut f, _enclave) = ready();
    f.send(simple().path(b"/api/v1/nodes"));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_request_has_no_cluster_scoped_path() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().path(b"/api/v1/nodes"));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_request_by_digest_has_no_cluster_scoped_path() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().path(b"/api/v1/nodes"));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_simple_order_writes_no_secrets() {
    let (mut f, _enclave) = ready();
    f.send(simple().path(b"/api/v1/namespaces/default/secrets"));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_request_writes_no_secrets() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().path(b"/api/v1/namespaces/default/secrets"));
    abort
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_request_by_digest_writes_no_secrets() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().path(b"/api/v1/namespaces/default/secrets"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_simple_order_does_not_go_to_the_namespace_of_another() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(STRANGER, b"");
    f.send(simple().path(path_in(namespace, b"pods")).namespace(namespace.into_bytes()));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_does_not_go_to_the_namespace_of_another() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(STRANGER, b"");
    f.send_raw(USER, raw().path(path_in(namespace, b"pods")));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_by_digest_does_not_go_to_the_namespace_of_another() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(STRANGER, b"");
    f.send_by_digest(USER, raw().path(path_in(namespace, b"pods")));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_simple_order_does_not_go_to_a_namespace_of_the_cluster() {
    let (mut f, _enclave) = ready();
    f.send(simple().path(b"/api/v1/namespaces/kube-system/pods").namespace(b"kube-system"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_does_not_go_to_a_namespace_of_the_cluster() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().path(b"/api/v1/namespaces/kube-system/pods"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_by_digest_does_not_go_to_a_namespace_of_the_cluster() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().path(b"/api/v1/namespaces/kube-system/pods"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_simple_order_of_a_developer_goes_to_no_further_namespace() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(USER, b"-test");
    f.send(simple().path(path_in(namespace, b"pods")).namespace(namespace.into_bytes()));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_of_a_developer_goes_to_no_further_namespace() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(USER, b"-test");
    f.send_raw(USER, raw().path(path_in(namespace, b"pods")));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_request_by_digest_of_a_developer_goes_to_no_further_namespace() {
    let (mut f, _enclave) = ready();
    let namespace = namespace_with(USER, b"-test");
    f.send_by_digest(USER, raw().path(path_in(namespace, b"pods")));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_simple_order_takes_a_developer() {
    let (mut f, _enclave) = ready();
    let (pool, clock) = f.pool();
    pool.request_withdraw(1, clock, &mut by(USER, 70));
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_request_takes_a_developer() {
    let (mut f, _enclave) = ready();
    let (pool, clock) = f.pool();
    pool.request_withdraw(1, clock, &mut by(USER, 70));
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_request_by_digest_takes_a_developer() {
    let (mut f, _enclave) = ready();
    let (pool, clock) = f.pool();
    pool.request_withdraw(1, clock, &mut by(USER, 70));
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun a_simple_order_waits_for_room() {
    let (mut f, _enclave) = ready();
    f.send_many(USER, raw(), MAX_OPEN);
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun a_request_waits_for_room() {
    let (mut f, _enclave) = ready();
    f.send_many(USER, raw(), MAX_OPEN);
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun a_request_by_digest_waits_for_room() {
    let (mut f, _enclave) = ready();
    f.send_many(USER, raw(), MAX_OPEN);
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_simple_order_takes_an_active_worker() {
    let (mut f, _enclave) = idle();
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_request_takes_an_active_worker() {
    let (mut f, _enclave) = idle();
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_request_by_digest_takes_an_active_worker() {
    let (mut f, _enclave) = idle();
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_simple_order_takes_more_than_a_pending_worker() {
    let (mut f, _enclave) = idle();
    f.add_worker(@0x9, b"w1", b"a");
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_request_takes_more_than_a_pending_worker() {
    let (mut f, _enclave) = idle();
    f.add_worker(@0x9, b"w1", b"a");
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoActiveWorker)]
fun a_request_by_digest_takes_more_than_a_pending_worker() {
    let (mut f, _enclave) = idle();
    f.add_worker(@0x9, b"w1", b"a");
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_simple_order_is_refused_when_the_hour_is_used_up() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, MAX_ORDERS);
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_request_is_refused_when_the_hour_is_used_up() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, MAX_ORDERS);
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_request_by_digest_is_refused_when_the_hour_is_used_up() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, MAX_ORDERS);
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun a_simple_order_is_not_for_free() {
    let (mut f, _enclave) = ready();
    propose_fee(&mut f, 1);
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun a_request_is_not_for_free() {
    let (mut f, _enclave) = ready();
    propose_fee(&mut f, 1);
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun a_request_by_digest_is_not_for_free() {
    let (mut f, _enclave) = ready();
    propose_fee(&mut f, 1);
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun a_simple_order_does_not_go_through_an_old_package() {
    let (mut f, _enclave) = ready();
    migrate(&mut f);
    f.send(simple());
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun a_request_does_not_go_through_an_old_package() {
    let (mut f, _enclave) = ready();
    migrate(&mut f);
    f.send_raw(USER, raw());
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun a_request_by_digest_does_not_go_through_an_old_package() {
    let (mut f, _enclave) = ready();
    migrate(&mut f);
    f.send_by_digest(USER, raw());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_simple_order_is_not_sent_to_the_workers_of_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, _, staking, clock) = f.scheduler();
    simple_with(scheduler, workers, staking, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_simple_order_is_not_allowed_by_a_stake_in_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    other.add_user(USER, sui(10));
    let (_, _, staking, _) = other.scheduler();
    let (scheduler, workers, _, clock) = f.scheduler();
    simple_with(scheduler, workers, staking, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_request_is_not_sent_to_the_workers_of_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, _, staking, clock) = f.scheduler();
    raw_with(scheduler, workers, staking, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_request_is_not_allowed_by_a_stake_in_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    other.add_user(USER, sui(10));
    let (_, _, staking, _) = other.scheduler();
    let (scheduler, workers, _, clock) = f.scheduler();
    raw_with(scheduler, workers, staking, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_request_by_digest_is_not_sent_to_the_workers_of_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    let (_, workers, _, _) = other.scheduler();
    let (scheduler, _, staking, clock) = f.scheduler();
    digest_with(scheduler, workers, staking, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_request_by_digest_is_not_allowed_by_a_stake_in_another_cluster() {
    let (mut f, _enclave) = ready();
    let mut other = fixture::other();
    other.add_user(USER, sui(10));
    let (_, _, staking, _) = other.scheduler();
    let (scheduler, workers, _, clock) = f.scheduler();
    digest_with(scheduler, workers, staking, clock);
    abort
}

// What is not refused

#[test]
fun each_way_makes_a_request_of_its_own() {
    let (mut f, enclave) = ready();
    f.send(simple());
    f.send_raw(USER, raw());
    f.send_by_digest(USER, raw());
    assert_active(&mut f, 3);
    f.end_all(enclave);
}

#[test]
fun each_method_that_writes_is_taken() {
    let (mut f, enclave) = ready();
    vector[b"POST", b"PUT", b"PATCH", b"DELETE"].do!(|method| f.send_raw(USER, raw().method(method)));
    assert_active(&mut f, 4);
    f.end_all(enclave);
}

#[test]
fun resources_of_any_kind_are_taken_in_any_version() {
    let (mut f, enclave) = ready();
    vector[
        b"/api/v1/namespaces/default/persistentvolumeclaims/data",
        b"/apis/apps/v1/namespaces/default/statefulsets/db/scale",
        b"/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        b"/apis/example.com/v1alpha1/namespaces/default/things/a.b",
    ].do!(|path| f.send_raw(USER, raw().path(path)));
    assert_active(&mut f, 4);
    f.end_all(enclave);
}

#[test]
fun an_order_in_the_own_namespace_may_have_its_full_name() {
    let (mut f, enclave) = ready();
    let path = path_in(namespace_with(USER, b""), b"pods");
    f.send_raw(USER, raw().path(path));
    f.send_by_digest(USER, raw().path(path));
    f.send(simple().path(path).namespace(namespace_with(USER, b"").into_bytes()));
    assert_active(&mut f, 3);
    f.end_all(enclave);
}

#[test]
fun a_deletion_is_not_refused_for_the_lack_of_room() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), MAX_OPEN);
    f.send(simple_deletion());
    f.send_raw(USER, deletion());
    f.send_by_digest(USER, deletion());
    assert_active(&mut f, MAX_OPEN + 3);
    f.end_all(enclave);
}

#[test]
fun whoever_used_up_the_hour_still_deletes() {
    let (mut f, enclave) = ready();
    use_hour(&mut f, MAX_ORDERS);
    f.send(simple_deletion());
    f.send_raw(USER, deletion());
    f.send_by_digest(USER, deletion());
    use_hour(&mut f, MAX_REMOVALS - MAX_ORDERS - 4);
    f.send_raw(USER, deletion());
    assert_active(&mut f, 4);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun deletions_have_a_limit_of_their_own() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, MAX_REMOVALS);
    f.send_raw(USER, deletion());
    abort
}

#[test]
fun the_next_hour_begins_anew() {
    let (mut f, enclave) = ready();
    use_hour(&mut f, MAX_REMOVALS);
    // The cluster begins 800 seconds into an hour.
    f.advance(2_800_000);
    f.send_raw(USER, raw());
    assert_active(&mut f, 1);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun no_hour_is_over_early() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, MAX_ORDERS);
    f.advance(2_799_999);
    f.send_raw(USER, raw());
    abort
}

#[test]
fun the_room_and_the_hour_of_one_owner_are_not_those_of_another() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), MAX_OPEN);
    use_hour(&mut f, MAX_REMOVALS - MAX_OPEN);
    f.add_user(STRANGER, sui(2));
    f.send_raw(STRANGER, raw());
    assert_active(&mut f, MAX_OPEN + 1);
    f.end_all(enclave);
}

// Simple orders

#[test]
fun fields_of_a_simple_order_may_be_empty() {
    let (mut f, enclave) = ready();
    f.send(simple().labels(b"").container_name(b"").image(b"").port(b""));
    assert_active(&mut f, 1);
    f.end_all(enclave);
}

#[test]
fun the_name_may_be_in_the_path_too() {
    let (mut f, enclave) = ready();
    let path = b"/apis/apps/v1/namespaces/default/deployments/web";
    vector[b"PUT", b"PATCH", b"DELETE"].do!(|method| f.send(simple().method(method).path(path)));
    assert_active(&mut f, 3);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun nobody_orders_in_the_name_of_another() {
    let (mut f, _enclave) = ready();
    f.send(simple().requester(STRANGER));
    abort
}

#[test, expected_failure(abort_code = order::EOtherNamespace)]
fun path_and_namespace_agree() {
    let (mut f, _enclave) = ready();
    f.send(simple().namespace(namespace_with(USER, b"").into_bytes()));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun an_object_has_a_name() {
    let (mut f, _enclave) = ready();
    f.send(simple().name(b""));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun a_name_has_no_slash() {
    let (mut f, _enclave) = ready();
    f.send(simple().name(b"web/x"));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun a_name_in_the_path_is_not_posted() {
    let (mut f, _enclave) = ready();
    f.send(simple().path(b"/apis/apps/v1/namespaces/default/deployments/web"));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun name_and_path_agree() {
    let (mut f, _enclave) = ready();
    f.send(simple().method(b"PUT").path(b"/apis/apps/v1/namespaces/default/deployments/api"));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun a_simple_order_writes_no_subresource() {
    let (mut f, _enclave) = ready();
    f.send(simple().method(b"PUT").path(b"/apis/apps/v1/namespaces/default/deployments/web/scale"));
    abort
}

#[test, expected_failure(abort_code = order::EBadName)]
fun the_name_of_a_container_has_no_dot() {
    let (mut f, _enclave) = ready();
    f.send(simple().container_name(b"we.b"));
    abort
}

#[test, expected_failure(abort_code = order::EBadLabels)]
fun labels_have_values() {
    let (mut f, _enclave) = ready();
    f.send(simple().labels(b"app"));
    abort
}

#[test, expected_failure(abort_code = order::EBadImage)]
fun an_image_has_no_space() {
    let (mut f, _enclave) = ready();
    f.send(simple().image(b"nginx latest"));
    abort
}

#[test, expected_failure(abort_code = order::EBadImage)]
fun an_image_has_at_most_255_characters() {
    let (mut f, _enclave) = ready();
    f.send(simple().image(bytes(256, 97)));
    abort
}

#[test, expected_failure(abort_code = order::EBadPort)]
fun port_zero_is_refused() {
    let (mut f, _enclave) = ready();
    f.send(simple().port(b"0"));
    abort
}

#[test, expected_failure(abort_code = order::EBadPort)]
fun a_port_above_65535_is_refused() {
    let (mut f, _enclave) = ready();
    f.send(simple().port(b"65536"));
    abort
}

// Requests as they are

#[test]
fun a_body_has_96_kib_in_8_pieces() {
    let (mut f, enclave) = ready();
    let piece = bytes(12_288, 32);
    f.send_raw(USER, raw().body(vector[piece, piece, piece, piece, piece, piece, piece, piece]));
    assert_active(&mut f, 1);
    f.end_all(enclave);
}

#[test]
fun a_deletion_may_have_a_body_or_none() {
    let (mut f, enclave) = ready();
    f.send_raw(USER, deletion());
    f.send_raw(USER, deletion().body(vector[b"{}"]));
    f.send_raw(USER, deletion().body(vector[b""]));
    assert_active(&mut f, 3);
    f.end_all(enclave);
}

#[test]
fun query_and_content_type_may_be_empty_and_have_their_greatest_length() {
    let (mut f, enclave) = ready();
    f.send_raw(USER, raw().query(b"").content_type(b""));
    f.send_raw(USER, raw().query(bytes(512, 126)).content_type(bytes(128, 32)));
    f.send_by_digest(USER, raw().query(b"").content_type(b""));
    f.send_by_digest(USER, raw().query(bytes(512, 33)).content_type(bytes(128, 126)));
    assert_active(&mut f, 4);
    f.end_all(enclave);
}

#[test]
fun a_body_elsewhere_has_3_mib() {
    let (mut f, enclave) = ready();
    f.send_by_digest(USER, raw().size(1));
    f.send_by_digest(USER, raw().size(3_145_728));
    assert_active(&mut f, 2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_has_a_query_of_512_bytes_at_most() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().query(bytes(513, 97)));
    abort
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_has_no_space_in_its_query() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().query(b"a b"));
    abort
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_has_no_line_break_in_its_query() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().query(b"a\n"));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_has_a_content_type_of_128_bytes_at_most() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().content_type(bytes(129, 97)));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_has_no_line_break_in_its_content_type() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().content_type(b"text\r\nX-A: b"));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_has_no_other_letters_in_its_content_type() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().content_type(x"c3a9"));
    abort
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_by_digest_has_a_query_of_512_bytes_at_most() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().query(bytes(513, 97)));
    abort
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_by_digest_has_no_space_in_its_query() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().query(b"a b"));
    abort
}

#[test, expected_failure(abort_code = order::EBadQuery)]
fun a_request_by_digest_has_no_line_break_in_its_query() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().query(b"a\n"));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_by_digest_has_a_content_type_of_128_bytes_at_most() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().content_type(bytes(129, 97)));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_by_digest_has_no_line_break_in_its_content_type() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().content_type(b"text\r\nX-A: b"));
    abort
}

#[test, expected_failure(abort_code = order::EBadContentType)]
fun a_request_by_digest_has_no_other_letters_in_its_content_type() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().content_type(x"c3a9"));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_request_has_a_body() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().body(vector[]));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_request_has_more_than_empty_pieces() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().method(b"PATCH").body(vector[b"", b""]));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_body_has_no_9_pieces() {
    let (mut f, _enclave) = ready();
    let piece = b"a";
    f.send_raw(USER, raw().body(vector[piece, piece, piece, piece, piece, piece, piece, piece, piece]));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_body_has_no_more_than_96_kib() {
    let (mut f, _enclave) = ready();
    f.send_raw(USER, raw().body(vector[bytes(98_304, 32), b"a"]));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_body_elsewhere_is_not_empty() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().size(0));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_body_elsewhere_has_no_more_than_3_mib() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().size(3_145_729));
    abort
}

#[test, expected_failure(abort_code = order::EBadBody)]
fun a_body_elsewhere_does_not_have_the_greatest_size() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().size(18_446_744_073_709_551_615));
    abort
}

#[test, expected_failure(abort_code = order::EBadDigest)]
fun the_digest_of_a_body_is_32_bytes() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().digest(bytes(31, 1)));
    abort
}

#[test, expected_failure(abort_code = order::EBadDigest)]
fun a_blob_id_is_32_bytes() {
    let (mut f, _enclave) = ready();
    f.send_by_digest(USER, raw().blob_id(b""));
    abort
}
