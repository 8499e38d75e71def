#[test_only]
module daasvader::staking_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, by, pay, sui};
use daasvader::gate;
use daasvader::hourly;
use daasvader::stake;
use daasvader::staking;
use std::unit_test::assert_eq;

const USER: address = @0x7;
const STRANGER: address = @0x5;
const DAY_MS: u64 = 86_400_000;

fun restake(f: &mut Fixture, user: address, amount: u64) {
    let ctx = &mut by(user, 60);
    let payment = pay(amount, ctx);
    let (pool, clock) = f.pool();
    pool.restake(payment, clock, ctx);
}

fun request_withdraw(f: &mut Fixture, user: address, amount: u64) {
    let (pool, clock) = f.pool();
    pool.request_withdraw(amount, clock, &mut by(user, 61));
}

fun withdraw(f: &mut Fixture, user: address) {
    let (pool, clock) = f.pool();
    pool.withdraw(clock, &mut by(user, 62));
}

fun role(f: &mut Fixture, user: address): u8 {
    let (pool, clock) = f.pool();
    pool.role_of(user, clock)
}

fun staked(f: &mut Fixture, user: address): u64 {
    let (pool, _) = f.pool();
    pool.stake_of(user)
}

fun with_user(amount: u64): Fixture {
    let mut f = fixture::empty();
    f.add_user(USER, amount);
    f
}

#[test]
fun a_role_begins_at_its_threshold() {
    let mut f = with_user(sui(1) / 2);
    assert_eq!(role(&mut f, USER), 1);
    restake(&mut f, USER, sui(3) / 2 - 1);
    assert_eq!(role(&mut f, USER), 1);
    restake(&mut f, USER, 1);
    assert_eq!(role(&mut f, USER), 2);
    restake(&mut f, USER, sui(3) - 1);
    assert_eq!(role(&mut f, USER), 2);
    restake(&mut f, USER, 1);
    assert_eq!(role(&mut f, USER), 3);
    restake(&mut f, USER, sui(5) - 1);
    assert_eq!(role(&mut f, USER), 3);
    restake(&mut f, USER, 1);
    assert_eq!(role(&mut f, USER), 4);
    assert_eq!(staked(&mut f, USER), sui(10));
    f.end();
}

#[test]
fun who_staked_nothing_has_no_role() {
    let mut f = with_user(sui(10));
    assert_eq!(role(&mut f, STRANGER), 0);
    assert_eq!(staked(&mut f, STRANGER), 0);
    f.end();
}

#[test]
fun the_greatest_stake_is_counted() {
    let mut f = with_user(18_446_744_073_709_551_615);
    assert_eq!(role(&mut f, USER), 4);
    request_withdraw(&mut f, USER, 18_446_744_073_709_551_615);
    assert_eq!(role(&mut f, USER), 0);
    f.end();
}

#[test, expected_failure(abort_code = staking::EStakeTooSmall)]
fun less_than_the_least_role_is_refused() {
    let _f = with_user(sui(1) / 2 - 1);
    abort
}

#[test, expected_failure(abort_code = staking::EAlreadyStaked)]
fun an_account_is_opened_once() {
    let mut f = with_user(sui(2));
    f.add_user(USER, sui(2));
    abort
}

#[test, expected_failure(abort_code = staking::ENoAccount)]
fun nothing_is_added_to_no_account() {
    let mut f = with_user(sui(2));
    restake(&mut f, STRANGER, sui(2));
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun an_empty_coin_is_not_added() {
    let mut f = with_user(sui(2));
    restake(&mut f, USER, 0);
    abort
}

#[test]
fun a_role_falls_when_the_stake_is_asked_for() {
    let mut f = with_user(sui(10));
    request_withdraw(&mut f, USER, 1);
    assert_eq!(role(&mut f, USER), 3);
    request_withdraw(&mut f, USER, sui(10) - 1);
    assert_eq!(role(&mut f, USER), 0);
    f.end();
}

#[test]
fun an_account_that_was_paid_out_is_opened_again() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(2));
    f.advance(7 * DAY_MS);
    withdraw(&mut f, USER);
    f.add_user(USER, sui(5));
    assert_eq!(role(&mut f, USER), 3);
    f.end();
}

#[test]
fun what_was_not_asked_for_stays() {
    let mut f = with_user(sui(10));
    request_withdraw(&mut f, USER, sui(8));
    f.advance(7 * DAY_MS);
    withdraw(&mut f, USER);
    assert_eq!(staked(&mut f, USER), sui(2));
    f.end();
}

#[test, expected_failure(abort_code = staking::ENoAccount)]
fun a_stranger_withdraws_nothing() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(2));
    f.advance(7 * DAY_MS);
    withdraw(&mut f, STRANGER);
    abort
}

#[test, expected_failure(abort_code = staking::ENoAccount)]
fun a_stranger_asks_for_nothing() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, STRANGER, sui(1));
    abort
}

#[test, expected_failure(abort_code = stake::ENotEnoughStake)]
fun more_than_is_staked_is_not_asked_for() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(2) + 1);
    abort
}

#[test, expected_failure(abort_code = stake::ENotEnoughStake)]
fun the_greatest_amount_does_not_overflow() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, 18_446_744_073_709_551_615);
    abort
}

#[test, expected_failure(abort_code = stake::EZeroAmount)]
fun nothing_is_not_asked_for() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, 0);
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun nothing_is_paid_out_before_it_was_asked_for() {
    let mut f = with_user(sui(2));
    withdraw(&mut f, USER);
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun nothing_is_paid_out_early() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(1));
    f.advance(7 * DAY_MS - 1);
    withdraw(&mut f, USER);
    abort
}

#[test, expected_failure(abort_code = stake::EStillUnbonding)]
fun asking_for_more_starts_the_wait_again() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(1));
    f.advance(7 * DAY_MS - 1);
    request_withdraw(&mut f, USER, 1);
    f.advance(1);
    withdraw(&mut f, USER);
    abort
}

#[test, expected_failure(abort_code = stake::ENothingRequested)]
fun nothing_is_paid_out_twice() {
    let mut f = with_user(sui(2));
    request_withdraw(&mut f, USER, sui(1));
    f.advance(7 * DAY_MS);
    withdraw(&mut f, USER);
    withdraw(&mut f, USER);
    abort
}

// Limits

fun restake_many(f: &mut Fixture, times: u64) {
    let mut i = 0;
    while (i < times) {
        restake(f, USER, 1);
        i = i + 1;
    }
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun nobody_restakes_61_times_an_hour() {
    let mut f = with_user(sui(2));
    restake_many(&mut f, 61);
    abort
}

#[test]
fun the_next_hour_begins_anew_and_nobody_uses_that_of_another() {
    let mut f = with_user(sui(2));
    f.add_user(STRANGER, sui(2));
    restake_many(&mut f, 60);
    restake(&mut f, STRANGER, 1);
    f.advance(3_600_000);
    restake_many(&mut f, 60);
    assert_eq!(staked(&mut f, USER), sui(2) + 120);
    f.end();
}

#[test]
fun whoever_used_up_the_hour_still_gets_the_stake() {
    let mut f = with_user(sui(2));
    restake_many(&mut f, 60);
    request_withdraw(&mut f, USER, sui(1));
    request_withdraw(&mut f, USER, sui(1));
    f.advance(7 * DAY_MS);
    restake_many(&mut f, 60);
    withdraw(&mut f, USER);
    assert_eq!(staked(&mut f, USER), 120);
    f.end();
}

// After an upgrade

/// A user's pool as the next version of the package leaves it.
fun migrated(): Fixture {
    let mut f = with_user(sui(2));
    let (pool, _) = f.pool();
    pool.set_version(gate::version() + 1);
    f
}

#[test]
fun the_package_before_works_until_the_pool_is_migrated() {
    let mut f = with_user(sui(2));
    let (pool, _) = f.pool();
    pool.set_version(gate::version() - 1);
    restake(&mut f, USER, sui(3));
    let (pool, registry, cap, _) = f.administered_pool();
    pool.migrate(registry, cap);
    restake(&mut f, USER, sui(5));
    assert_eq!(role(&mut f, USER), 4);
    f.end();
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun a_pool_is_not_migrated_twice() {
    let mut f = with_user(sui(2));
    let (pool, registry, cap, _) = f.administered_pool();
    pool.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_does_not_migrate_the_pool_back() {
    let mut f = migrated();
    let (pool, registry, cap, _) = f.administered_pool();
    pool.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_migrates_no_pool() {
    let mut f = with_user(sui(2));
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (pool, registry, _, _) = f.administered_pool();
    pool.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = staking::EWrongCluster)]
fun the_pool_of_another_cluster_is_not_migrated() {
    let mut f = with_user(sui(2));
    let mut other = fixture::other();
    let (pool, _) = other.pool();
    let (_, registry, cap, _) = f.administered_pool();
    pool.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_opens_no_account() {
    let mut f = migrated();
    f.add_user(STRANGER, sui(2));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_adds_nothing() {
    let mut f = migrated();
    restake(&mut f, USER, 1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_asked_for_through_an_old_package() {
    let mut f = migrated();
    request_withdraw(&mut f, USER, 1);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_paid_out_through_an_old_package() {
    let mut f = migrated();
    withdraw(&mut f, USER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_proposes_no_role_stakes() {
    let mut f = migrated();
    let (pool, registry, cap, clock) = f.administered_pool();
    pool.propose_role_stakes(registry, cap, sui(1), sui(4), sui(10), sui(20), clock);
    abort
}
