#[test_only]
module daasvader::worker_registry_tests;

use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fixture::{Self, Fixture, by, bytes, pay, sui, token};
use daasvader::stake;
use daasvader::worker_registry;
use std::string::String;
use std::unit_test::assert_eq;

const OWNER: address = @0x9;
const STRANGER: address = @0x5;
const DAY_MS: u64 = 86_400_000;

const PENDING: u8 = 0;
const ACTIVE: u8 = 1;
const SLASHED: u8 = 2;
const OFFLINE: u8 = 3;
const DRAINING: u8 = 4;
const LEFT: u8 = 5;

// Registering

fun register(f: &mut Fixture, node_id: vector<u8>, seal_token: String, amount: u64) {
    let ctx = &mut by(OWNER, 60);
    let payment = pay(amount, ctx);
    let (workers, _, clock) = f.workers();
    workers.stake_and_register_worker(payment, node_id.to_string(), seal_token, clock, ctx);
}

fun status(f: &mut Fixture, node_id: vector<u8>): u8 {
    let (workers, _, _) = f.workers();
    workers.status_of(node_id.to_string())
}

fun staked(f: &mut Fixture, node_id: vector<u8>): u64 {
    let (workers, _, _) = f.workers();
    workers.stake_of(node_id.to_string())
}

#[test]
fun the_whole_coin_is_the_stake() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    register(&mut f, b"worker-2", token(b"b"), sui(9) + 1);
    assert_eq!(status(&mut f, b"worker-1"), PENDING);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5));
    assert_eq!(staked(&mut f, b"worker-2"), sui(9) + 1);
    f.end();
}

#[test]
fun the_greatest_stake_is_counted() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), 18_446_744_073_709_551_615);
    assert_eq!(staked(&mut f, b"worker-1"), 18_446_744_073_709_551_615);
    f.end();
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun less_than_the_minimum_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun an_empty_coin_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENodeIdTaken)]
fun a_node_id_is_taken_once() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    register(&mut f, b"worker-1", token(b"b"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENodeIdTaken)]
fun the_node_id_of_a_worker_that_left_stays_taken() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    leave(&mut f, OWNER);
    register(&mut f, b"worker-1", token(b"b"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadNodeId)]
fun a_node_id_with_a_dot_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, b"worker.1", token(b"a"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadNodeId)]
fun a_node_id_of_64_characters_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, bytes(64, 97), token(b"a"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_seal_token_in_capitals_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"A"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_short_seal_token_is_refused() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", bytes(63, 97).to_string(), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun two_workers_do_not_share_a_seal_token() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    register(&mut f, b"worker-2", token(b"a"), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_seal_token_that_was_replaced_stays_used() {
    let mut f = fixture::empty();
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    refresh(&mut f, OWNER, b"b");
    register(&mut f, b"worker-2", token(b"a"), sui(5));
    abort
}

// The operator's functions, for the operator; other callers have tests of their own

fun activate(f: &mut Fixture, enclave: &Enclave, node_id: vector<u8>) {
    let (workers, registry, clock) = f.workers();
    workers.activate_worker(registry, enclave, node_id.to_string(), clock, &by(fixture::operator(), 61));
}

fun set_status(f: &mut Fixture, enclave: &Enclave, status: u8) {
    let (workers, registry, clock) = f.workers();
    let ctx = &by(fixture::operator(), 62);
    workers.set_worker_status(registry, enclave, b"worker-1".to_string(), status, clock, ctx);
}

fun set_join_token(f: &mut Fixture, enclave: &Enclave, length: u64) {
    let (workers, registry, clock) = f.workers();
    let ctx = &by(fixture::operator(), 63);
    workers.set_join_token(registry, enclave, b"worker-1".to_string(), bytes(length, 1), clock, ctx);
}

fun slash(f: &mut Fixture, enclave: &Enclave, share_bps: u64) {
    slash_for(f, enclave, 1, 32, share_bps)
}

fun slash_for(
    f: &mut Fixture,
    enclave: &Enclave,
    reason: u8,
    digest_length: u64,
    share_bps: u64,
) {
    let (workers, registry, clock) = f.workers();
    let ctx = &by(fixture::operator(), 64);
    let digest = bytes(digest_length, 1);
    workers.slash(registry, enclave, b"worker-1".to_string(), reason, digest, share_bps, clock, ctx);
}

/// An operated cluster with `worker-1` of `OWNER`, pending.
fun pending(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_worker(OWNER, b"worker-1", b"a");
    (f, enclave)
}

/// The same, active.
fun active(): (Fixture, Enclave) {
    let (mut f, enclave) = pending();
    activate(&mut f, &enclave, b"worker-1");
    (f, enclave)
}

#[test]
fun a_worker_goes_through_every_status() {
    let (mut f, enclave) = active();
    assert_eq!(status(&mut f, b"worker-1"), ACTIVE);
    set_status(&mut f, &enclave, OFFLINE);
    assert_eq!(status(&mut f, b"worker-1"), OFFLINE);
    set_status(&mut f, &enclave, ACTIVE);
    set_status(&mut f, &enclave, OFFLINE);
    activate(&mut f, &enclave, b"worker-1");
    set_status(&mut f, &enclave, DRAINING);
    resume(&mut f, OWNER);
    drain(&mut f, OWNER);
    assert_eq!(status(&mut f, b"worker-1"), DRAINING);
    resume(&mut f, OWNER);
    assert_eq!(status(&mut f, b"worker-1"), ACTIVE);
    slash(&mut f, &enclave, 5_000);
    assert_eq!(status(&mut f, b"worker-1"), SLASHED);
    reinstate(&mut f, OWNER, b"b", sui(3));
    assert_eq!(status(&mut f, b"worker-1"), PENDING);
    leave(&mut f, OWNER);
    assert_eq!(status(&mut f, b"worker-1"), LEFT);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_activated() {
    let (mut f, enclave) = pending();
    activate(&mut f, &enclave, b"worker-2");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_is_not_activated_twice() {
    let (mut f, enclave) = active();
    activate(&mut f, &enclave, b"worker-1");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_draining_worker_is_not_activated() {
    let (mut f, enclave) = active();
    drain(&mut f, OWNER);
    activate(&mut f, &enclave, b"worker-1");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_is_not_activated() {
    let (mut f, enclave) = pending();
    leave(&mut f, OWNER);
    activate(&mut f, &enclave, b"worker-1");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_is_not_activated() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    activate(&mut f, &enclave, b"worker-1");
    abort
}

#[test]
fun a_seal_token_is_valid_to_its_last_millisecond() {
    let (mut f, enclave) = pending();
    f.advance(30 * DAY_MS - 1);
    activate(&mut f, &enclave, b"worker-1");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenExpired)]
fun a_worker_whose_seal_token_expired_is_not_activated() {
    let (mut f, enclave) = pending();
    f.advance(30 * DAY_MS);
    activate(&mut f, &enclave, b"worker-1");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenExpired)]
fun a_worker_whose_seal_token_expired_does_not_come_back_online() {
    let (mut f, enclave) = active();
    set_status(&mut f, &enclave, OFFLINE);
    f.advance(30 * DAY_MS);
    set_status(&mut f, &enclave, ACTIVE);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun setting_a_status_does_not_replace_the_first_activation() {
    let (mut f, enclave) = pending();
    set_status(&mut f, &enclave, ACTIVE);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun setting_a_status_does_not_slash() {
    let (mut f, enclave) = active();
    set_status(&mut f, &enclave, SLASHED);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun setting_a_status_does_not_end_a_worker() {
    let (mut f, enclave) = active();
    set_status(&mut f, &enclave, LEFT);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun the_operator_does_not_end_a_drain() {
    let (mut f, enclave) = active();
    drain(&mut f, OWNER);
    set_status(&mut f, &enclave, ACTIVE);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun the_operator_does_not_end_a_drain_by_way_of_offline() {
    let (mut f, enclave) = active();
    drain(&mut f, OWNER);
    set_status(&mut f, &enclave, OFFLINE);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun there_is_no_status_beyond_the_last() {
    let (mut f, enclave) = active();
    set_status(&mut f, &enclave, 255);
    abort
}

#[test]
fun a_join_token_may_have_4_kib() {
    let (mut f, enclave) = pending();
    set_join_token(&mut f, &enclave, 4_096);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::EBadCiphertext)]
fun a_longer_join_token_is_refused() {
    let (mut f, enclave) = pending();
    set_join_token(&mut f, &enclave, 4_097);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadCiphertext)]
fun an_empty_join_token_is_refused() {
    let (mut f, enclave) = pending();
    set_join_token(&mut f, &enclave, 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_gets_no_join_token() {
    let (mut f, enclave) = pending();
    leave(&mut f, OWNER);
    set_join_token(&mut f, &enclave, 32);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_gets_no_join_token() {
    let (mut f, enclave) = pending();
    slash(&mut f, &enclave, 1);
    set_join_token(&mut f, &enclave, 32);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenExpired)]
fun an_expired_seal_token_gets_no_join_token() {
    let (mut f, enclave) = pending();
    f.advance(30 * DAY_MS);
    set_join_token(&mut f, &enclave, 32);
    abort
}

// Slashing

#[test]
fun a_slash_takes_its_share_and_no_more() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 2_500);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5) - sui(5) / 4);
    f.end_all(enclave);
}

#[test]
fun a_slash_reaches_stake_that_waits_to_leave() {
    let (mut f, enclave) = active();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    slash(&mut f, &enclave, 5_000);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5) / 2);
    f.end_all(enclave);
}

#[test]
fun the_greatest_stake_is_slashed_without_overflow() {
    let (mut f, enclave) = fixture::seated();
    register(&mut f, b"worker-1", token(b"a"), 18_446_744_073_709_551_615);
    slash(&mut f, &enclave, 5_000);
    // The share is rounded down.
    assert_eq!(staked(&mut f, b"worker-1"), 9_223_372_036_854_775_808);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_is_not_slashed_twice() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_000);
    slash(&mut f, &enclave, 5_000);
    abort
}

#[test]
fun a_slashed_worker_that_left_stays_left() {
    let (mut f, enclave) = active();
    leave(&mut f, OWNER);
    slash(&mut f, &enclave, 5_000);
    assert_eq!(status(&mut f, b"worker-1"), LEFT);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5) / 2);
    request_withdraw(&mut f, OWNER);
    f.advance(7 * DAY_MS);
    withdraw(&mut f, OWNER);
    assert_eq!(staked(&mut f, b"worker-1"), 0);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_is_not_slashed_twice() {
    let (mut f, enclave) = active();
    leave(&mut f, OWNER);
    slash(&mut f, &enclave, 1);
    slash(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_that_left_is_not_reinstated() {
    let (mut f, enclave) = active();
    leave(&mut f, OWNER);
    slash(&mut f, &enclave, 5_000);
    reinstate(&mut f, OWNER, b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_was_slashed_does_not_leave_and_come_back() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_000);
    reinstate(&mut f, OWNER, b"b", sui(5));
    leave(&mut f, OWNER);
    reinstate(&mut f, OWNER, b"c", sui(5));
    abort
}

#[test]
fun a_reinstated_worker_may_be_slashed_again() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_000);
    reinstate(&mut f, OWNER, b"b", sui(5) / 2);
    slash(&mut f, &enclave, 5_000);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5) / 2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::EBadShare)]
fun a_slash_of_more_than_half_is_refused() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_001);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadShare)]
fun a_slash_of_nothing_is_refused() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadReason)]
fun a_slash_without_reason_is_refused() {
    let (mut f, enclave) = active();
    slash_for(&mut f, &enclave, 0, 32, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadReason)]
fun an_unknown_reason_is_refused() {
    let (mut f, enclave) = active();
    slash_for(&mut f, &enclave, 4, 32, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadEvidence)]
fun a_slash_without_evidence_is_refused() {
    let (mut f, enclave) = active();
    slash_for(&mut f, &enclave, 1, 0, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENothingStaked)]
fun a_worker_without_stake_is_not_slashed() {
    let (mut f, enclave) = pending();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    f.advance(7 * DAY_MS);
    withdraw(&mut f, OWNER);
    slash(&mut f, &enclave, 5_000);
    abort
}

// The owner's functions

fun refresh(f: &mut Fixture, sender: address, digit: vector<u8>) {
    let (workers, _, clock) = f.workers();
    workers.refresh_seal_token(b"worker-1".to_string(), token(digit), clock, &by(sender, 65));
}

fun drain(f: &mut Fixture, sender: address) {
    let (workers, _, clock) = f.workers();
    workers.drain_worker(b"worker-1".to_string(), clock, &by(sender, 65));
}

fun resume(f: &mut Fixture, sender: address) {
    let (workers, _, clock) = f.workers();
    workers.resume_worker(b"worker-1".to_string(), clock, &by(sender, 65));
}

fun leave(f: &mut Fixture, sender: address) {
    let (workers, _, clock) = f.workers();
    workers.leave(b"worker-1".to_string(), clock, &by(sender, 65));
}

fun add_stake(f: &mut Fixture, sender: address, amount: u64) {
    let ctx = &mut by(sender, 66);
    let payment = pay(amount, ctx);
    let (workers, _, clock) = f.workers();
    workers.add_stake(payment, b"worker-1".to_string(), clock, ctx);
}

fun reinstate(f: &mut Fixture, sender: address, digit: vector<u8>, amount: u64) {
    let ctx = &mut by(sender, 67);
    let payment = pay(amount, ctx);
    let (workers, _, clock) = f.workers();
    workers.reinstate(payment, b"worker-1".to_string(), token(digit), clock, ctx);
}

fun request_withdraw(f: &mut Fixture, sender: address) {
    let (workers, _, clock) = f.workers();
    workers.request_withdraw(b"worker-1".to_string(), clock, &by(sender, 68));
}

fun withdraw(f: &mut Fixture, sender: address) {
    let (workers, _, clock) = f.workers();
    workers.withdraw(b"worker-1".to_string(), clock, &mut by(sender, 69));
}

#[test]
fun a_refreshed_seal_token_lives_for_another_month() {
    let (mut f, enclave) = pending();
    f.advance(29 * DAY_MS);
    refresh(&mut f, OWNER, b"b");
    f.advance(29 * DAY_MS);
    activate(&mut f, &enclave, b"worker-1");
    f.end_all(enclave);
}

#[test]
fun stake_is_added_whole() {
    let (mut f, enclave) = active();
    add_stake(&mut f, OWNER, 1);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5) + 1);
    f.end_all(enclave);
}

#[test]
fun after_a_week_the_stake_is_paid_out() {
    let (mut f, enclave) = active();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    assert_eq!(staked(&mut f, b"worker-1"), sui(5));
    f.advance(7 * DAY_MS);
    withdraw(&mut f, OWNER);
    assert_eq!(staked(&mut f, b"worker-1"), 0);
    f.end_all(enclave);
}

#[test]
fun what_a_slash_left_is_paid_out() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_000);
    request_withdraw(&mut f, OWNER);
    f.advance(7 * DAY_MS);
    withdraw(&mut f, OWNER);
    assert_eq!(staked(&mut f, b"worker-1"), 0);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_refresh_the_seal_token() {
    let (mut f, _enclave) = active();
    refresh(&mut f, STRANGER, b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_drain() {
    let (mut f, _enclave) = active();
    drain(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_make_it_leave() {
    let (mut f, _enclave) = active();
    leave(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_add_stake() {
    let (mut f, _enclave) = active();
    add_stake(&mut f, STRANGER, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_ask_for_the_stake() {
    let (mut f, _enclave) = active();
    request_withdraw(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_withdraw_the_stake() {
    let (mut f, _enclave) = active();
    withdraw(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_reinstate_it() {
    let (mut f, _enclave) = active();
    reinstate(&mut f, STRANGER, b"b", 5);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun a_stranger_does_not_resume_it() {
    let (mut f, _enclave) = active();
    resume(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun the_operator_does_not_drain_for_the_owner() {
    let (mut f, _enclave) = active();
    drain(&mut f, fixture::operator());
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENotOwner)]
fun the_owner_of_another_worker_does_not_drain_this_one() {
    let (mut f, _enclave) = active();
    f.add_worker(STRANGER, b"worker-2", b"b");
    drain(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_refreshed() {
    let (mut f, _enclave) = active();
    let (workers, _, clock) = f.workers();
    workers.refresh_seal_token(b"nobody".to_string(), token(b"b"), clock, &by(OWNER, 65));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_drained() {
    let (mut f, _enclave) = active();
    let (workers, _, clock) = f.workers();
    workers.drain_worker(b"nobody".to_string(), clock, &by(OWNER, 65));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_seal_token_is_not_refreshed_with_another_form() {
    let (mut f, _enclave) = active();
    refresh(&mut f, OWNER, b"g");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_seal_token_is_not_refreshed_with_itself() {
    let (mut f, _enclave) = active();
    refresh(&mut f, OWNER, b"a");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_does_not_refresh_its_seal_token() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    refresh(&mut f, OWNER, b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_does_not_refresh_its_seal_token() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    refresh(&mut f, OWNER, b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_pending_worker_is_not_drained() {
    let (mut f, _enclave) = pending();
    drain(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_is_not_drained_twice() {
    let (mut f, _enclave) = active();
    drain(&mut f, OWNER);
    drain(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun an_active_worker_is_not_resumed() {
    let (mut f, _enclave) = active();
    resume(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenExpired)]
fun a_drained_worker_whose_seal_token_expired_is_not_resumed() {
    let (mut f, _enclave) = active();
    drain(&mut f, OWNER);
    f.advance(30 * DAY_MS);
    resume(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_does_not_leave_twice() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    leave(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_does_not_leave() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    leave(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_gets_no_more_stake() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    add_stake(&mut f, OWNER, 1);
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun an_empty_coin_is_not_added() {
    let (mut f, _enclave) = active();
    add_stake(&mut f, OWNER, 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_works_does_not_get_its_stake_back() {
    let (mut f, _enclave) = active();
    request_withdraw(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun the_stake_is_not_asked_for_twice() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun nothing_is_paid_out_before_it_was_asked_for() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    withdraw(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun nothing_is_paid_out_early() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    f.advance(7 * DAY_MS - 1);
    withdraw(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun the_stake_is_not_paid_out_twice() {
    let (mut f, _enclave) = active();
    leave(&mut f, OWNER);
    request_withdraw(&mut f, OWNER);
    f.advance(7 * DAY_MS);
    withdraw(&mut f, OWNER);
    withdraw(&mut f, OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_was_not_slashed_is_not_reinstated() {
    let (mut f, _enclave) = active();
    reinstate(&mut f, OWNER, b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun a_reinstated_worker_has_the_minimum_stake() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 5_000);
    reinstate(&mut f, OWNER, b"b", sui(5) / 2 - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun stake_that_waits_to_leave_does_not_reinstate() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    request_withdraw(&mut f, OWNER);
    reinstate(&mut f, OWNER, b"b", sui(1));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_reinstated_worker_has_a_new_seal_token() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    reinstate(&mut f, OWNER, b"a", sui(5));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_creates_no_registry() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (registry, _, _) = f.registry();
    let (_, cap, _) = other.registry();
    worker_registry::create(registry, cap, &mut by(STRANGER, 70));
    abort
}

fun propose_min_stake(f: &mut Fixture, amount: u64) {
    let (workers, registry, cap, clock) = f.administered();
    workers.propose_min_stake(registry, cap, amount, clock);
}

fun min_stake(f: &mut Fixture): u64 {
    let (workers, _, clock) = f.workers();
    workers.min_stake(clock)
}

#[test]
fun another_minimum_holds_after_the_delay_and_for_new_workers() {
    let mut f = fixture::with_delay(1_000);
    register(&mut f, b"worker-1", token(b"a"), sui(5));
    propose_min_stake(&mut f, sui(7));
    register(&mut f, b"worker-2", token(b"b"), sui(5));
    f.advance(999);
    assert_eq!(min_stake(&mut f), sui(5));
    f.advance(1);
    assert_eq!(min_stake(&mut f), sui(7));
    register(&mut f, b"worker-3", token(b"c"), sui(7));
    assert_eq!(staked(&mut f, b"worker-1"), sui(5));
    f.end();
}

#[test]
fun the_minimum_has_extremes() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, 1);
    register(&mut f, b"worker-1", token(b"a"), 1);
    propose_min_stake(&mut f, sui(1_000_000));
    assert_eq!(min_stake(&mut f), sui(1_000_000));
    f.end();
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun the_old_minimum_is_not_enough_after_the_delay() {
    let mut f = fixture::with_delay(1_000);
    propose_min_stake(&mut f, sui(7));
    f.advance(1_000);
    register(&mut f, b"worker-1", token(b"a"), sui(7) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun a_lower_minimum_waits_too() {
    let mut f = fixture::with_delay(1_000);
    propose_min_stake(&mut f, 1);
    f.advance(999);
    register(&mut f, b"worker-1", token(b"a"), sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadMinStake)]
fun the_minimum_is_not_zero() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadMinStake)]
fun the_minimum_is_at_most_a_million_sui() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, sui(1_000_000) + 1);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_does_not_propose_the_minimum() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (workers, registry, clock) = f.workers();
    workers.propose_min_stake(registry, cap, sui(7), clock);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_minimum_of_another_clusters_workers_is_not_proposed() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (workers, _, _) = other.workers();
    let (_, registry, cap, clock) = f.administered();
    workers.propose_min_stake(registry, cap, sui(7), clock);
    abort
}

#[test]
fun the_admin_creates_a_registry() {
    let mut f = fixture::empty();
    let (registry, cap, _) = f.registry();
    worker_registry::create(registry, cap, &mut by(OWNER, 72));
    f.end();
}

// A worker that there is not

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_gets_no_status() {
    let (mut f, enclave) = fixture::seated();
    set_status(&mut f, &enclave, OFFLINE);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_gets_no_join_token() {
    let (mut f, enclave) = fixture::seated();
    set_join_token(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_slashed() {
    let (mut f, enclave) = fixture::seated();
    slash(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_resumed() {
    resume(&mut fixture::empty(), OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_does_not_leave() {
    leave(&mut fixture::empty(), OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_gets_no_stake() {
    add_stake(&mut fixture::empty(), OWNER, sui(1));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_is_not_reinstated() {
    reinstate(&mut fixture::empty(), OWNER, b"b", sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun the_stake_of_an_unknown_worker_is_not_asked_for() {
    request_withdraw(&mut fixture::empty(), OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun the_stake_of_an_unknown_worker_is_not_paid_out() {
    withdraw(&mut fixture::empty(), OWNER);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_has_no_status() {
    status(&mut fixture::empty(), b"worker-1");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_has_no_stake() {
    staked(&mut fixture::empty(), b"worker-1");
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun an_empty_coin_does_not_reinstate() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    reinstate(&mut f, OWNER, b"b", 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_worker_is_not_reinstated_with_another_form_of_token() {
    let (mut f, enclave) = active();
    slash(&mut f, &enclave, 1);
    reinstate(&mut f, OWNER, b"g", sui(5));
    abort
}
