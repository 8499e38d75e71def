#[test_only]
/// What a worker's owner may do, which is whoever holds its capability.
module daasvader::worker_owner_tests;

use daasvader::fixture::{Self, bytes, sui, token};
use daasvader::gate;
use daasvader::hourly;
use daasvader::join_vectors as vectors;
use daasvader::stake;
use daasvader::worker_registry;
use daasvader::worker_scene::{Self as scene, Scene};
use std::unit_test::{assert_eq, destroy};

const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const DRAINING: u8 = 4;
const LEFT: u8 = 5;

/// Uses up what an owner may log in this hour.
fun busy(mut s: Scene): Scene {
    busy_but(&mut s, 0);
    s
}

/// Uses up all but `left` of it.
fun busy_but(s: &mut Scene, left: u64) {
    let mut used = 0;
    while (used < 60 - left) {
        s.add_stake(1);
        used = used + 1;
    }
}

#[test]
fun a_refreshed_seal_token_lives_for_another_month() {
    let mut s = scene::pending();
    s.advance_days(29);
    s.refresh(b"b");
    s.advance_days(29);
    s.activate(1);
    assert_eq!(s.status(), ACTIVE);
    s.end();
}

#[test]
fun stake_is_added_whole() {
    let mut s = scene::active();
    s.add_stake(1);
    assert_eq!(s.staked(), sui(5) + 1);
    s.end();
}

#[test]
fun a_slashed_worker_may_get_stake() {
    let mut s = scene::slashed();
    s.add_stake(sui(1));
    assert_eq!(s.staked(), sui(5) / 2 + sui(1));
    s.end();
}

#[test]
fun after_a_week_the_stake_is_paid_out() {
    let mut s = scene::unbonding();
    assert_eq!(s.staked(), sui(5));
    s.advance_days(7);
    let coin = s.withdraw_stake();
    assert_eq!(coin.value(), sui(5));
    assert_eq!(s.staked(), 0);
    assert_eq!(s.workers().forfeited(), 0);
    destroy(coin);
    s.end();
}

#[test]
fun a_capability_reaches_its_own_worker_alone() {
    let mut s = scene::active();
    let cap = s.register(b"worker-2", b"b");
    let (mut s, first) = s.take_cap(cap);
    let (workers, clock) = s.parts();
    workers.activate_worker(&scene::act(), b"worker-2".to_string(), 1, clock);
    s.drain();
    s.resume();
    s.offer();
    s.refresh(b"c");
    s.add_stake(sui(1));
    s.leave();
    s.ask();
    s.advance_days(7);
    s.withdraw();
    assert_eq!(s.workers().stake_of(b"worker-2".to_string()), 0);
    let (workers, clock) = s.close();
    assert_eq!(workers.status_of(b"worker-1".to_string()), ACTIVE);
    assert_eq!(workers.stake_of(b"worker-1".to_string()), sui(5));
    destroy(first);
    destroy(workers);
    clock.destroy_for_testing();
}

#[test]
fun a_worker_that_is_reinstated_has_new_keys_and_another_month() {
    let mut s = scene::slashed();
    s.advance_days(40);
    s.reinstate(b"b", sui(5) / 2);
    assert_eq!(s.status(), PENDING);
    assert_eq!(s.staked(), sui(5));
    s.advance_days(29);
    s.activate(2);
    assert_eq!(s.status(), ACTIVE);
    s.end();
}

#[test]
fun a_closed_worker_frees_its_names_and_keys() {
    let (mut workers, clock) = scene::paid_out().close();
    let ctx = &mut fixture::by(@0x8, 68);
    let cap = workers.register_worker(
        fixture::pay(sui(5), ctx),
        b"worker-1".to_string(),
        token(b"a"),
        vectors::identity_key(),
        &clock,
        ctx,
    );
    assert_eq!(workers.status_of(b"worker-1".to_string()), PENDING);
    assert_eq!(workers.counter_of(b"worker-1".to_string()), 0);
    destroy(cap);
    destroy(workers);
    clock.destroy_for_testing();
}

#[test]
fun a_slashed_worker_without_stake_is_closed() {
    let mut s = scene::slashed();
    s.ask();
    s.advance_days(7);
    s.withdraw();
    let (workers, clock) = s.close();
    assert_eq!(workers.forfeited(), sui(5) / 2);
    destroy(workers);
    clock.destroy_for_testing();
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun a_closed_worker_is_there_no_more() {
    let (workers, _clock) = scene::paid_out().close();
    workers.status_of(b"worker-1".to_string());
    abort
}

// A capability of another cluster

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_makes_no_offer() {
    scene::with_foreign_cap().offer();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_does_not_refresh() {
    scene::with_foreign_cap().refresh(b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_does_not_drain() {
    scene::with_foreign_cap().drain();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_does_not_resume() {
    scene::with_foreign_cap().resume();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_does_not_leave() {
    scene::with_foreign_cap().leave();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_adds_no_stake() {
    scene::with_foreign_cap().add_stake(1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_does_not_reinstate() {
    scene::with_foreign_cap().reinstate(b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_asks_for_no_stake() {
    scene::with_foreign_cap().ask();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_is_paid_nothing() {
    scene::with_foreign_cap().withdraw();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_takes_no_stake() {
    let _coin = scene::with_foreign_cap().withdraw_stake();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun a_capability_of_another_cluster_closes_no_worker() {
    let (_workers, _clock) = scene::with_foreign_cap().close();
    abort
}

// The package of before, after the migration

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_makes_no_offer() {
    scene::outdated().offer();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_refresh() {
    scene::outdated().refresh(b"b");
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_drain() {
    scene::outdated().drain();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_resume() {
    scene::outdated().resume();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_leave() {
    scene::outdated().leave();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_adds_no_stake() {
    scene::outdated().add_stake(1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_reinstate() {
    scene::outdated().reinstate(b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_asks_for_no_stake() {
    scene::outdated().ask();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_is_paid_nothing() {
    scene::outdated().withdraw();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_takes_no_stake() {
    let _coin = scene::outdated().withdraw_stake();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_closes_no_worker() {
    let (_workers, _clock) = scene::outdated().close();
    abort
}

// The wrong status

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_does_not_refresh_its_seal_token() {
    scene::slashed().refresh(b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_does_not_refresh_its_seal_token() {
    scene::unbonding().refresh(b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_seal_token_is_not_refreshed_with_another_form() {
    scene::active().refresh(b"g");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_seal_token_is_not_refreshed_with_itself() {
    scene::active().refresh(b"a");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_pending_worker_is_not_drained() {
    scene::pending().drain();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_is_not_drained_twice() {
    let mut s = scene::active();
    s.drain();
    s.drain();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun an_active_worker_is_not_resumed() {
    scene::active().resume();
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenExpired)]
fun a_drained_worker_whose_seal_token_expired_is_not_resumed() {
    let mut s = scene::active();
    s.drain();
    s.advance_days(30);
    s.resume();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_does_not_leave_twice() {
    scene::unbonding().leave();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_gets_no_more_stake() {
    scene::unbonding().add_stake(1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_works_does_not_get_its_stake_back() {
    scene::active().ask();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_was_not_slashed_is_not_reinstated() {
    scene::active().reinstate(b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_is_not_reinstated() {
    scene::unbonding().reinstate(b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun a_reinstated_worker_has_the_minimum_stake() {
    scene::slashed().reinstate(b"b", sui(5) / 2 - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun stake_that_waits_to_leave_does_not_reinstate() {
    let mut s = scene::slashed();
    s.ask();
    s.reinstate(b"b", sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_reinstated_worker_has_a_new_seal_token() {
    scene::slashed().reinstate(b"a", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_worker_is_not_reinstated_with_another_form_of_token() {
    scene::slashed().reinstate(b"g", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EIdentityKeyUsed)]
fun a_reinstated_worker_has_a_new_identity_key() {
    scene::slashed().reinstate_with(token(b"b"), vectors::identity_key(), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadIdentityKey)]
fun a_worker_is_not_reinstated_with_another_form_of_identity_key() {
    scene::slashed().reinstate_with(token(b"b"), bytes(31, 1), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_works_is_not_closed() {
    let (_workers, _clock) = scene::active().close();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStillStaked)]
fun a_worker_that_left_is_not_closed_with_its_stake() {
    let mut s = scene::active();
    s.leave();
    let (_workers, _clock) = s.close();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStillStaked)]
fun a_worker_is_not_closed_while_its_stake_waits() {
    let mut s = scene::unbonding();
    s.advance_days(7);
    let (_workers, _clock) = s.close();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStillStaked)]
fun a_slashed_worker_is_not_closed_with_its_stake() {
    let (_workers, _clock) = scene::slashed().close();
    abort
}

// Stake

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun an_empty_coin_is_not_added() {
    scene::active().add_stake(0);
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun an_empty_coin_does_not_reinstate() {
    let mut s = scene::slashed();
    s.add_stake(sui(5));
    s.reinstate(b"b", 0);
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun the_stake_is_not_asked_for_twice() {
    scene::unbonding().ask();
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun nothing_is_paid_out_before_it_was_asked_for() {
    let mut s = scene::active();
    s.leave();
    s.withdraw();
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun nothing_is_taken_before_it_was_asked_for() {
    let _coin = scene::active().withdraw_stake();
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun the_stake_is_not_paid_out_twice() {
    scene::paid_out().withdraw();
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun nothing_is_paid_out_early() {
    let mut s = scene::unbonding();
    s.advance(7 * 86_400_000 - 1);
    s.withdraw();
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun nothing_is_taken_early() {
    let _coin = scene::unbonding().withdraw_stake();
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun asking_again_waits_again() {
    let mut s = scene::slashed();
    s.ask();
    s.advance_days(6);
    s.add_stake(1);
    s.ask();
    s.advance_days(6);
    s.withdraw();
    abort
}

// 60 events an hour

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_makes_no_offer() {
    busy(scene::active()).offer();
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_does_not_refresh() {
    busy(scene::active()).refresh(b"b");
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_does_not_drain() {
    busy(scene::active()).drain();
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_does_not_resume() {
    let mut s = scene::active();
    s.drain();
    busy_but(&mut s, 1);
    s.resume();
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_adds_no_stake() {
    busy(scene::active()).add_stake(1);
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_busy_owner_does_not_reinstate() {
    let mut s = scene::slashed();
    busy_but(&mut s, 3);
    s.reinstate(b"b", sui(5));
    abort
}

#[test]
fun a_busy_owner_leaves_and_is_paid_and_closes() {
    let mut s = busy(scene::active());
    s.leave();
    s.ask();
    s.advance_days(7);
    s.withdraw();
    let (workers, clock) = s.close();
    destroy(workers);
    clock.destroy_for_testing();
}

#[test]
fun a_busy_owner_is_refused_for_an_hour() {
    let mut s = busy(scene::active());
    s.advance(3_600_000);
    s.drain();
    assert_eq!(s.status(), DRAINING);
    s.end();
}

#[test]
fun a_reinstatement_counts_all_of_its_events() {
    let mut s = scene::slashed();
    busy_but(&mut s, 4);
    let events = s.events();
    s.reinstate(b"b", sui(5));
    assert_eq!(s.events(), events + 4);
    s.end();
}

#[test]
fun one_busy_owner_does_not_hold_up_another() {
    let mut s = busy(scene::active());
    let cap = s.register(b"worker-2", b"b");
    let (mut s, first) = s.take_cap(cap);
    s.add_stake(1);
    destroy(first);
    s.end();
}

#[test]
fun what_the_operator_says_is_not_counted() {
    let mut s = busy(scene::active());
    s.set_status(3);
    s.activate(9);
    assert_eq!(s.status(), ACTIVE);
    s.leave();
    assert_eq!(s.status(), LEFT);
    s.end();
}
