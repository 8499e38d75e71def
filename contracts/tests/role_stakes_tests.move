#[test_only]
module daasvader::role_stakes_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, sui};
use daasvader::role_stakes;
use daasvader::staking;
use std::unit_test::assert_eq;

const DELAY_MS: u64 = 8 * 86_400_000;
const USER: address = @0x7;
const STRANGER: address = @0x5;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

fun propose(f: &mut Fixture, viewer: u64, developer: u64, admin: u64, super_: u64) {
    let (pool, registry, cap, clock) = f.administered_pool();
    pool.propose_role_stakes(registry, cap, viewer, developer, admin, super_, clock);
}

/// Every stake of a role is doubled.
fun propose_double(f: &mut Fixture) {
    propose(f, sui(1), sui(4), sui(10), sui(20));
}

fun role(f: &mut Fixture, user: address): u8 {
    let (pool, clock) = f.pool();
    pool.role_of(user, clock)
}

/// A cluster with a delay of eight days, where `USER` staked an amount.
fun delayed(amount: u64): Fixture {
    let mut f = fixture::with_delay(DELAY_MS);
    f.add_user(USER, amount);
    f
}

#[test]
fun a_role_takes_other_stakes_after_the_delay() {
    let mut f = delayed(sui(10));
    propose_double(&mut f);
    assert_eq!(role(&mut f, USER), 4);
    f.advance(DELAY_MS - 1);
    assert_eq!(role(&mut f, USER), 4);
    f.advance(1);
    assert_eq!(role(&mut f, USER), 3);
    f.end();
}

#[test]
fun lower_stakes_wait_too() {
    let mut f = delayed(sui(5));
    propose(&mut f, sui(1) / 4, sui(1), sui(5) / 2, sui(5));
    f.advance(DELAY_MS - 1);
    assert_eq!(role(&mut f, USER), 3);
    f.advance(1);
    assert_eq!(role(&mut f, USER), 4);
    f.end();
}

#[test]
fun another_proposal_takes_the_place_of_one_that_waits() {
    let mut f = delayed(sui(10));
    propose_double(&mut f);
    f.advance(DELAY_MS - 1);
    propose(&mut f, sui(1) / 2, sui(2), sui(5), sui(11));
    f.advance(DELAY_MS - 1);
    assert_eq!(role(&mut f, USER), 4);
    f.advance(1);
    assert_eq!(role(&mut f, USER), 3);
    f.end();
}

#[test]
fun the_same_stakes_may_be_proposed_and_each_role_begins_at_its_own() {
    let mut f = delayed(sui(4));
    propose_double(&mut f);
    propose_double(&mut f);
    f.advance(DELAY_MS);
    assert_eq!(role(&mut f, USER), 2);
    f.add_user(STRANGER, sui(4) - 1);
    assert_eq!(role(&mut f, STRANGER), 1);
    f.end();
}

#[test]
fun an_account_below_the_least_stake_stays_and_has_no_role() {
    let mut f = delayed(sui(1) / 2);
    propose_double(&mut f);
    f.advance(DELAY_MS);
    assert_eq!(role(&mut f, USER), 0);
    let (pool, _) = f.pool();
    assert_eq!(pool.stake_of(USER), sui(1) / 2);
    f.end();
}

#[test, expected_failure(abort_code = staking::EStakeTooSmall)]
fun an_account_is_opened_with_the_least_stake_in_effect() {
    let mut f = fixture::empty();
    propose_double(&mut f);
    f.add_user(USER, sui(1) - 1);
    abort
}

#[test]
fun the_stakes_reach_a_million_sui() {
    let mut f = fixture::empty();
    let mut factor = 2;
    while (sui(10) * factor <= sui(1_000_000)) {
        propose(&mut f, sui(1) / 2 * factor, sui(2) * factor, sui(5) * factor, sui(10) * factor);
        factor = factor * 2;
    };
    let last = factor / 2;
    propose(&mut f, sui(1) / 2 * last, sui(2) * last, sui(5) * last, sui(1_000_000));
    f.add_user(USER, sui(1_000_000));
    assert_eq!(role(&mut f, USER), 4);
    f.end();
}

#[test]
fun the_stakes_fall_to_single_mist() {
    let mut f = fixture::empty();
    let (mut a, mut b, mut c, mut d) = (sui(1) / 2, sui(2), sui(5), sui(10));
    while (a > 1 || b > 2 || c > 3 || d > 4) {
        a = halved(a, 1);
        b = halved(b, 2);
        c = halved(c, 3);
        d = halved(d, 4);
        propose(&mut f, a, b, c, d);
    };
    f.add_user(USER, 3);
    assert_eq!(role(&mut f, USER), 3);
    f.end();
}

fun halved(value: u64, least: u64): u64 {
    (value - value / 2).max(least)
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun no_role_is_for_nothing() {
    let mut f = fixture::empty();
    propose(&mut f, 0, sui(2), sui(5), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun a_viewer_takes_less_than_a_developer() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(1), sui(5), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun a_developer_takes_less_than_an_admin() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(3), sui(3), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun an_admin_takes_less_than_a_super() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(3), sui(7), sui(7));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun no_role_takes_more_than_a_million_sui() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(3), sui(7), sui(1_000_000) + 1);
    abort
}

#[test, expected_failure(abort_code = role_stakes::ENotRising)]
fun the_greatest_stake_is_refused_without_overflow() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(3), sui(7), MAX_U64);
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun a_viewer_does_not_take_more_than_twice_as_much() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1) + 1, sui(2), sui(5), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun a_developer_does_not_take_less_than_half() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1) / 2, sui(1) - 1, sui(5), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun an_admin_does_not_take_more_than_twice_as_much() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(4), sui(10) + 1, sui(20));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun a_super_does_not_take_more_than_twice_as_much() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1), sui(4), sui(10), sui(20) + 1);
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun half_of_an_odd_stake_is_not_rounded_down() {
    let mut f = fixture::empty();
    propose(&mut f, sui(1) / 2 + 1, sui(2), sui(5), sui(10));
    propose(&mut f, sui(1) / 4, sui(2), sui(5), sui(10));
    abort
}

#[test, expected_failure(abort_code = role_stakes::ETooFar)]
fun what_waits_is_no_base_for_more() {
    let mut f = delayed(sui(10));
    propose_double(&mut f);
    propose(&mut f, sui(2), sui(8), sui(20), sui(40));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_proposes_no_stakes() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (pool, registry, _, clock) = f.administered_pool();
    pool.propose_role_stakes(registry, cap, sui(1), sui(4), sui(10), sui(20), clock);
    abort
}

#[test, expected_failure(abort_code = staking::EWrongCluster)]
fun the_stakes_of_another_clusters_pool_are_not_proposed() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (pool, _) = other.pool();
    let (_, registry, cap, clock) = f.administered_pool();
    pool.propose_role_stakes(registry, cap, sui(1), sui(4), sui(10), sui(20), clock);
    abort
}
