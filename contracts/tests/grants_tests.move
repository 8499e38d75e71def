#[test_only]
/// Roles that admins give to others in their namespaces, and what those may then do.
module daasvader::grants_tests;

use daasvader::api_path;
use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, by, sui};
use daasvader::grants;
use daasvader::k8s_scheduler;
use daasvader::staking;
use std::unit_test::assert_eq;

const PROVIDER: address = @0x9;
const OWNER: address = @0x7;
const GUEST: address = @0x5;
const STRANGER: address = @0x6;
const DAEMON_SETS: vector<u8> = b"daemonsets";
const CANCELLED: u8 = 4;

const VIEWER: u8 = 1;
const DEVELOPER: u8 = 2;
const ADMIN: u8 = 3;

fun own(): vector<u8> {
    api_path::namespace_of(OWNER)
}

fun with_suffix(suffix: vector<u8>): vector<u8> {
    let mut namespace = own();
    namespace.append(suffix);
    namespace
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

/// `group/version/resource` in a namespace.
fun path_of(namespace: vector<u8>, resource: vector<u8>): vector<u8> {
    let mut path = if (resource == b"pods") b"/api/v1"
    else if (resource == b"ingresses") b"/apis/networking.k8s.io/v1"
    else b"/apis/apps/v1";
    path.append(b"/namespaces/");
    path.append(namespace);
    path.append(b"/");
    path.append(resource);
    path
}

fun send(f: &mut Fixture, sender: address, namespace: vector<u8>, resource: vector<u8>) {
    let path = path_of(namespace, resource).to_string();
    let (scheduler, workers, staking, clock) = f.scheduler();
    let ctx = &by(sender, 74);
    scheduler.submit_manifest(
        workers, staking, b"POST".to_string(), path, namespace.to_string(), b"{}", clock, ctx,
    );
}

fun cancel(f: &mut Fixture, request_id: u64, sender: address) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.cancel_request(request_id, clock, &by(sender, 75));
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
    grant_by(&mut f, STRANGER, api_path::namespace_of(STRANGER), GUEST, VIEWER);
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

// Using a granted role

#[test]
fun a_guest_writes_what_the_granted_role_may() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own(), b"deployments");
    grant(&mut f, own(), GUEST, ADMIN);
    send(&mut f, GUEST, own(), b"ingresses");
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_active_request_count(), 2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_granted_viewer_writes_nothing() {
    let (mut f, _enclave) = shared(VIEWER);
    send(&mut f, GUEST, own(), b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_granted_developer_writes_no_ingresses() {
    let (mut f, _enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own(), b"ingresses");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun a_super_is_only_what_was_granted_in_the_namespace_of_another() {
    let (mut f, _enclave) = shared(ADMIN);
    f.add_user(GUEST, sui(10));
    send(&mut f, GUEST, own(), DAEMON_SETS);
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_guest_writes_in_no_other_namespace_of_the_owner() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, GUEST, with_suffix(b"-test"), b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun default_is_not_the_namespace_where_a_role_was_granted() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, GUEST, b"default", b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_stranger_does_not_use_the_grant_of_another() {
    let (mut f, _enclave) = shared(ADMIN);
    f.add_user(STRANGER, sui(10));
    send(&mut f, STRANGER, own(), b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_grant_that_was_taken_back_is_not_used() {
    let (mut f, _enclave) = shared(ADMIN);
    revoke(&mut f, own(), GUEST);
    send(&mut f, GUEST, own(), b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EBadNamespace)]
fun a_grant_of_an_owner_who_fell_is_not_used() {
    let (mut f, _enclave) = shared(ADMIN);
    request_withdraw(&mut f, 1);
    send(&mut f, GUEST, own(), b"pods");
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun a_grant_in_another_cluster_is_not_used() {
    let (mut f, _enclave) = working();
    let mut other = fixture::other();
    other.add_user(OWNER, sui(5));
    grant(&mut other, own(), GUEST, ADMIN);
    let (pool, _) = other.pool();
    let (scheduler, workers, _, clock) = f.scheduler();
    let path = path_of(own(), b"pods").to_string();
    let ctx = &by(GUEST, 76);
    scheduler.submit_manifest(
        workers, pool, b"POST".to_string(), path, own().to_string(), b"{}", clock, ctx,
    );
    abort
}

#[test, expected_failure(abort_code = k8s_scheduler::ERoleTooLow)]
fun an_owner_who_fell_writes_in_no_further_namespace() {
    let (mut f, _enclave) = shared(ADMIN);
    request_withdraw(&mut f, 1);
    send(&mut f, OWNER, with_suffix(b"-test"), b"pods");
    abort
}

// Whose limit it is

#[test, expected_failure(abort_code = k8s_scheduler::ETooManyPending)]
fun requests_of_guests_count_against_the_limit_of_the_owner() {
    let (mut f, _enclave) = shared(DEVELOPER);
    send_many(&mut f, GUEST, own(), 32);
    send(&mut f, OWNER, own(), b"pods");
    abort
}

#[test]
fun requests_in_the_namespace_of_another_leave_the_own_limit() {
    let (mut f, enclave) = shared(DEVELOPER);
    f.add_user(GUEST, sui(2));
    send_many(&mut f, GUEST, own(), 32);
    send_many(&mut f, GUEST, b"default", 32);
    cancel(&mut f, 1, GUEST);
    send(&mut f, OWNER, own(), b"pods");
    f.end_all(enclave);
}

fun send_many(f: &mut Fixture, sender: address, namespace: vector<u8>, count: u64) {
    let mut sent = 0;
    while (sent < count) {
        send(f, sender, namespace, b"pods");
        sent = sent + 1;
    }
}

#[test]
fun an_owner_cancels_the_request_of_a_guest() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own(), b"pods");
    revoke(&mut f, own(), GUEST);
    cancel(&mut f, 1, OWNER);
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_request_status(1), CANCELLED);
    assert_eq!(scheduler.get_active_request_count(), 0);
    f.end_all(enclave);
}

#[test]
fun a_guest_cancels_the_own_request_after_the_grant_ended() {
    let (mut f, enclave) = shared(DEVELOPER);
    send(&mut f, GUEST, own(), b"pods");
    revoke(&mut f, own(), GUEST);
    cancel(&mut f, 1, GUEST);
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_request_status(1), CANCELLED);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = k8s_scheduler::ENotRequester)]
fun a_guest_does_not_cancel_the_request_of_the_owner() {
    let (mut f, _enclave) = shared(ADMIN);
    send(&mut f, OWNER, own(), b"pods");
    cancel(&mut f, 1, GUEST);
    abort
}
