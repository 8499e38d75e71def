/// What users stake, the role and the namespaces that it gives them, and the roles that admins among them give to others.
module daasvader::staking;

use daasvader::account::{Self, Account};
use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::grants::{Self, Grants};
use daasvader::namespaces;
use daasvader::role_stakes::{Self, RoleStakes};
use daasvader::timelock::{Self, Timelocked};
use std::string::String;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::sui::SUI;
use sui::table::{Self, Table};

/// The sender has an account: `restake` adds to it.
const EAlreadyStaked: u64 = 0;
/// The sender has no account: `stake` makes one.
const ENoAccount: u64 = 1;
/// The payment is smaller than the least role's stake.
const EStakeTooSmall: u64 = 2;
/// The registry belongs to another cluster.
const EWrongCluster: u64 = 3;
/// The sender is not an admin.
const ENotAdmin: u64 = 4;
/// The namespace is none that the sender may claim or grant roles in, by its full name.
const EBadNamespace: u64 = 5;
/// The role is none that can be granted.
const EBadRole: u64 = 6;
/// The sender has the role of the own stake.
const EOwnGrant: u64 = 7;
/// The sender has claimed as many namespaces as the role allows: release one first.
const ETooManyNamespaces: u64 = 8;
/// The sender has claimed the namespace already.
const ENamespaceClaimed: u64 = 9;
/// The sender has not claimed the namespace.
const EUnknownNamespace: u64 = 10;

const ROLE_NONE: u8 = 0;
const ROLE_ADMIN: u8 = 3;

public struct StakingPool has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    accounts: Table<address, Account>,
    role_stakes: Timelocked<RoleStakes>,
    grants: Grants,
    log: Log,
}

public struct RoleStakesProposedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    role_stakes: RoleStakes,
    proposed_at_ms: u64,
    effective_at_ms: u64,
}

public struct UserStakedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    user: address,
    amount: u64,
    /// What is bonded now; it decides the role.
    total: u64,
    /// By the stakes of roles in effect at this moment.
    role: u8,
    /// The logs of stakes and of orders have no order between them but their times.
    at_ms: u64,
}

public struct UserWithdrawRequestedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    user: address,
    amount: u64,
    total: u64,
    role: u8,
    at_ms: u64,
}

public struct UserWithdrawnEvent has copy, drop {
    log_id: ID,
    seq: u64,
    user: address,
    amount: u64,
}

/// A role was given in a namespace of the owner's, or changed.
public struct RoleGrantedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    owner: address,
    namespace: String,
    user: address,
    /// 0: it was taken back.
    role: u8,
}

/// A namespace beside the owner's first one counts from now on.
public struct NamespaceClaimedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    owner: address,
    namespace: String,
    at_ms: u64,
}

/// A namespace counts no more, nor any role that was given in it.
public struct NamespaceReleasedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    owner: address,
    namespace: String,
}

/// Makes and shares the cluster's own.
public(package) fun create(cluster_id: ID, ctx: &mut TxContext): ID {
    let created = new(cluster_id, ctx);
    let id = object::id(&created);
    transfer::share_object(created);
    id
}

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): StakingPool {
    let mut pool = StakingPool {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        accounts: table::new(ctx),
        role_stakes: timelock::of(role_stakes::initial()),
        grants: grants::new(ctx),
        log: event_log::new(),
    };
    // Whoever follows the log needs no constants of this package.
    pool.log_role_stakes(role_stakes::initial(), 0, 0);
    pool
}

/// Proposes what roles shall take, in MIST; in effect after the registry's delay. For the admin.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `role_stakes::ENotRising`, `role_stakes::ETooFar` and
/// those of `gate`
public(package) entry fun propose_role_stakes(
    pool: &mut StakingPool,
    registry: &EnclaveRegistry,
    cap: &AdminCap,
    viewer_stake: u64,
    developer_stake: u64,
    admin_stake: u64,
    super_stake: u64,
    clock: &Clock,
) {
    gate::check(pool.version);
    pool.assert_admin(registry, cap);
    let stakes = pool.role_stakes(clock).next(viewer_stake, developer_stake, admin_stake, super_stake);
    let now_ms = clock.timestamp_ms();
    let effective_at_ms = pool.role_stakes.propose(stakes, registry.delay_ms(), now_ms);
    pool.log_role_stakes(stakes, now_ms, effective_at_ms);
}

/// Opens the sender's account with the whole coin.
///
/// @throws `EAlreadyStaked`, `EStakeTooSmall` and those of `gate`
public(package) entry fun stake(pool: &mut StakingPool, payment: Coin<SUI>, clock: &Clock, ctx: &mut TxContext) {
    gate::check(pool.version);
    let user = ctx.sender();
    assert!(!pool.accounts.contains(user), EAlreadyStaked);
    let amount = payment.value();
    assert!(amount >= pool.role_stakes(clock).least(), EStakeTooSmall);
    pool.accounts.add(user, account::new(payment.into_balance()));
    pool.log_staked(user, amount, clock);
}

/// Adds the whole coin to the sender's account.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`, `hourly::ETooManyThisHour` and those of `gate`
public(package) entry fun restake(pool: &mut StakingPool, payment: Coin<SUI>, clock: &Clock, ctx: &mut TxContext) {
    gate::check(pool.version);
    let user = ctx.sender();
    let amount = payment.value();
    let account = pool.account_mut(user);
    account.count_event(clock.timestamp_ms());
    account.stake_mut().add(payment.into_balance());
    pool.log_staked(user, amount, clock);
}

/// Starts the waiting time of an amount in MIST; the role falls at once.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`, `stake::ENotEnoughStake` and those of `gate`
public(package) entry fun request_withdraw(pool: &mut StakingPool, amount: u64, clock: &Clock, ctx: &mut TxContext) {
    gate::check(pool.version);
    let user = ctx.sender();
    let at_ms = clock.timestamp_ms();
    let stake = pool.account_mut(user).stake_mut();
    stake.unbond(amount, at_ms);
    let total = stake.bonded();
    let role = pool.role_stakes(clock).role_for(total);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(
        &mut pool.log,
        UserWithdrawRequestedEvent { log_id, seq, user, amount, total, role, at_ms },
    );
}

/// Pays out what has waited long enough; an account with nothing left is closed and releases its namespaces.
///
/// @throws `ENoAccount`, `stake::ENothingRequested`, `stake::EStillUnbonding` and those of `gate`
#[allow(lint(self_transfer))]
public(package) entry fun withdraw(pool: &mut StakingPool, clock: &Clock, ctx: &mut TxContext) {
    gate::check(pool.version);
    let user = ctx.sender();
    let stake = pool.account_mut(user).stake_mut();
    let coin = stake.withdraw(clock.timestamp_ms()).into_coin(ctx);
    let is_empty = stake.total() == 0;
    let amount = coin.value();
    transfer::public_transfer(coin, user);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, UserWithdrawnEvent { log_id, seq, user, amount });
    if (is_empty) pool.close(user);
}

/// Makes a namespace of the sender's usable: the first one's name, a hyphen and up to 8 characters, such that it is a DNS
/// label. An admin has 4 beside the first, a super 16; where a role fell, those that were claimed first count.
///
/// @throws `ENotAdmin`, `EBadNamespace`, `ENamespaceClaimed`, `ETooManyNamespaces`, `hourly::ETooManyThisHour` and those
/// of `gate`
public(package) entry fun claim_namespace(pool: &mut StakingPool, namespace: String, clock: &Clock, ctx: &TxContext) {
    gate::check(pool.version);
    let owner = ctx.sender();
    let most = namespaces::most_for(pool.role_of(owner, clock));
    assert!(most > 0, ENotAdmin);
    assert!(namespaces::is_further(&namespace, owner), EBadNamespace);
    let at_ms = clock.timestamp_ms();
    let account = &mut pool.accounts[owner];
    account.count_event(at_ms);
    let claimed = account.claimed();
    assert!(!claimed.contains(&namespace), ENamespaceClaimed);
    assert!(claimed.length() < most, ETooManyNamespaces);
    account.claim(namespace);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, NamespaceClaimedEvent { log_id, seq, owner, namespace, at_ms });
}

/// Gives up a namespace that the sender claimed, whatever role the sender has now, and the roles that were granted in it.
///
/// @throws `EUnknownNamespace` and those of `gate`
public(package) entry fun release_namespace(pool: &mut StakingPool, namespace: String, _clock: &Clock, ctx: &TxContext) {
    gate::check(pool.version);
    let owner = ctx.sender();
    let is_released = pool.accounts.contains(owner) && pool.accounts[owner].release(&namespace);
    assert!(is_released, EUnknownNamespace);
    pool.forget_namespace(owner, namespace);
}

/// Gives a user a role, in place of one given before, in a namespace of the sender's by its full name: 1 viewer,
/// 2 developer or 3 admin. It counts while the sender is an admin or above. Nobody grants what was granted.
///
/// @throws `ENotAdmin`, `EBadNamespace`, `EBadRole`, `EOwnGrant`, `grants::ETooManyGrants`, `hourly::ETooManyThisHour`
/// and those of `gate`
public(package) entry fun grant_role(
    pool: &mut StakingPool,
    namespace: String,
    user: address,
    role: u8,
    clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(pool.version);
    let owner = ctx.sender();
    let owner_role = pool.role_of(owner, clock);
    assert!(owner_role >= ROLE_ADMIN, ENotAdmin);
    let is_first = namespace == namespaces::first_of(owner);
    assert!(is_first || pool.has_claimed(&namespace, owner, owner_role), EBadNamespace);
    assert!(role > ROLE_NONE && role <= ROLE_ADMIN, EBadRole);
    assert!(user != owner, EOwnGrant);
    pool.accounts[owner].count_event(clock.timestamp_ms());
    pool.grants.set(owner, namespace, user, role);
    pool.log_grant(owner, namespace, user, role);
}

/// Takes back what the sender granted, whatever role the sender has now.
///
/// @throws `grants::EUnknownGrant` and those of `gate`
public(package) entry fun revoke_role(
    pool: &mut StakingPool,
    namespace: String,
    user: address,
    _clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(pool.version);
    let owner = ctx.sender();
    pool.grants.remove(owner, &namespace, user);
    pool.log_grant(owner, namespace, user, ROLE_NONE);
}

/// Ends what older packages may do with the pool. For the admin, after an upgrade.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `gate::EOldPackage`, `gate::ENothingToMigrate`
public(package) entry fun migrate(pool: &mut StakingPool, registry: &EnclaveRegistry, cap: &AdminCap) {
    pool.assert_admin(registry, cap);
    gate::migrate(&mut pool.version);
}

/// The role that the own stake gives: 0 none, 1 viewer, 2 developer, 3 admin, 4 super.
public fun role_of(pool: &StakingPool, who: address, clock: &Clock): u8 {
    pool.role_stakes(clock).role_for(pool.stake_of(who))
}

/// The role that was granted to a user in a namespace, 0 for none; whether it counts now is told by `role_in`.
public fun grant_of(pool: &StakingPool, namespace: String, user: address): u8 {
    let (_, role) = pool.grants.find(&namespace, user);
    role
}

/// The role that a user has in a namespace now, own or granted.
public fun role_in(pool: &StakingPool, namespace: String, user: address, clock: &Clock): u8 {
    let (_, role) = pool.standing_in(&namespace, user, clock);
    role
}

/// Whose namespace it is, and the role that a user has there now; role 0 for whoever has no business there. One that is
/// nobody's or does not count now is that of `@0x0`.
public(package) fun standing_in(
    pool: &StakingPool,
    namespace: &String,
    user: address,
    clock: &Clock,
): (address, u8) {
    if (namespace.as_bytes() == &b"default") return (user, pool.role_of(user, clock));
    let is_own = namespaces::without_suffix(namespace) == namespaces::first_of(user);
    let (owner, granted) = if (is_own) (user, ROLE_NONE) else pool.grants.find(namespace, user);
    let owner_role = pool.role_of(owner, clock);
    let is_usable = namespaces::is_first(namespace) || pool.has_claimed(namespace, owner, owner_role);
    if (!is_usable) (@0x0, ROLE_NONE)
    else if (is_own) (user, owner_role)
    else (owner, if (owner_role >= ROLE_ADMIN) granted else ROLE_NONE)
}

/// Namespaces beside the first one, in the order in which they were claimed; of these the first 4 of an admin's count
/// and the first 16 of a super's.
public fun claimed_of(pool: &StakingPool, who: address): vector<String> {
    if (pool.accounts.contains(who)) pool.accounts[who].claimed() else vector[]
}

/// In MIST, without what waits to leave.
public fun stake_of(pool: &StakingPool, who: address): u64 {
    if (pool.accounts.contains(who)) pool.accounts[who].stake().bonded() else 0
}

public fun cluster_id(pool: &StakingPool): ID {
    pool.cluster_id
}

public(package) fun log_head(pool: &StakingPool): LogHead {
    pool.log.head_of(&pool.id)
}

fun assert_admin(pool: &StakingPool, registry: &EnclaveRegistry, cap: &AdminCap) {
    registry.assert_admin(cap);
    assert!(pool.cluster_id == registry.id(), EWrongCluster);
}

fun account_mut(pool: &mut StakingPool, user: address): &mut Account {
    assert!(pool.accounts.contains(user), ENoAccount);
    &mut pool.accounts[user]
}

/// Whether an owner of that role has claimed a namespace so that it counts.
fun has_claimed(pool: &StakingPool, namespace: &String, owner: address, role: u8): bool {
    let most = namespaces::most_for(role);
    most > 0 && pool.accounts[owner].is_among_first(namespace, most)
}

fun close(pool: &mut StakingPool, user: address) {
    let account = pool.accounts.remove(user);
    account.claimed().do!(|namespace| pool.forget_namespace(user, namespace));
    account.destroy();
}

fun forget_namespace(pool: &mut StakingPool, owner: address, namespace: String) {
    pool.grants.remove_all(owner, &namespace);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, NamespaceReleasedEvent { log_id, seq, owner, namespace });
}

fun role_stakes(pool: &StakingPool, clock: &Clock): RoleStakes {
    pool.role_stakes.value(clock.timestamp_ms()).destroy_some()
}

fun log_staked(pool: &mut StakingPool, user: address, amount: u64, clock: &Clock) {
    let total = pool.stake_of(user);
    let role = pool.role_stakes(clock).role_for(total);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    let at_ms = clock.timestamp_ms();
    event_log::append!(&mut pool.log, UserStakedEvent { log_id, seq, user, amount, total, role, at_ms });
}

fun log_role_stakes(
    pool: &mut StakingPool,
    role_stakes: RoleStakes,
    proposed_at_ms: u64,
    effective_at_ms: u64,
) {
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(
        &mut pool.log,
        RoleStakesProposedEvent { log_id, seq, role_stakes, proposed_at_ms, effective_at_ms },
    );
}

fun log_grant(pool: &mut StakingPool, owner: address, namespace: String, user: address, role: u8) {
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, RoleGrantedEvent { log_id, seq, owner, namespace, user, role });
}

/// As a newer or an older package would have left it.
#[test_only]
public fun set_version(pool: &mut StakingPool, version: u64) {
    pool.version = version
}
