#[test_only]
/// What orders cost, who pays and who earns.
module daasvader::fees_tests;

use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fees;
use daasvader::fixture::{Self, Fixture, by, pay, sui};
use daasvader::gate;
use daasvader::hourly;
use daasvader::k8s_scheduler;
use daasvader::namespaces;
use daasvader::orders::{deletion, path_in, raw, ready, simple};
use std::unit_test::{assert_eq, destroy};

use fun daasvader::orders::send as Fixture.send;
use fun daasvader::orders::send_raw as Fixture.send_raw;
use fun daasvader::orders::send_by_digest as Fixture.send_by_digest;
use fun daasvader::orders::send_many as Fixture.send_many;
use fun daasvader::orders::cancel as Fixture.cancel;

const USER: address = @0x7;
const GUEST: address = @0x5;
const STRANGER: address = @0x6;
const DEVELOPER: u8 = 2;
const DELAY_MS: u64 = 8 * 86_400_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

fun propose(f: &mut Fixture, fee: u64) {
    let (scheduler, registry, cap, clock) = f.administered_scheduler();
    scheduler.propose_fee(registry, cap, fee, clock);
}

fun deposit(f: &mut Fixture, sender: address, owner: address, amount: u64) {
    let ctx = &mut by(sender, 90);
    let payment = pay(amount, ctx);
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.deposit_fees(payment, owner, clock, ctx);
}

/// Takes fees and gives what came.
fun take(f: &mut Fixture, sender: address, amount: u64): u64 {
    let (scheduler, _, _, clock) = f.scheduler();
    let coin = scheduler.take_fees(amount, clock, &mut by(sender, 91));
    let value = coin.value();
    destroy(coin);
    value
}

fun withdraw(f: &mut Fixture, sender: address, amount: u64) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.withdraw_fees(amount, clock, &mut by(sender, 92));
}

fun collect(f: &mut Fixture) {
    let (scheduler, registry, _, clock) = f.administered_scheduler();
    scheduler.collect_fees(registry, clock, &mut by(STRANGER, 93));
}

fun use_hour(f: &mut Fixture, owner: address, events: u64) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.use_hour(owner, events, clock);
}

/// As the next version of the package would.
fun migrate(f: &mut Fixture) {
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.set_version(gate::version() + 1);
}

/// What the user has left, what a guest has, and what waits for the host.
fun assert_fees(f: &mut Fixture, user: u64, guest: u64, collected: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.fees_of(USER), user);
    assert_eq!(scheduler.fees_of(GUEST), guest);
    assert_eq!(scheduler.fees_collected(), collected);
}

fun fee(f: &mut Fixture): u64 {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.fee(clock)
}

/// A cluster where an order costs 10 MIST and the user has 100.
fun paid(): (Fixture, Enclave) {
    let (mut f, enclave) = ready();
    propose(&mut f, 10);
    deposit(&mut f, USER, USER, 100);
    (f, enclave)
}

// The fee

#[test]
fun an_order_is_for_nothing_at_first() {
    let (mut f, enclave) = ready();
    assert_eq!(fee(&mut f), 0);
    f.send_raw(USER, raw());
    assert_fees(&mut f, 0, 0, 0);
    f.end_all(enclave);
}

#[test]
fun a_fee_waits_for_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    propose(&mut f, 100_000_000);
    f.advance(DELAY_MS - 1);
    assert_eq!(fee(&mut f), 0);
    f.advance(1);
    assert_eq!(fee(&mut f), 100_000_000);
    propose(&mut f, 0);
    assert_eq!(fee(&mut f), 100_000_000);
    f.advance(DELAY_MS);
    assert_eq!(fee(&mut f), 0);
    f.end();
}

#[test, expected_failure(abort_code = fees::EFeeTooHigh)]
fun a_fee_is_a_tenth_of_a_sui_at_most() {
    let mut f = fixture::empty();
    propose(&mut f, 100_000_001);
    abort
}

#[test, expected_failure(abort_code = fees::EFeeTooHigh)]
fun the_greatest_fee_is_refused() {
    let mut f = fixture::empty();
    propose(&mut f, MAX_U64);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_proposes_no_fee() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (scheduler, registry, _, clock) = f.administered_scheduler();
    scheduler.propose_fee(registry, cap, 1, clock);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun no_fee_is_proposed_for_another_cluster() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (scheduler, _, _, _) = other.scheduler();
    let (_, registry, cap, clock) = f.administered_scheduler();
    scheduler.propose_fee(registry, cap, 1, clock);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_proposes_no_fee() {
    let mut f = fixture::empty();
    migrate(&mut f);
    propose(&mut f, 1);
    abort
}

// Paying

#[test]
fun each_order_takes_the_fee_and_deletions_do_too() {
    let (mut f, enclave) = paid();
    f.send(simple());
    f.send_raw(USER, raw());
    f.send_by_digest(USER, raw());
    f.send_raw(USER, deletion());
    assert_fees(&mut f, 60, 0, 40);
    // Cancelling neither costs nor gives back.
    f.cancel(1, USER);
    assert_fees(&mut f, 60, 0, 40);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun what_is_left_must_pay_the_whole_fee() {
    let (mut f, _enclave) = paid();
    propose(&mut f, 33);
    f.send_many(USER, raw(), 4);
    abort
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun a_deletion_is_paid_for_too() {
    let (mut f, _enclave) = paid();
    withdraw(&mut f, USER, 100);
    f.send_raw(USER, deletion());
    abort
}

/// A paid cluster where the user is an admin who shares the own namespace with a guest.
fun shared(): (Fixture, Enclave) {
    let (mut f, enclave) = paid();
    let ctx = &mut by(USER, 94);
    let payment = pay(sui(3), ctx);
    let (pool, clock) = f.pool();
    pool.restake(payment, clock, ctx);
    pool.grant_role(namespaces::first_of(USER), GUEST, DEVELOPER, clock, ctx);
    (f, enclave)
}

#[test]
fun the_owner_of_the_namespace_pays_for_a_guest() {
    let (mut f, enclave) = shared();
    deposit(&mut f, GUEST, GUEST, 7);
    f.send_raw(GUEST, raw().path(path_in(namespaces::first_of(USER), b"pods")));
    assert_fees(&mut f, 90, 7, 10);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = fees::EFeeUnpaid)]
fun a_guest_does_not_pay_for_the_owner() {
    let (mut f, _enclave) = shared();
    deposit(&mut f, GUEST, GUEST, 1_000);
    withdraw(&mut f, USER, 100);
    f.send_raw(GUEST, raw().path(path_in(namespaces::first_of(USER), b"pods")));
    abort
}

// Paying in and taking out

#[test]
fun anybody_pays_in_for_anybody() {
    let (mut f, enclave) = ready();
    deposit(&mut f, USER, USER, 1);
    deposit(&mut f, STRANGER, USER, 2);
    deposit(&mut f, STRANGER, GUEST, 4);
    assert_fees(&mut f, 3, 4, 0);
    f.end_all(enclave);
}

#[test]
fun the_greatest_amount_is_paid_in_and_taken_out() {
    let (mut f, enclave) = ready();
    deposit(&mut f, STRANGER, USER, MAX_U64);
    assert_eq!(take(&mut f, USER, MAX_U64), MAX_U64);
    assert_fees(&mut f, 0, 0, 0);
    f.end_all(enclave);
}

#[test]
fun nothing_is_made_and_nothing_is_lost() {
    let (mut f, enclave) = paid();
    deposit(&mut f, STRANGER, GUEST, 50);
    f.send_many(USER, raw(), 3);
    assert_eq!(take(&mut f, USER, 30), 30);
    assert_fees(&mut f, 40, 50, 30);
    withdraw(&mut f, GUEST, 50);
    collect(&mut f);
    assert_fees(&mut f, 40, 0, 0);
    f.send_raw(USER, raw());
    assert_fees(&mut f, 30, 0, 10);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::EZeroAmount)]
fun an_empty_coin_is_not_paid_in() {
    let (mut f, _enclave) = ready();
    deposit(&mut f, USER, USER, 0);
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun paying_in_has_a_limit() {
    let (mut f, _enclave) = ready();
    use_hour(&mut f, STRANGER, 1_200);
    deposit(&mut f, STRANGER, USER, 1);
    abort
}

#[test]
fun a_stranger_who_pays_in_does_not_use_up_the_hour_of_the_owner() {
    let (mut f, enclave) = ready();
    use_hour(&mut f, STRANGER, 1_199);
    deposit(&mut f, STRANGER, USER, 1);
    use_hour(&mut f, USER, 1_199);
    f.send_raw(USER, raw());
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::EZeroAmount)]
fun nothing_is_not_taken() {
    let (mut f, _enclave) = paid();
    take(&mut f, USER, 0);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EZeroAmount)]
fun nothing_is_not_withdrawn() {
    let (mut f, _enclave) = paid();
    withdraw(&mut f, USER, 0);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotEnoughFees)]
fun no_more_is_taken_than_there_is() {
    let (mut f, _enclave) = paid();
    take(&mut f, USER, 101);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotEnoughFees)]
fun the_greatest_amount_is_not_withdrawn() {
    let (mut f, _enclave) = paid();
    withdraw(&mut f, USER, MAX_U64);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotEnoughFees)]
fun whoever_paid_in_does_not_take_it_back() {
    let (mut f, _enclave) = ready();
    deposit(&mut f, STRANGER, USER, 100);
    take(&mut f, STRANGER, 1);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotEnoughFees)]
fun nothing_is_withdrawn_twice() {
    let (mut f, _enclave) = paid();
    withdraw(&mut f, USER, 100);
    withdraw(&mut f, USER, 100);
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun taking_has_a_limit() {
    let (mut f, _enclave) = paid();
    use_hour(&mut f, USER, 2_399);
    take(&mut f, USER, 1);
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun withdrawing_has_a_limit() {
    let (mut f, _enclave) = paid();
    use_hour(&mut f, USER, 2_399);
    withdraw(&mut f, USER, 1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_paid_in_through_an_old_package() {
    let (mut f, _enclave) = ready();
    migrate(&mut f);
    deposit(&mut f, USER, USER, 1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_taken_through_an_old_package() {
    let (mut f, _enclave) = paid();
    migrate(&mut f);
    take(&mut f, USER, 1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_withdrawn_through_an_old_package() {
    let (mut f, _enclave) = paid();
    migrate(&mut f);
    withdraw(&mut f, USER, 1);
    abort
}

// Earning

#[test, expected_failure(abort_code = k8s_scheduler::EZeroAmount)]
fun nothing_is_collected_twice() {
    let (mut f, _enclave) = paid();
    f.send_raw(USER, raw());
    collect(&mut f);
    collect(&mut f);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EZeroAmount)]
fun what_was_paid_in_and_not_used_is_not_collected() {
    let (mut f, _enclave) = paid();
    collect(&mut f);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ENoLeader)]
fun nobody_earns_while_no_enclave_leads() {
    let mut f = fixture::empty();
    collect(&mut f);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_leader_of_another_cluster_earns_nothing() {
    let (mut f, _enclave) = paid();
    f.send_raw(USER, raw());
    let mut other = fixture::other();
    let (_, registry, _, _) = other.administered_scheduler();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.collect_fees(registry, clock, &mut by(STRANGER, 95));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_collected_through_an_old_package() {
    let (mut f, _enclave) = paid();
    f.send_raw(USER, raw());
    migrate(&mut f);
    collect(&mut f);
    abort
}
