#[test_only]
/// Stake is taken for two joins under one counter, and for nothing else.
module daasvader::slashing_tests;

use daasvader::fixture::sui;
use daasvader::gate;
use daasvader::join_vectors as vectors;
use daasvader::worker_registry;
use daasvader::worker_scene::{Self as scene, Scene};
use std::unit_test::{assert_eq, destroy};

const PENDING: u8 = 0;
const SLASHED: u8 = 2;
const OFFLINE: u8 = 3;
const LEFT: u8 = 5;
const GREATEST: u64 = 18_446_744_073_709_551_615;

/// A second signature, in place of the true one, beside the true first.
fun slash_with(s: &mut Scene, second_signature: vector<u8>) {
    s.slash_by(vectors::first_signature(), second_signature)
}

#[test]
fun a_proof_takes_half_of_a_worker_that_is_pending() {
    let mut s = scene::pending();
    s.slash();
    assert_eq!(s.status(), SLASHED);
    assert_eq!(s.staked(), sui(5) / 2);
    assert_eq!(s.workers().forfeited(), sui(5) / 2);
    s.end();
}

#[test]
fun a_proof_takes_half_of_a_worker_that_is_active() {
    let mut s = scene::active();
    s.slash();
    assert_eq!(s.status(), SLASHED);
    assert_eq!(s.staked(), sui(5) / 2);
    assert_eq!(s.workers().forfeited(), sui(5) / 2);
    s.end();
}

#[test]
fun a_proof_reaches_a_worker_that_is_offline() {
    let mut s = scene::active();
    s.set_status(OFFLINE);
    s.slash();
    assert_eq!(s.status(), SLASHED);
    s.end();
}

#[test]
fun a_proof_reaches_a_worker_that_is_draining() {
    let mut s = scene::active();
    s.drain();
    s.slash();
    assert_eq!(s.status(), SLASHED);
    assert_eq!(s.staked(), sui(5) / 2);
    s.end();
}

#[test]
fun the_order_of_the_two_joins_is_the_same() {
    let mut s = scene::active();
    s.slash_for(
        vectors::counter(),
        vectors::second(),
        vectors::second_signature(),
        vectors::first(),
        vectors::first_signature(),
    );
    assert_eq!(s.status(), SLASHED);
    s.end();
}

#[test]
fun a_proof_under_the_greatest_counter_counts() {
    let mut s = scene::active();
    s.slash_for(
        GREATEST,
        vectors::first(),
        vectors::first_under_greatest(),
        vectors::second(),
        vectors::second_under_greatest(),
    );
    assert_eq!(s.status(), SLASHED);
    s.end();
}

#[test]
fun a_proof_reaches_stake_that_waits_to_leave() {
    let mut s = scene::unbonding();
    s.advance(7 * 86_400_000 - 1);
    s.slash();
    assert_eq!(s.status(), LEFT);
    assert_eq!(s.staked(), sui(5) / 2);
    s.advance(1);
    let coin = s.withdraw_stake();
    assert_eq!(coin.value(), sui(5) / 2);
    destroy(coin);
    s.end();
}

#[test]
fun a_proof_reaches_bonded_stake_and_what_waits() {
    let mut s = scene::active();
    s.slash();
    s.ask();
    s.reinstate(b"b", sui(5) + 1);
    s.slash_by(vectors::first_by_new(), vectors::second_by_new());
    // 2.5 SUI wait and 5 SUI and 1 MIST are bonded; of each half is taken, rounded down.
    assert_eq!(s.staked(), sui(5) / 4 + sui(5) / 2 + 1);
    assert_eq!(s.workers().forfeited(), sui(5) / 2 + sui(5) / 4 + sui(5) / 2);
    s.end();
}

#[test]
fun the_greatest_stake_is_halved_without_overflow() {
    let mut s = scene::staked_with(GREATEST);
    s.slash();
    assert_eq!(s.staked(), 9_223_372_036_854_775_808);
    assert_eq!(s.workers().forfeited(), 9_223_372_036_854_775_807);
    s.end();
}

#[test]
fun a_slashed_worker_that_left_stays_left() {
    let mut s = scene::active();
    s.leave();
    s.slash();
    assert_eq!(s.status(), LEFT);
    assert_eq!(s.staked(), sui(5) / 2);
    s.ask();
    s.advance_days(7);
    s.withdraw();
    assert_eq!(s.staked(), 0);
    assert_eq!(s.workers().forfeited(), sui(5) / 2);
    s.end();
}

#[test]
fun what_a_slash_left_is_paid_out() {
    let mut s = scene::slashed();
    s.ask();
    s.advance_days(7);
    let coin = s.withdraw_stake();
    assert_eq!(coin.value(), sui(5) / 2);
    assert_eq!(s.staked(), 0);
    destroy(coin);
    s.end();
}

#[test]
fun a_reinstated_worker_may_be_slashed_again() {
    let mut s = scene::slashed();
    s.reinstate(b"b", sui(5) / 2);
    assert_eq!(s.status(), PENDING);
    s.slash_by(vectors::first_by_new(), vectors::second_by_new());
    assert_eq!(s.staked(), sui(5) / 2);
    assert_eq!(s.workers().forfeited(), sui(5));
    s.end();
}

#[test]
fun two_joins_that_the_operator_counted_are_no_proof() {
    let mut s = scene::active();
    s.activate(5);
    s.activate(5);
    s.activate(6);
    assert_eq!(s.staked(), sui(5));
    s.end();
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun one_join_that_is_shown_twice_is_no_proof() {
    scene::active().slash_for(
        vectors::counter(),
        vectors::first(),
        vectors::first_signature(),
        vectors::first(),
        vectors::first_signature(),
    );
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun joins_under_two_counters_are_no_proof() {
    slash_with(&mut scene::active(), vectors::second_under_6());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_join_of_another_key_is_no_proof() {
    slash_with(&mut scene::active(), vectors::second_by_other());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_signature_in_another_domain_is_no_proof() {
    slash_with(&mut scene::active(), vectors::second_in_other_domain());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_join_in_another_cluster_is_no_proof() {
    slash_with(&mut scene::active(), vectors::second_in_other_cluster());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_join_as_another_worker_is_no_proof() {
    slash_with(&mut scene::active(), vectors::second_as_worker_2());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_signature_over_a_bare_digest_is_no_proof() {
    slash_with(&mut scene::active(), vectors::second_bare());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun the_signature_of_the_first_join_is_none_of_the_second() {
    slash_with(&mut scene::active(), vectors::first_signature());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun an_empty_signature_is_no_proof() {
    slash_with(&mut scene::active(), vector[]);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_first_join_of_another_key_is_no_proof() {
    scene::active().slash_by(vectors::first_by_new(), vectors::second_signature());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_digest_that_is_cut_is_no_proof() {
    let mut cut = vectors::second();
    cut.pop_back();
    scene::active().slash_for(
        vectors::counter(),
        vectors::first(),
        vectors::first_signature(),
        cut,
        vectors::second_cut(),
    );
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun a_proof_against_one_worker_does_not_reach_another() {
    let mut s = scene::active();
    let _cap = s.register(b"worker-2", b"b");
    let (workers, clock) = s.parts();
    workers.slash_double_identity(
        b"worker-2".to_string(),
        vectors::counter(),
        vectors::first(),
        vectors::first_signature(),
        vectors::second(),
        vectors::second_signature(),
        clock,
    );
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadProof)]
fun the_old_proof_does_not_count_after_a_reinstatement() {
    let mut s = scene::slashed();
    s.reinstate(b"b", sui(5));
    s.slash();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_slashed() {
    let mut s = scene::active();
    let (workers, clock) = s.parts();
    workers.slash_double_identity(
        b"nobody".to_string(),
        vectors::counter(),
        vectors::first(),
        vectors::first_signature(),
        vectors::second(),
        vectors::second_signature(),
        clock,
    );
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_is_not_slashed_twice() {
    scene::slashed().slash();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_is_not_slashed_twice() {
    let mut s = scene::active();
    s.leave();
    s.slash();
    s.slash();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_that_left_is_not_reinstated() {
    let mut s = scene::active();
    s.leave();
    s.slash();
    s.reinstate(b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_does_not_leave() {
    scene::slashed().leave();
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENothingStaked)]
fun a_worker_without_stake_is_not_slashed() {
    scene::paid_out().slash();
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_slashes_nobody() {
    scene::outdated().slash();
    abort
}
