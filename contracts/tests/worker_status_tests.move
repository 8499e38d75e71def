#[test_only]
/// What the operator says of workers, as levels: where they do not apply, nothing happens.
module daasvader::worker_status_tests;

use daasvader::gate;
use daasvader::worker_registry;
use daasvader::worker_scene::{Self as scene, Scene};
use std::unit_test::{assert_eq, destroy};

const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const SLASHED: u8 = 2;
const OFFLINE: u8 = 3;
const DRAINING: u8 = 4;
const LEFT: u8 = 5;
const GREATEST: u64 = 18_446_744_073_709_551_615;

/// Ends the scene after it is certain that nothing happened since `events`.
fun unchanged(s: Scene, status: u8, events: u64) {
    assert_eq!(s.status(), status);
    assert_eq!(s.events(), events);
    s.end();
}

#[test]
fun a_worker_goes_through_every_status() {
    let mut s = scene::active();
    assert_eq!(s.status(), ACTIVE);
    s.set_status(OFFLINE);
    assert_eq!(s.status(), OFFLINE);
    s.set_status(ACTIVE);
    s.set_status(OFFLINE);
    s.activate(2);
    s.set_status(DRAINING);
    s.resume();
    s.drain();
    assert_eq!(s.status(), DRAINING);
    s.resume();
    assert_eq!(s.status(), ACTIVE);
    s.slash();
    assert_eq!(s.status(), SLASHED);
    s.reinstate(b"b", 3_000_000_000);
    assert_eq!(s.status(), PENDING);
    s.leave();
    assert_eq!(s.status(), LEFT);
    s.end();
}

#[test]
fun active_workers_are_counted() {
    let mut s = scene::active();
    let cap = s.register(b"worker-2", b"b");
    assert_eq!(s.workers().active_count(), 1);
    let (workers, clock) = s.parts();
    workers.activate_worker(&scene::act(), b"worker-2".to_string(), 1, clock);
    assert_eq!(s.workers().active_count(), 2);
    s.activate(2);
    assert_eq!(s.workers().active_count(), 2);
    s.set_status(OFFLINE);
    s.set_status(OFFLINE);
    assert_eq!(s.workers().active_count(), 1);
    s.activate(3);
    s.drain();
    assert_eq!(s.workers().active_count(), 1);
    s.resume();
    s.slash();
    assert_eq!(s.workers().active_count(), 1);
    let (mut s, old) = s.take_cap(cap);
    s.leave();
    assert_eq!(s.workers().active_count(), 0);
    destroy(old);
    s.end();
}

#[test]
fun a_worker_that_left_is_not_activated_nor_counted() {
    let mut s = scene::unbonding();
    let events = s.events();
    s.activate(GREATEST);
    assert_eq!(s.counter(), 1);
    unchanged(s, LEFT, events);
}

#[test]
fun a_slashed_worker_is_not_activated_nor_counted() {
    let mut s = scene::slashed();
    let events = s.events();
    s.activate(GREATEST);
    assert_eq!(s.counter(), 1);
    unchanged(s, SLASHED, events);
}

#[test]
fun an_unknown_worker_changes_nothing() {
    let mut s = scene::active();
    let events = s.events();
    let (workers, clock) = s.parts();
    workers.activate_worker(&scene::act(), b"nobody".to_string(), 9, clock);
    workers.set_worker_status(&scene::act(), b"nobody".to_string(), OFFLINE, clock);
    unchanged(s, ACTIVE, events);
}

#[test]
fun a_worker_that_was_closed_changes_nothing() {
    let (mut workers, clock) = scene::paid_out().close();
    let events = workers.logged();
    workers.activate_worker(&scene::act(), b"worker-1".to_string(), 9, &clock);
    workers.set_worker_status(&scene::act(), b"worker-1".to_string(), OFFLINE, &clock);
    assert_eq!(workers.logged(), events);
    destroy(workers);
    clock.destroy_for_testing();
}

#[test]
fun a_level_that_is_said_twice_is_logged_once() {
    let mut s = scene::pending();
    let events = s.events();
    s.activate(1);
    assert_eq!(s.events(), events + 2);
    s.activate(1);
    s.set_status(ACTIVE);
    assert_eq!(s.events(), events + 2);
    s.set_status(OFFLINE);
    s.set_status(OFFLINE);
    assert_eq!(s.events(), events + 3);
    s.end();
}

#[test]
fun the_counter_rises_and_never_falls() {
    let mut s = scene::active();
    s.activate(7);
    assert_eq!(s.counter(), 7);
    let events = s.events();
    s.activate(6);
    s.activate(0);
    assert_eq!(s.counter(), 7);
    assert_eq!(s.events(), events);
    s.activate(GREATEST);
    assert_eq!(s.counter(), GREATEST);
    assert_eq!(s.events(), events + 1);
    s.end();
}

#[test]
fun the_counter_outlives_a_reinstatement() {
    let mut s = scene::active();
    s.activate(7);
    s.slash();
    s.reinstate(b"b", 5_000_000_000);
    assert_eq!(s.counter(), 7);
    s.end();
}

#[test]
fun a_draining_worker_that_joins_again_keeps_draining() {
    let mut s = scene::active();
    s.drain();
    s.activate(2);
    s.set_status(ACTIVE);
    s.set_status(OFFLINE);
    assert_eq!(s.status(), DRAINING);
    assert_eq!(s.counter(), 2);
    s.end();
}

#[test]
fun a_seal_token_is_valid_to_its_last_millisecond() {
    let mut s = scene::pending();
    s.advance(30 * 86_400_000 - 1);
    s.activate(1);
    assert_eq!(s.status(), ACTIVE);
    s.end();
}

#[test]
fun a_worker_whose_seal_token_expired_is_not_activated() {
    let mut s = scene::pending();
    s.advance_days(30);
    s.activate(1);
    assert_eq!(s.status(), PENDING);
    assert_eq!(s.counter(), 1);
    s.end();
}

#[test]
fun a_worker_whose_seal_token_expired_does_not_come_back_online() {
    let mut s = scene::active();
    s.set_status(OFFLINE);
    s.advance_days(30);
    let events = s.events();
    s.set_status(ACTIVE);
    unchanged(s, OFFLINE, events);
}

#[test]
fun setting_a_status_does_not_replace_the_first_activation() {
    let mut s = scene::pending();
    let events = s.events();
    s.set_status(ACTIVE);
    s.set_status(OFFLINE);
    s.set_status(DRAINING);
    unchanged(s, PENDING, events);
}

#[test]
fun setting_a_status_brings_back_nobody_who_left() {
    let mut s = scene::unbonding();
    let events = s.events();
    s.set_status(ACTIVE);
    s.set_status(OFFLINE);
    unchanged(s, LEFT, events);
}

#[test]
fun setting_a_status_brings_back_nobody_who_was_slashed() {
    let mut s = scene::slashed();
    let events = s.events();
    s.set_status(ACTIVE);
    s.set_status(DRAINING);
    unchanged(s, SLASHED, events);
}

#[test]
fun an_offline_worker_is_not_drained_by_the_operator() {
    let mut s = scene::active();
    s.set_status(OFFLINE);
    let events = s.events();
    s.set_status(DRAINING);
    unchanged(s, OFFLINE, events);
}

#[test, expected_failure(abort_code = worker_registry::EBadStatus)]
fun the_operator_sets_no_status_pending() {
    scene::active().set_status(PENDING);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadStatus)]
fun the_operator_sets_no_status_slashed() {
    scene::active().set_status(SLASHED);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadStatus)]
fun the_operator_sets_no_status_left() {
    scene::active().set_status(LEFT);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadStatus)]
fun the_operator_sets_no_status_beyond_the_last() {
    scene::active().set_status(255);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_operator_of_another_cluster_activates_nobody() {
    scene::pending().activate_by(&scene::foreign_act(), 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_operator_of_another_cluster_sets_no_status() {
    scene::active().set_status_by(&scene::foreign_act(), OFFLINE);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_activates_nobody() {
    scene::outdated().activate(2);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_sets_no_status() {
    scene::outdated().set_status(OFFLINE);
    abort
}
