/// What users stake, the role that it gives them, and the roles that admins among them give to others.
module daasvader::staking;

use daasvader::api_path;
use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::grammar;
use daasvader::grants::{Self, Grants};
use daasvader::role_stakes::{Self, RoleStakes};
use daasvader::stake::{Self, Stake};
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
/// The namespace is none of the sender's by its full name.
const EBadNamespace: u64 = 5;
/// The role is none that can be granted.
const EBadRole: u64 = 6;
/// The sender has the role of the own stake.
const EOwnGrant: u64 = 7;

const ROLE_NONE: u8 = 0;
const ROLE_ADMIN: u8 = 3;

public struct StakingPool has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    accounts: Table<address, Stake>,
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
}

public struct UserWithdrawRequestedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    user: address,
    amount: u64,
    total: u64,
    role: u8,
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
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `role_stakes::ENotRising`, `role_stakes::ETooFar`
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
    registry.assert_admin(cap);
    assert!(pool.cluster_id == registry.id(), EWrongCluster);
    let stakes = pool.role_stakes(clock).next(viewer_stake, developer_stake, admin_stake, super_stake);
    let now_ms = clock.timestamp_ms();
    let effective_at_ms = pool.role_stakes.propose(stakes, registry.delay_ms(), now_ms);
    pool.log_role_stakes(stakes, now_ms, effective_at_ms);
}

/// Opens the sender's account with the whole coin.
///
/// @throws `EAlreadyStaked`, `EStakeTooSmall`
public(package) entry fun stake(pool: &mut StakingPool, payment: Coin<SUI>, clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    assert!(!pool.accounts.contains(user), EAlreadyStaked);
    let amount = payment.value();
    assert!(amount >= pool.role_stakes(clock).least(), EStakeTooSmall);
    pool.accounts.add(user, stake::new(payment.into_balance()));
    pool.log_staked(user, amount, clock);
}

/// Adds the whole coin to the sender's account.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`
public(package) entry fun restake(pool: &mut StakingPool, payment: Coin<SUI>, clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    let amount = payment.value();
    pool.account_mut(user).add(payment.into_balance());
    pool.log_staked(user, amount, clock);
}

/// Starts the waiting time of an amount in MIST; the role falls at once.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`, `stake::ENotEnoughStake`
public(package) entry fun request_withdraw(pool: &mut StakingPool, amount: u64, clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    let account = pool.account_mut(user);
    account.unbond(amount, clock.timestamp_ms());
    let total = account.bonded();
    let role = pool.role_stakes(clock).role_for(total);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(
        &mut pool.log,
        UserWithdrawRequestedEvent { log_id, seq, user, amount, total, role },
    );
}

/// Pays out what has waited long enough; an account with nothing left is closed.
///
/// @throws `ENoAccount`, `stake::ENothingRequested`, `stake::EStillUnbonding`
#[allow(lint(self_transfer))]
public(package) entry fun withdraw(pool: &mut StakingPool, clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    let account = pool.account_mut(user);
    let coin = account.withdraw(clock.timestamp_ms()).into_coin(ctx);
    if (account.total() == 0) pool.accounts.remove(user).destroy_empty();
    let amount = coin.value();
    transfer::public_transfer(coin, user);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, UserWithdrawnEvent { log_id, seq, user, amount });
}

/// Gives a user a role, in place of one given before, in a namespace of the sender's by its full name: 1 viewer,
/// 2 developer or 3 admin. It counts while the sender is an admin or above. Nobody grants what was granted.
///
/// @throws `ENotAdmin`, `EBadNamespace`, `EBadRole`, `EOwnGrant`, `grants::ETooManyGrants`
public(package) entry fun grant_role(
    pool: &mut StakingPool,
    namespace: String,
    user: address,
    role: u8,
    clock: &Clock,
    ctx: &TxContext,
) {
    let owner = ctx.sender();
    let owner_role = pool.role_of(owner, clock);
    assert!(owner_role >= ROLE_ADMIN, ENotAdmin);
    let name = namespace.as_bytes();
    assert!(name != &b"default" && grammar::is_dns_label(name), EBadNamespace);
    assert!(api_path::is_own_namespace(name, owner, owner_role), EBadNamespace);
    assert!(role > ROLE_NONE && role <= ROLE_ADMIN, EBadRole);
    assert!(user != owner, EOwnGrant);
    pool.grants.set(owner, namespace, user, role);
    pool.log_grant(owner, namespace, user, role);
}

/// Takes back what the sender granted, whatever role the sender has now.
///
/// @throws `grants::EUnknownGrant`
public(package) entry fun revoke_role(
    pool: &mut StakingPool,
    namespace: String,
    user: address,
    _clock: &Clock,
    ctx: &TxContext,
) {
    let owner = ctx.sender();
    pool.grants.remove(owner, &namespace, user);
    pool.log_grant(owner, namespace, user, ROLE_NONE);
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

/// Whose namespace it is, and the role that a user has there now; role 0 for whoever has no business there.
public(package) fun standing_in(
    pool: &StakingPool,
    namespace: &String,
    user: address,
    clock: &Clock,
): (address, u8) {
    let own_role = pool.role_of(user, clock);
    if (api_path::is_own_namespace(namespace.as_bytes(), user, own_role)) return (user, own_role);
    let (owner, granted) = pool.grants.find(namespace, user);
    (owner, if (pool.role_of(owner, clock) >= ROLE_ADMIN) granted else ROLE_NONE)
}

/// In MIST, without what waits to leave.
public fun stake_of(pool: &StakingPool, who: address): u64 {
    if (pool.accounts.contains(who)) pool.accounts[who].bonded() else 0
}

public fun cluster_id(pool: &StakingPool): ID {
    pool.cluster_id
}

public(package) fun log_head(pool: &StakingPool): LogHead {
    pool.log.head_of(&pool.id)
}

fun account_mut(pool: &mut StakingPool, user: address): &mut Stake {
    assert!(pool.accounts.contains(user), ENoAccount);
    &mut pool.accounts[user]
}

fun role_stakes(pool: &StakingPool, clock: &Clock): RoleStakes {
    pool.role_stakes.value(clock.timestamp_ms()).destroy_some()
}

fun log_staked(pool: &mut StakingPool, user: address, amount: u64, clock: &Clock) {
    let total = pool.accounts[user].bonded();
    let role = pool.role_stakes(clock).role_for(total);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, UserStakedEvent { log_id, seq, user, amount, total, role });
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
