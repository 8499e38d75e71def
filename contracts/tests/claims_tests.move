#[test_only]
/// Namespaces beside the first one, which admins claim.
module daasvader::claims_tests;

use daasvader::fixture::{Self, Fixture, by, bytes, pay, sui};
use daasvader::gate;
use daasvader::hourly;
use daasvader::orders::namespace_with;
use daasvader::staking;
use std::unit_test::assert_eq;

const USER: address = @0x7;
const GUEST: address = @0x5;
const STRANGER: address = @0x6;
const DEVELOPER: u8 = 2;
const ADMIN: u8 = 3;
const SUPER: u8 = 4;
const WEEK_MS: u64 = 7 * 86_400_000;

fun claim(f: &mut Fixture, sender: address, suffix: vector<u8>) {
    let (pool, clock) = f.pool();
    pool.claim_namespace(namespace_with(USER, suffix), clock, &by(sender, 60));
}

fun release(f: &mut Fixture, sender: address, suffix: vector<u8>) {
    let (pool, clock) = f.pool();
    pool.release_namespace(namespace_with(USER, suffix), clock, &by(sender, 61));
}

/// Claims `-0`, `-1` and so on.
fun claim_many(f: &mut Fixture, from: u8, to: u8) {
    let mut i = from;
    while (i < to) {
        claim(f, USER, numbered(i));
        i = i + 1;
    }
}

fun numbered(number: u8): vector<u8> {
    vector[45, 48 + number / 10, 48 + number % 10]
}

fun grant(f: &mut Fixture, suffix: vector<u8>, role: u8) {
    let (pool, clock) = f.pool();
    pool.grant_role(namespace_with(USER, suffix), GUEST, role, clock, &by(USER, 62));
}

fun request_withdraw(f: &mut Fixture, amount: u64) {
    let (pool, clock) = f.pool();
    pool.request_withdraw(amount, clock, &mut by(USER, 63));
}

fun withdraw(f: &mut Fixture) {
    let (pool, clock) = f.pool();
    pool.withdraw(clock, &mut by(USER, 64));
}

fun restake(f: &mut Fixture, amount: u64) {
    let ctx = &mut by(USER, 65);
    let payment = pay(amount, ctx);
    let (pool, clock) = f.pool();
    pool.restake(payment, clock, ctx);
}

/// The role that a user has now in the namespace of `USER` with a suffix.
fun role(f: &mut Fixture, user: address, suffix: vector<u8>): u8 {
    let (pool, clock) = f.pool();
    pool.role_in(namespace_with(USER, suffix), user, clock)
}

fun assert_claimed(f: &mut Fixture, suffixes: vector<vector<u8>>) {
    let (pool, _) = f.pool();
    assert_eq!(pool.claimed_of(USER), suffixes.map!(|suffix| namespace_with(USER, suffix)));
}

/// A cluster where `USER` staked an amount.
fun staked(amount: u64): Fixture {
    let mut f = fixture::empty();
    f.add_user(USER, amount);
    f
}

/// As the next version of the package would.
fun migrate(f: &mut Fixture) {
    let (pool, _) = f.pool();
    pool.set_version(gate::version() + 1);
}

// Claiming

#[test]
fun a_namespace_counts_once_it_is_claimed() {
    let mut f = staked(sui(5));
    assert_eq!(role(&mut f, USER, b"-test"), 0);
    claim(&mut f, USER, b"-test");
    assert_eq!(role(&mut f, USER, b"-test"), ADMIN);
    assert_eq!(role(&mut f, USER, b"-tes"), 0);
    assert_eq!(role(&mut f, USER, b""), ADMIN);
    assert_eq!(role(&mut f, STRANGER, b"-test"), 0);
    assert_claimed(&mut f, vector[b"-test"]);
    f.end();
}

#[test]
fun an_admin_has_4_beside_the_first() {
    let mut f = staked(sui(5));
    claim_many(&mut f, 0, 4);
    assert_claimed(&mut f, vector[b"-00", b"-01", b"-02", b"-03"]);
    f.end();
}

#[test, expected_failure(abort_code = staking::ETooManyNamespaces)]
fun an_admin_has_no_fifth() {
    let mut f = staked(sui(5));
    claim_many(&mut f, 0, 5);
    abort
}

#[test]
fun a_super_has_16_beside_the_first() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 16);
    assert_eq!(role(&mut f, USER, b"-15"), SUPER);
    f.end();
}

#[test, expected_failure(abort_code = staking::ETooManyNamespaces)]
fun a_super_has_no_seventeenth() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 17);
    abort
}

#[test, expected_failure(abort_code = staking::ENamespaceClaimed)]
fun a_namespace_is_not_claimed_twice() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    claim(&mut f, USER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun a_developer_claims_nothing() {
    let mut f = staked(sui(5) - 1);
    claim(&mut f, USER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun who_staked_nothing_claims_nothing() {
    let mut f = fixture::empty();
    claim(&mut f, USER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun who_was_granted_a_role_claims_nothing() {
    let mut f = staked(sui(5));
    grant(&mut f, b"", ADMIN);
    claim(&mut f, GUEST, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nobody_claims_a_namespace_of_another() {
    let mut f = staked(sui(5));
    f.add_user(STRANGER, sui(10));
    claim(&mut f, STRANGER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun the_first_namespace_is_not_claimed() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun a_suffix_is_a_label() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-a/b");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun a_suffix_has_8_characters_at_most() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-ninechars");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun default_is_not_claimed() {
    let mut f = staked(sui(5));
    let (pool, clock) = f.pool();
    pool.claim_namespace(b"default".to_string(), clock, &by(USER, 66));
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun a_long_text_is_not_claimed() {
    let mut f = staked(sui(5));
    let (pool, clock) = f.pool();
    pool.claim_namespace(bytes(10_000, 97).to_string(), clock, &by(USER, 66));
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun nobody_claims_61_times_an_hour() {
    let mut f = staked(sui(5));
    let mut i = 0u8;
    while (i < 61) {
        claim(&mut f, USER, b"-test");
        release(&mut f, USER, b"-test");
        i = i + 1;
    };
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_claimed_through_an_old_package() {
    let mut f = staked(sui(5));
    migrate(&mut f);
    claim(&mut f, USER, b"-test");
    abort
}

// Releasing

#[test]
fun a_released_namespace_makes_room_and_loses_its_grants() {
    let mut f = staked(sui(5));
    claim_many(&mut f, 0, 4);
    grant(&mut f, b"", DEVELOPER);
    grant(&mut f, b"-00", DEVELOPER);
    grant(&mut f, b"-01", DEVELOPER);
    release(&mut f, USER, b"-00");
    assert_eq!(role(&mut f, USER, b"-00"), 0);
    assert_eq!(role(&mut f, GUEST, b"-00"), 0);
    assert_eq!(role(&mut f, GUEST, b"-01"), DEVELOPER);
    claim(&mut f, USER, b"-00");
    assert_claimed(&mut f, vector[b"-01", b"-02", b"-03", b"-00"]);
    // What was granted before does not come back.
    assert_eq!(role(&mut f, GUEST, b"-00"), 0);
    assert_eq!(role(&mut f, GUEST, b""), DEVELOPER);
    f.end();
}

#[test]
fun an_owner_without_a_role_releases() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    grant(&mut f, b"-test", DEVELOPER);
    request_withdraw(&mut f, sui(5));
    release(&mut f, USER, b"-test");
    assert_claimed(&mut f, vector[]);
    f.end();
}

#[test]
fun whoever_used_up_the_hour_still_releases() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    let mut i = 0u8;
    while (i < 59) {
        restake(&mut f, 1);
        i = i + 1;
    };
    release(&mut f, USER, b"-test");
    assert_claimed(&mut f, vector[]);
    f.end();
}

#[test, expected_failure(abort_code = staking::EUnknownNamespace)]
fun a_namespace_is_not_released_twice() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    release(&mut f, USER, b"-test");
    release(&mut f, USER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::EUnknownNamespace)]
fun the_first_namespace_is_not_released() {
    let mut f = staked(sui(5));
    release(&mut f, USER, b"");
    abort
}

#[test, expected_failure(abort_code = staking::EUnknownNamespace)]
fun a_stranger_releases_nothing() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    release(&mut f, STRANGER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::EUnknownNamespace)]
fun an_admin_who_is_a_guest_releases_nothing_of_the_owner() {
    let mut f = staked(sui(5));
    f.add_user(GUEST, sui(10));
    claim(&mut f, USER, b"-test");
    grant(&mut f, b"-test", ADMIN);
    release(&mut f, GUEST, b"-test");
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_released_through_an_old_package() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    migrate(&mut f);
    release(&mut f, USER, b"-test");
    abort
}

// When a role falls

#[test]
fun of_more_than_an_admin_may_have_the_first_4_count() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 6);
    grant(&mut f, b"-03", DEVELOPER);
    grant(&mut f, b"-04", DEVELOPER);
    request_withdraw(&mut f, 1);
    assert_eq!(role(&mut f, USER, b"-03"), ADMIN);
    assert_eq!(role(&mut f, USER, b"-04"), 0);
    assert_eq!(role(&mut f, GUEST, b"-03"), DEVELOPER);
    assert_eq!(role(&mut f, GUEST, b"-04"), 0);
    // One that is released lets the next one count.
    release(&mut f, USER, b"-01");
    assert_eq!(role(&mut f, USER, b"-04"), ADMIN);
    assert_eq!(role(&mut f, GUEST, b"-04"), DEVELOPER);
    assert_eq!(role(&mut f, USER, b"-05"), 0);
    restake(&mut f, 1);
    assert_eq!(role(&mut f, USER, b"-05"), SUPER);
    f.end();
}

#[test, expected_failure(abort_code = staking::ETooManyNamespaces)]
fun who_fell_claims_no_more() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 6);
    request_withdraw(&mut f, 1);
    claim(&mut f, USER, b"-test");
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_where_it_does_not_count() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 6);
    request_withdraw(&mut f, 1);
    grant(&mut f, b"-04", DEVELOPER);
    abort
}

#[test]
fun a_developer_keeps_the_claims_and_has_no_use_of_them() {
    let mut f = staked(sui(5));
    claim(&mut f, USER, b"-test");
    request_withdraw(&mut f, 1);
    assert_eq!(role(&mut f, USER, b"-test"), 0);
    assert_eq!(role(&mut f, USER, b""), DEVELOPER);
    assert_claimed(&mut f, vector[b"-test"]);
    restake(&mut f, 1);
    assert_eq!(role(&mut f, USER, b"-test"), ADMIN);
    f.end();
}

#[test]
fun an_account_that_is_closed_releases_all() {
    let mut f = staked(sui(10));
    claim_many(&mut f, 0, 3);
    grant(&mut f, b"-01", DEVELOPER);
    request_withdraw(&mut f, sui(10));
    f.advance(WEEK_MS);
    withdraw(&mut f);
    assert_claimed(&mut f, vector[]);
    f.add_user(USER, sui(10));
    assert_claimed(&mut f, vector[]);
    claim(&mut f, USER, b"-01");
    assert_eq!(role(&mut f, GUEST, b"-01"), 0);
    f.end();
}

#[test]
fun an_account_that_stays_open_keeps_its_claims() {
    let mut f = staked(sui(10));
    claim(&mut f, USER, b"-test");
    request_withdraw(&mut f, sui(5));
    f.advance(WEEK_MS);
    withdraw(&mut f);
    assert_claimed(&mut f, vector[b"-test"]);
    f.end();
}
