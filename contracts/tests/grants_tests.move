#[test_only]
/// Roles that admins give to others in their namespaces, and what those may then do.
module daasvader::grants_tests;

use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, by, sui};
use daasvader::gate;
use daasvader::grants;
use daasvader::hourly;
use daasvader::k8s_scheduler;
use daasvader::namespaces;
use daasvader::orders::{deletion, namespace_with, path_in, raw};
use daasvader::request;
use daasvader::staking;
use std::unit_test::assert_eq;

use fun daasvader::orders::send_raw as Fixture.send_raw;
use fun daasvader::orders::send_many as Fixture.send_many;
use fun daasvader::orders::cancel as Fixture.cancel;
use fun daasvader::orders::prune as Fixture.prune;
use fun daasvader::orders::assert_active as Fixture.assert_active;
use fun daasvader::orders::assert_status as Fixture.assert_status;

const PROVIDER: address = @0x9;
const OWNER: address = @0x7;
const GUEST: address = @0x5;
const STRANGER: address = @0x6;
const CANCELLED: u8 = 4;
const HOUR_MS: u64 = 3_600_000;

const VIEWER: u8 = 1;
const DEVELOPER: u8 = 2;
const ADMIN: u8 = 3;

fun own(): vector<u8> {
    with_suffix(b"")
}

fun with_suffix(suffix: vector<u8>): vector<u8> {
    namespace_with(OWNER, suffix).into_bytes()
}

fun claim(f: &mut Fixture, suffix: vector<u8>) {
    let (pool, clock) = f.pool();
    pool.claim_namespace(namespace_with(OWNER, suffix), clock, &by(OWNER, 69));
}

fun grant_by(f: &mut Fixture, sender: address, namespace: vector<u8>, user: address, role: u8) {
    let (pool, clock) = f.pool();
    pool.grant_role(namespace.to_string(), user, role, clock, &by(sender, 70));
}

fun grant(f: &mut Fixture, namespace: vector<u8>, user: address, role: u8) {
    grant_by(f, OWNER, namespace, user, role);
}

fun revoke_by(f: &mut Fixture, sender: address, namespace: vector<u8>, user: address) {
    let (pool, clock) = f.pool();
    pool.revoke_role(namespace.to_string(), user, clock, &by(sender, 71));
}

fun revoke(f: &mut Fixture, namespace: vector<u8>, user: address) {
    revoke_by(f, OWNER, namespace, user);
}

fun request_withdraw(f: &mut Fixture, amount: u64) {
    let (pool, clock) = f.pool();
    pool.request_withdraw(amount, clock, &mut by(OWNER, 72));
}

fun restake(f: &mut Fixture, amount: u64) {
    let ctx = &mut by(OWNER, 73);
    let payment = fixture::pay(amount, ctx);
    let (pool, clock) = f.pool();
    pool.restake(payment, clock, ctx);
}

/// The role that was given, and the one that counts now.
fun assert_roles(f: &mut Fixture, namespace: vector<u8>, user: address, granted: u8, now: u8) {
    let (pool, clock) = f.pool();
    assert_eq!(pool.grant_of(namespace.to_string(), user), granted);
    assert_eq!(pool.role_in(namespace.to_string(), user, clock), now);
}

fun send(f: &mut Fixture, sender: address, namespace: vector<u8>) {
    f.send_raw(sender, raw().path(path_in(namespace.to_string(), b"pods")));
}

/// A cluster where `OWNER` is an admin.
fun owned(): Fixture {
    let mut f = fixture::empty();
    f.add_user(OWNER, sui(5));
    f
}

/// The same with a worker.
fun working(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_user(OWNER, sui(5));
    f.add_active(&enclave, PROVIDER, b"w1", b"a");
    (f, enclave)
}

/// The same, with the role that `GUEST` has there.
fun shared(role: u8): (Fixture, Enclave) {
    let (mut f, enclave) = working();
    grant(&mut f, own(), GUEST, role);
    (f, enclave)
}

// Giving and taking back

#[test]
fun each_role_up_to_admin_is_granted_and_taken_back() {
    let mut f = owned();
    vector[VIEWER, DEVELOPER, ADMIN].do!(|role| {
        grant(&mut f, own(), GUEST, role);
        assert_roles(&mut f, own(), GUEST, role, role);
    });
    revoke(&mut f, own(), GUEST);
    assert_roles(&mut f, own(), GUEST, 0, 0);
    f.end();
}

#[test]
fun a_role_is_granted_in_one_namespace_only() {
    let mut f = owned();
    claim(&mut f, b"-test");
    grant(&mut f, with_suffix(b"-test"), GUEST, DEVELOPER);
    assert_roles(&mut f, with_suffix(b"-test"), GUEST, DEVELOPER, DEVELOPER);
    assert_roles(&mut f, own(), GUEST, 0, 0);
    assert_roles(&mut f, with_suffix(b"-tes"), GUEST, 0, 0);
    assert_roles(&mut f, with_suffix(b"-test"), STRANGER, 0, 0);
    f.end();
}

#[test]
fun an_owner_is_above_what_is_granted() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, VIEWER);
    assert_roles(&mut f, own(), OWNER, 0, ADMIN);
    assert_roles(&mut f, b"default", OWNER, 0, ADMIN);
    f.end();
}

#[test]
fun an_own_stake_gives_nothing_in_the_namespace_of_another() {
    let mut f = owned();
    f.add_user(GUEST, sui(10));
    assert_roles(&mut f, own(), GUEST, 0, 0);
    grant(&mut f, own(), GUEST, VIEWER);
    assert_roles(&mut f, own(), GUEST, VIEWER, VIEWER);
    f.end();
}

#[test]
fun nobody_has_a_role_in_a_namespace_of_no_user() {
    let mut f = owned();
    vector[b"", b"kube-system", b"u-", vector[0xc3, 0xa9], fixture::bytes(300, 97)].do!(|namespace| {
        assert_roles(&mut f, namespace, OWNER, 0, 0);
    });
    f.end();
}

#[test]
fun a_super_grants_and_sixty_four_are_granted() {
    let mut f = fixture::empty();
    f.add_user(OWNER, sui(10));
    grant_many(&mut f, 64);
    // In place of one that was there, there is room.
    grant(&mut f, own(), @0x101, ADMIN);
    revoke(&mut f, own(), @0x102);
    grant(&mut f, own(), GUEST, VIEWER);
    assert_roles(&mut f, own(), @0x101, ADMIN, ADMIN);
    assert_roles(&mut f, own(), @0x102, 0, 0);
    assert_roles(&mut f, own(), @0x140, DEVELOPER, DEVELOPER);
    f.end();
}

/// Grants to the users from 0x101 on.
fun grant_many(f: &mut Fixture, count: u64) {
    let mut given = 0u256;
    while (given < (count as u256)) {
        given = given + 1;
        if (given == 60) f.advance(HOUR_MS);
        grant(f, own(), sui::address::from_u256(0x100 + given), DEVELOPER);
    }
}

#[test]
fun grants_count_while_their_owner_is_an_admin() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, DEVELOPER);
    request_withdraw(&mut f, 1);
    assert_roles(&mut f, own(), GUEST, DEVELOPER, 0);
    restake(&mut f, 1);
    assert_roles(&mut f, own(), GUEST, DEVELOPER, DEVELOPER);
    f.end();
}

#[test]
fun grants_end_when_the_role_of_their_owner_gets_dearer() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, DEVELOPER);
    let (pool, registry, cap, clock) = f.administered_pool();
    pool.propose_role_stakes(registry, cap, sui(1), sui(2), sui(5) + 1, sui(10), clock);
    assert_roles(&mut f, own(), GUEST, DEVELOPER, 0);
    f.end();
}

#[test]
fun a_grant_is_taken_back_by_an_owner_without_a_role() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, DEVELOPER);
    request_withdraw(&mut f, sui(5));
    revoke(&mut f, own(), GUEST);
    assert_roles(&mut f, own(), GUEST, 0, 0);
    f.end();
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun a_developer_grants_nothing() {
    let mut f = fixture::empty();
    f.add_user(OWNER, sui(5) - 1);
    grant(&mut f, own(), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun who_staked_nothing_grants_nothing() {
    let mut f = owned();
    grant_by(&mut f, STRANGER, namespaces::first_of(STRANGER).into_bytes(), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun who_fell_grants_nothing() {
    let mut f = owned();
    request_withdraw(&mut f, 1);
    grant(&mut f, own(), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::ENotAdmin)]
fun what_was_granted_is_not_granted_on() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, ADMIN);
    grant_by(&mut f, GUEST, own(), STRANGER, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun an_admin_who_was_granted_a_role_does_not_grant_it_on_either() {
    let mut f = owned();
    f.add_user(GUEST, sui(10));
    grant(&mut f, own(), GUEST, ADMIN);
    grant_by(&mut f, GUEST, own(), STRANGER, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_default() {
    let mut f = owned();
    grant(&mut f, b"default", GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_a_namespace_of_the_cluster() {
    let mut f = owned();
    grant(&mut f, b"kube-system", GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_no_namespace() {
    let mut f = owned();
    grant(&mut f, b"", GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_a_namespace_that_only_begins_like_the_own() {
    let mut f = owned();
    grant(&mut f, with_suffix(b"test"), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_a_namespace_that_is_not_claimed() {
    let mut f = owned();
    claim(&mut f, b"-other");
    grant(&mut f, with_suffix(b"-test"), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_a_namespace_with_a_long_suffix() {
    let mut f = owned();
    grant(&mut f, with_suffix(b"-ninechars"), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadNamespace)]
fun nothing_is_granted_in_a_namespace_that_is_no_label() {
    let mut f = owned();
    grant(&mut f, with_suffix(b"-a/b"), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = staking::EBadRole)]
fun no_role_is_not_granted() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, 0);
    abort
}

#[test, expected_failure(abort_code = staking::EBadRole)]
fun super_is_not_granted_by_a_super_either() {
    let mut f = fixture::empty();
    f.add_user(OWNER, sui(10));
    grant(&mut f, own(), GUEST, 4);
    abort
}

#[test, expected_failure(abort_code = staking::EBadRole)]
fun the_greatest_role_is_not_granted() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, 255);
    abort
}

#[test, expected_failure(abort_code = staking::EOwnGrant)]
fun nobody_grants_to_oneself() {
    let mut f = owned();
    grant(&mut f, own(), OWNER, ADMIN);
    abort
}

#[test, expected_failure(abort_code = grants::ETooManyGrants)]
fun the_65th_grant_is_refused() {
    let mut f = owned();
    grant_many(&mut f, 64);
    claim(&mut f, b"-test");
    grant(&mut f, with_suffix(b"-test"), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = grants::EUnknownGrant)]
fun nothing_is_taken_back_twice() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, VIEWER);
    revoke(&mut f, own(), GUEST);
    revoke(&mut f, own(), GUEST);
    abort
}

#[test, expected_failure(abort_code = grants::EUnknownGrant)]
fun nothing_is_taken_back_in_another_namespace() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, VIEWER);
    revoke(&mut f, with_suffix(b"-test"), GUEST);
    abort
}

#[test, expected_failure(abort_code = grants::EUnknownGrant)]
fun a_stranger_takes_nothing_back() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, VIEWER);
    revoke_by(&mut f, STRANGER, own(), GUEST);
    abort
}

#[test, expected_failure(abort_code = grants::EUnknownGrant)]
fun who_was_granted_a_role_does_not_take_back_that_of_another() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, ADMIN);
    grant(&mut f, own(), STRANGER, VIEWER);
    revoke_by(&mut f, GUEST, own(), STRANGER);
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun nobody_grants_61_times_an_hour() {
    let mut f = owned();
    let mut i = 0u8;
    while (i < 61) {
        grant(&mut f, own(), GUEST, VIEWER);
        i = i + 1;
    };
    abort
}

#[test]
fun whoever_used_up_the_hour_still_takes_back() {
    let mut f = owned();
    let mut i = 0u8;
    while (i < 60) {
        grant(&mut f, own(), GUEST, VIEWER);
        i = i + 1;
    };
    revoke(&mut f, own(), GUEST);
    assert_roles(&mut f, own(), GUEST, 0, 0);
    f.end();
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_granted_through_an_old_package() {
    let mut f = owned();
    migrate(&mut f);
    grant(&mut f, own(), GUEST, VIEWER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun nothing_is_taken_back_through_an_old_package() {
    let mut f = owned();
    grant(&mut f, own(), GUEST, VIEWER);
    migrate(&mut f);
    revoke(&mut f, own(), GUEST);
    abort
}

/// As the next version of the package would.
fun migrate(f: &mut Fixture) {
    let (pool, _) = f.pool();
    pool.set_version(gate::version() + 1);
}

// Using a granted role

#[test]
fun a_guest_writes_with_the_granted_role() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own());
    grant(&mut f, own(), GUEST, ADMIN);
    send(&mut f, GUEST, own());
    f.assert_active(2);
    f.end_all(enclave);
}

#[test]
fun a_guest_writes_in_a_further_namespace_of_the_owner() {
    let (mut f, enclave) = working();
    claim(&mut f, b"-test");
    grant(&mut f, with_suffix(b"-test"), GUEST, DEVELOPER);
    send(&mut f, GUEST, with_suffix(b"-test"));
    send(&mut f, OWNER, with_suffix(b"-test"));
    f.assert_active(2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_granted_viewer_writes_nothing() {
    let (mut f, _enclave) = shared(VIEWER);
    send(&mut f, GUEST, own());
    abort
}

#[test]
fun a_super_is_only_what_was_granted_in_the_namespace_of_another() {
    let (mut f, enclave) = shared(DEVELOPER);
    f.add_user(GUEST, sui(10));
    assert_roles(&mut f, own(), GUEST, DEVELOPER, DEVELOPER);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_guest_writes_in_no_other_namespace_of_the_owner() {
    let (mut f, _enclave) = shared(ADMIN);
    claim(&mut f, b"-test");
    send(&mut f, GUEST, with_suffix(b"-test"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun default_is_not_the_namespace_where_a_role_was_granted() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, GUEST, b"default");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_stranger_does_not_use_the_grant_of_another() {
    let (mut f, _enclave) = shared(ADMIN);
    f.add_user(STRANGER, sui(10));
    send(&mut f, STRANGER, own());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_grant_that_was_taken_back_is_not_used() {
    let (mut f, _enclave) = shared(ADMIN);
    revoke(&mut f, own(), GUEST);
    send(&mut f, GUEST, own());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_grant_of_an_owner_who_fell_is_not_used() {
    let (mut f, _enclave) = shared(ADMIN);
    request_withdraw(&mut f, 1);
    send(&mut f, GUEST, own());
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_grant_in_a_released_namespace_is_not_used() {
    let (mut f, _enclave) = working();
    claim(&mut f, b"-test");
    grant(&mut f, with_suffix(b"-test"), GUEST, ADMIN);
    let (pool, clock) = f.pool();
    pool.release_namespace(namespace_with(OWNER, b"-test"), clock, &by(OWNER, 76));
    claim(&mut f, b"-test");
    send(&mut f, GUEST, with_suffix(b"-test"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun an_owner_writes_in_no_namespace_that_is_not_claimed() {
    let (mut f, _enclave) = working();
    send(&mut f, OWNER, with_suffix(b"-test"));
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun an_owner_who_fell_writes_in_no_further_namespace() {
    let (mut f, _enclave) = working();
    claim(&mut f, b"-test");
    request_withdraw(&mut f, 1);
    send(&mut f, OWNER, with_suffix(b"-test"));
    abort
}

// Whose limit it is

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun requests_of_guests_take_the_room_of_the_owner() {
    let (mut f, _enclave) = shared(DEVELOPER);
    f.send_many(GUEST, in_own(), 32);
    send(&mut f, OWNER, own());
    abort
}

#[test]
fun requests_in_the_namespace_of_another_leave_the_own_room() {
    let (mut f, enclave) = shared(DEVELOPER);
    f.add_user(GUEST, sui(2));
    f.send_many(GUEST, in_own(), 32);
    f.send_many(GUEST, raw(), 32);
    f.cancel(1, GUEST);
    send(&mut f, OWNER, own());
    f.assert_active(64);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun requests_of_guests_use_up_the_hour_of_the_owner() {
    let (mut f, _enclave) = shared(DEVELOPER);
    use_hour(&mut f, OWNER, 1_199);
    send(&mut f, GUEST, own());
    send(&mut f, OWNER, own());
    abort
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun a_guest_cancels_within_the_hour_of_the_owner() {
    let (mut f, _enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own());
    use_hour(&mut f, OWNER, 2_399);
    f.cancel(1, GUEST);
    abort
}

#[test]
fun the_hour_of_a_guest_is_not_used_up_in_the_namespace_of_another() {
    let (mut f, enclave) = shared(DEVELOPER);
    f.add_user(GUEST, sui(2));
    use_hour(&mut f, GUEST, 2_400);
    send(&mut f, GUEST, own());
    f.send_raw(GUEST, deletion().path(path_in(namespaces::first_of(OWNER), b"pods/web")));
    f.assert_active(2);
    f.end_all(enclave);
}

/// An order in the owner's first namespace.
fun in_own(): daasvader::orders::Raw {
    raw().path(path_in(namespaces::first_of(OWNER), b"pods"))
}

fun use_hour(f: &mut Fixture, owner: address, events: u64) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.use_hour(owner, events, clock);
}

// Cancelling and removing

#[test]
fun an_owner_cancels_and_removes_the_request_of_a_guest() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own());
    revoke(&mut f, own(), GUEST);
    f.cancel(1, OWNER);
    f.assert_status(1, CANCELLED);
    f.assert_active(0);
    settle(&mut f, 1);
    f.prune(1, OWNER);
    f.end_all(enclave);
}

#[test]
fun a_guest_cancels_and_removes_the_own_request_after_the_grant_ended() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own());
    revoke(&mut f, own(), GUEST);
    f.cancel(1, GUEST);
    f.assert_status(1, CANCELLED);
    settle(&mut f, 1);
    f.prune(1, GUEST);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun a_guest_does_not_cancel_the_request_of_the_owner() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, OWNER, own());
    f.cancel(1, GUEST);
    abort
}

#[test, expected_failure(abort_code = request::ETooEarly)]
fun a_guest_does_not_remove_the_request_of_the_owner() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, OWNER, own());
    f.cancel(1, OWNER);
    settle(&mut f, 1);
    f.prune(1, GUEST);
    abort
}

fun settle(f: &mut Fixture, request_id: u64) {
    daasvader::orders::settle(f, request_id, 0);
}
