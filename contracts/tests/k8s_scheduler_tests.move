#[test_only]
/// What becomes of a request.
module daasvader::k8s_scheduler_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, bytes};
use daasvader::gate;
use daasvader::hourly;
use daasvader::k8s_scheduler;
use daasvader::orders::{raw, ready, requested};
use daasvader::request;
use std::unit_test::assert_eq;

use fun daasvader::orders::send_raw as Fixture.send_raw;
use fun daasvader::orders::send_many as Fixture.send_many;
use fun daasvader::orders::cancel as Fixture.cancel;
use fun daasvader::orders::prune as Fixture.prune;
use fun daasvader::orders::start as Fixture.start;
use fun daasvader::orders::complete as Fixture.complete;
use fun daasvader::orders::fail as Fixture.fail;
use fun daasvader::orders::settle as Fixture.settle;
use fun daasvader::orders::assign as Fixture.assign;
use fun daasvader::orders::log_head as Fixture.log_head;
use fun daasvader::orders::assert_status as Fixture.assert_status;
use fun daasvader::orders::assert_active as Fixture.assert_active;
use fun daasvader::orders::assert_load as Fixture.assert_load;
use fun daasvader::orders::assert_workers as Fixture.assert_workers;
use fun daasvader::orders::assert_failure as Fixture.assert_failure;
use fun daasvader::orders::assert_outcome as Fixture.assert_outcome;

const USER: address = @0x7;
const STRANGER: address = @0x5;
const DAY_MS: u64 = 86_400_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
const COMPLETED: u8 = 2;
const FAILED: u8 = 3;
const CANCELLED: u8 = 4;

const NOTHING: u8 = 0;
const REMOVED: u8 = 1;
const STAYS: u8 = 2;

/// Everything that the operator can say of a request.
fun state_all(f: &mut Fixture, request_id: u64) {
    f.start(request_id);
    f.assign(request_id, vector[b"w9"]);
    f.complete(request_id);
    f.fail(request_id, b"no", true);
    f.settle(request_id, STAYS);
}

/// As the next version of the package would.
fun migrate(f: &mut Fixture) {
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.set_version(gate::version() + 1);
}

// From one status to another

#[test]
fun a_request_goes_from_pending_to_completed() {
    let (mut f, enclave) = requested();
    f.assert_status(1, PENDING);
    f.assert_active(1);
    f.start(1);
    f.assert_status(1, RUNNING);
    f.assert_active(1);
    f.complete(1);
    f.assert_status(1, COMPLETED);
    f.assert_active(0);
    f.end_all(enclave);
}

#[test]
fun a_request_is_completed_without_being_started() {
    let (mut f, enclave) = requested();
    f.complete(1);
    f.assert_status(1, COMPLETED);
    f.end_all(enclave);
}

#[test]
fun a_failed_request_keeps_its_reason_and_whether_it_is_applied() {
    let (mut f, enclave) = requested();
    f.send_raw(USER, raw());
    f.assert_failure(1, b"", false);
    f.start(1);
    f.fail(1, bytes(256, 97), true);
    f.fail(2, b"", false);
    f.assert_failure(1, bytes(256, 97), true);
    f.assert_failure(2, b"", false);
    f.assert_status(1, FAILED);
    f.assert_active(0);
    f.end_all(enclave);
}

#[test]
fun the_requester_cancels_what_was_started_and_what_was_not() {
    let (mut f, enclave) = requested();
    f.send_raw(USER, raw());
    f.start(2);
    f.cancel(1, USER);
    f.cancel(2, USER);
    f.assert_status(1, CANCELLED);
    f.assert_status(2, CANCELLED);
    f.assert_active(0);
    f.end_all(enclave);
}

#[test]
fun the_operator_says_once_what_became_of_a_cancelled_request() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), 3);
    vector[NOTHING, REMOVED, STAYS].do!(|outcome| {
        let request_id = (outcome as u64) + 1;
        f.cancel(request_id, USER);
        f.assert_outcome(request_id, option::none());
        f.settle(request_id, outcome);
        f.assert_outcome(request_id, option::some(outcome));
        let head = f.log_head();
        f.settle(request_id, (outcome + 1) % 3);
        f.assert_outcome(request_id, option::some(outcome));
        assert_eq!(f.log_head(), head);
        f.assert_status(request_id, CANCELLED);
    });
    f.end_all(enclave);
}

#[test]
fun whatever_ends_a_request_makes_room() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), 32);
    f.complete(1);
    f.fail(2, b"no", true);
    f.cancel(3, USER);
    f.send_many(USER, raw(), 3);
    f.assert_active(32);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun what_ends_twice_makes_room_once() {
    let (mut f, _enclave) = ready();
    f.send_many(USER, raw(), 32);
    f.complete(1);
    f.complete(1);
    f.fail(1, b"no", false);
    f.send_many(USER, raw(), 2);
    abort
}

// Levels: what does not apply does nothing and emits nothing

#[test]
fun what_is_said_twice_is_said_once() {
    let (mut f, enclave) = requested();
    f.start(1);
    let head = f.log_head();
    f.start(1);
    assert_eq!(f.log_head(), head);
    f.assign(1, vector[b"w1", b"w2"]);
    let head = f.log_head();
    f.assign(1, vector[b"w1", b"w2"]);
    f.assign(1, vector[b"w2", b"w1"]);
    assert_eq!(f.log_head(), head);
    f.end_all(enclave);
}

#[test]
fun of_unknown_requests_nothing_can_be_said() {
    let (mut f, enclave) = requested();
    let head = f.log_head();
    vector[0, 2, MAX_U64].do!(|request_id| state_all(&mut f, request_id));
    assert_eq!(f.log_head(), head);
    f.assert_active(1);
    f.assert_load(b"w9", 0);
    f.end_all(enclave);
}

#[test]
fun of_a_completed_request_nothing_more_can_be_said() {
    let (mut f, enclave) = requested();
    f.complete(1);
    let head = f.log_head();
    state_all(&mut f, 1);
    assert_eq!(f.log_head(), head);
    f.assert_status(1, COMPLETED);
    f.assert_failure(1, b"", false);
    f.assert_outcome(1, option::none());
    f.assert_load(b"w9", 0);
    f.end_all(enclave);
}

#[test]
fun of_a_failed_request_nothing_more_can_be_said() {
    let (mut f, enclave) = requested();
    f.fail(1, b"first", false);
    let head = f.log_head();
    state_all(&mut f, 1);
    assert_eq!(f.log_head(), head);
    f.assert_status(1, FAILED);
    f.assert_failure(1, b"first", false);
    f.end_all(enclave);
}

#[test]
fun of_a_cancelled_request_only_its_outcome_can_be_said() {
    let (mut f, enclave) = requested();
    f.cancel(1, USER);
    let head = f.log_head();
    f.start(1);
    f.assign(1, vector[b"w9"]);
    f.complete(1);
    f.fail(1, b"no", true);
    assert_eq!(f.log_head(), head);
    f.assert_status(1, CANCELLED);
    f.settle(1, STAYS);
    assert!(f.log_head() != head);
    f.end_all(enclave);
}

#[test]
fun of_a_removed_request_nothing_can_be_said() {
    let (mut f, enclave) = requested();
    f.complete(1);
    f.prune(1, USER);
    let head = f.log_head();
    state_all(&mut f, 1);
    assert_eq!(f.log_head(), head);
    f.assert_active(0);
    f.end_all(enclave);
}

#[test]
fun an_open_request_has_no_outcome() {
    let (mut f, enclave) = requested();
    let head = f.log_head();
    f.settle(1, STAYS);
    assert_eq!(f.log_head(), head);
    f.assert_outcome(1, option::none());
    f.end_all(enclave);
}

// What is said in a wrong form

#[test, expected_failure(abort_code = k8s_scheduler::EReasonTooLong)]
fun a_reason_of_more_than_256_bytes_is_refused() {
    let (mut f, _enclave) = requested();
    f.fail(1, bytes(257, 97), false);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EReasonTooLong)]
fun a_long_reason_of_an_unknown_request_is_refused_too() {
    let (mut f, _enclave) = requested();
    f.fail(2, bytes(257, 97), false);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadDigest)]
fun a_result_digest_of_another_length_is_refused() {
    let (mut f, _enclave) = requested();
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.complete_request(&act, 1, bytes(31, 1), clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadOutcome)]
fun a_cancelled_request_has_no_fourth_outcome() {
    let (mut f, _enclave) = requested();
    f.cancel(1, USER);
    f.settle(1, 3);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadOutcome)]
fun the_greatest_outcome_is_refused() {
    let (mut f, _enclave) = requested();
    f.settle(1, 255);
    abort
}

// Where a request runs

#[test]
fun the_operator_says_where_a_request_runs() {
    let (mut f, enclave) = requested();
    f.assert_workers(1, vector[]);
    f.assign(1, vector[b"w1", b"w2"]);
    f.assert_workers(1, vector[b"w1", b"w2"]);
    f.assign(1, vector[b"w2", b"w3"]);
    f.assert_workers(1, vector[b"w2", b"w3"]);
    f.assert_load(b"w1", 0);
    f.assert_load(b"w2", 1);
    f.assert_load(b"w3", 1);
    f.assign(1, vector[]);
    f.assert_workers(1, vector[]);
    f.assert_load(b"w2", 0);
    f.end_all(enclave);
}

#[test]
fun a_worker_has_a_part_in_several_requests() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), 4);
    vector[1, 2, 3, 4].do!(|request_id| f.assign(request_id, vector[b"w1"]));
    f.assert_load(b"w1", 4);
    f.complete(1);
    f.fail(2, b"no", true);
    f.cancel(3, USER);
    f.assert_load(b"w1", 1);
    f.assert_workers(1, vector[b"w1"]);
    f.complete(4);
    f.assert_load(b"w1", 0);
    f.end_all(enclave);
}

#[test]
fun each_newly_named_worker_is_told_once() {
    let (mut f, enclave) = requested();
    let (scheduler, _, _, _) = f.scheduler();
    let before = scheduler.event_count();
    f.assign(1, vector[b"w1", b"w1", b"w2"]);
    f.assign(1, vector[b"w2"]);
    f.assign(1, vector[b"w1"]);
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.event_count() - before, 3);
    f.assert_load(b"w1", 1);
    f.assert_load(b"w2", 0);
    f.end_all(enclave);
}

fun workers(count: u8): vector<vector<u8>> {
    let mut node_ids = vector[];
    let mut i = 0;
    while (i < count) {
        node_ids.push_back(bytes(63, 97 + i));
        i = i + 1;
    };
    node_ids
}

#[test]
fun a_request_runs_on_16_workers() {
    let (mut f, enclave) = requested();
    f.assign(1, workers(16));
    f.assert_workers(1, workers(16));
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadWorkers)]
fun a_request_does_not_run_on_17_workers() {
    let (mut f, _enclave) = requested();
    f.assign(1, workers(17));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadWorkers)]
fun a_worker_has_an_id() {
    let (mut f, _enclave) = requested();
    f.assign(1, vector[b""]);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadWorkers)]
fun the_id_of_a_worker_has_63_characters_at_most() {
    let (mut f, _enclave) = requested();
    f.assign(1, vector[bytes(64, 97)]);
    abort
}

// Cancelling

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun a_stranger_cancels_nothing() {
    let (mut f, _enclave) = requested();
    f.cancel(1, STRANGER);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun the_operator_cancels_nothing() {
    let (mut f, _enclave) = requested();
    f.cancel(1, fixture::operator());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_is_not_cancelled() {
    let (mut f, _enclave) = requested();
    f.cancel(0, USER);
    abort
}

#[test, expected_failure(abort_code = request::EBadTransition)]
fun a_request_is_not_cancelled_twice() {
    let (mut f, _enclave) = requested();
    f.cancel(1, USER);
    f.cancel(1, USER);
    abort
}

#[test, expected_failure(abort_code = request::EBadTransition)]
fun a_completed_request_is_not_cancelled() {
    let (mut f, _enclave) = requested();
    f.complete(1);
    f.cancel(1, USER);
    abort
}

#[test, expected_failure(abort_code = request::EBadTransition)]
fun a_failed_request_is_not_cancelled() {
    let (mut f, _enclave) = requested();
    f.fail(1, b"no", true);
    f.cancel(1, USER);
    abort
}

#[test]
fun whoever_used_up_the_hour_with_orders_still_cancels() {
    let (mut f, enclave) = requested();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.use_hour(USER, 1_200, clock);
    f.cancel(1, USER);
    f.assert_status(1, CANCELLED);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun cancelling_has_a_limit_too() {
    let (mut f, _enclave) = requested();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.use_hour(USER, 2_399, clock);
    f.cancel(1, USER);
    abort
}

// Removing

#[test]
fun the_requester_removes_what_is_done() {
    let (mut f, enclave) = ready();
    f.send_many(USER, raw(), 3);
    f.complete(1);
    f.fail(2, b"no", true);
    f.cancel(3, USER);
    f.settle(3, NOTHING);
    vector[1, 2, 3].do!(|request_id| f.prune(request_id, USER));
    f.assert_active(0);
    // Numbers are not used again.
    f.send_raw(USER, raw());
    f.assert_status(4, PENDING);
    f.end_all(enclave);
}

#[test]
fun anybody_removes_what_is_done_for_7_days() {
    let (mut f, enclave) = requested();
    f.advance(DAY_MS);
    f.complete(1);
    f.advance(7 * DAY_MS);
    f.prune(1, STRANGER);
    f.end_all(enclave);
}

#[test]
fun anybody_removes_what_nobody_settled_for_30_days() {
    let (mut f, enclave) = requested();
    f.send_raw(USER, raw());
    f.cancel(1, USER);
    f.cancel(2, USER);
    f.advance(30 * DAY_MS);
    f.prune(1, STRANGER);
    f.prune(2, USER);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun a_removed_request_is_not_there() {
    let (mut f, _enclave) = requested();
    f.complete(1);
    f.prune(1, USER);
    f.assert_status(1, COMPLETED);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun a_request_is_not_removed_twice() {
    let (mut f, _enclave) = requested();
    f.complete(1);
    f.prune(1, USER);
    f.prune(1, USER);
    abort
}

#[test, expected_failure(abort_code = request::ETooEarly)]
fun an_open_request_is_not_removed() {
    let (mut f, _enclave) = requested();
    f.start(1);
    f.advance(365 * DAY_MS);
    f.prune(1, USER);
    abort
}

#[test, expected_failure(abort_code = request::ETooEarly)]
fun a_stranger_removes_nothing_before_7_days() {
    let (mut f, _enclave) = requested();
    f.advance(7 * DAY_MS);
    f.complete(1);
    f.advance(7 * DAY_MS - 1);
    f.prune(1, STRANGER);
    abort
}

#[test, expected_failure(abort_code = request::ETooEarly)]
fun the_requester_does_not_remove_what_is_not_settled() {
    let (mut f, _enclave) = requested();
    f.cancel(1, USER);
    f.advance(30 * DAY_MS - 1);
    f.prune(1, USER);
    abort
}

// Other clusters

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_operator_of_another_cluster_starts_nothing() {
    let (mut f, _enclave) = requested();
    let act = fixture::other().act_of();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.start_request(&act, 1, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_operator_of_another_cluster_completes_nothing() {
    let (mut f, _enclave) = requested();
    let act = fixture::other().act_of();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.complete_request(&act, 1, bytes(32, 1), clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_operator_of_another_cluster_fails_nothing() {
    let (mut f, _enclave) = requested();
    let act = fixture::other().act_of();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.fail_request(&act, 1, b"no".to_string(), false, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_operator_of_another_cluster_settles_nothing() {
    let (mut f, _enclave) = requested();
    f.cancel(1, USER);
    let act = fixture::other().act_of();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.settle_cancelled_request(&act, 1, NOTHING, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_operator_of_another_cluster_assigns_nothing() {
    let (mut f, _enclave) = requested();
    let act = fixture::other().act_of();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.assign_worker(&act, 1, vector[b"w1".to_string()], clock);
    abort
}

use fun act_of as Fixture.act_of;

/// An act of a cluster that is not needed further.
fun act_of(f: Fixture): daasvader::operator::Act {
    let act = f.unproved_act();
    f.end();
    act
}

// After an upgrade

#[test]
fun the_package_before_works_until_the_scheduler_is_migrated() {
    let (mut f, enclave) = requested();
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.set_version(gate::version() - 1);
    f.send_raw(USER, raw());
    f.start(1);
    let (scheduler, registry, cap, _) = f.administered_scheduler();
    scheduler.migrate(registry, cap);
    f.complete(1);
    f.assert_active(1);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun a_scheduler_is_not_migrated_twice() {
    let (mut f, _enclave) = requested();
    let (scheduler, registry, cap, _) = f.administered_scheduler();
    scheduler.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_does_not_migrate_the_scheduler_back() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    let (scheduler, registry, cap, _) = f.administered_scheduler();
    scheduler.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_migrates_no_scheduler() {
    let (mut f, _enclave) = requested();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (scheduler, registry, _, _) = f.administered_scheduler();
    scheduler.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_scheduler_of_another_cluster_is_not_migrated() {
    let (mut f, _enclave) = requested();
    let mut other = fixture::other();
    let (scheduler, _, _, _) = other.scheduler();
    let (_, registry, cap, _) = f.administered_scheduler();
    scheduler.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_starts_nothing() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    f.start(1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_completes_nothing() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    f.complete(1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_fails_nothing() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    f.fail(1, b"no", false);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_settles_nothing() {
    let (mut f, _enclave) = requested();
    f.cancel(1, USER);
    migrate(&mut f);
    f.settle(1, NOTHING);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_assigns_nothing() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    f.assign(1, vector[b"w1"]);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_cancels_nothing() {
    let (mut f, _enclave) = requested();
    migrate(&mut f);
    f.cancel(1, USER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_removes_nothing() {
    let (mut f, _enclave) = requested();
    f.complete(1);
    migrate(&mut f);
    f.prune(1, USER);
    abort
}

// Views of what is not there

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_status() {
    let mut f = fixture::empty();
    f.assert_status(1, PENDING);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_workers() {
    let mut f = fixture::empty();
    f.assert_workers(1, vector[]);
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
    scheduler.is_applied(MAX_U64);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EUnknownRequest)]
fun an_unknown_request_has_no_outcome() {
    let mut f = fixture::empty();
    f.assert_outcome(1, option::none());
    abort
}
