/// What users stake, and the role that it gives them.
module daasvader::staking;

use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::stake::{Self, Stake};
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

const ROLE_NONE: u8 = 0;
const ROLE_VIEWER: u8 = 1;
const ROLE_DEVELOPER: u8 = 2;
const ROLE_ADMIN: u8 = 3;
const ROLE_SUPER: u8 = 4;

// The least stake of each role, in MIST.
const VIEWER_STAKE: u64 = 500_000_000;
const DEVELOPER_STAKE: u64 = 2_000_000_000;
const ADMIN_STAKE: u64 = 5_000_000_000;
const SUPER_STAKE: u64 = 10_000_000_000;

public struct StakingPool has key {
    id: UID,
    cluster_id: ID,
    accounts: Table<address, Stake>,
    viewer_stake: u64,
    developer_stake: u64,
    admin_stake: u64,
    super_stake: u64,
    log: Log,
}

public struct UserStakedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    user: address,
    amount: u64,
    /// What is bonded now; it decides the role.
    total: u64,
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

/// Creates the cluster's pool and shares it.
///
/// @throws `enclave_registry::EWrongCluster`
public(package) entry fun create(registry: &EnclaveRegistry, cap: &AdminCap, ctx: &mut TxContext) {
    transfer::share_object(new(registry, cap, ctx))
}

public(package) fun new(registry: &EnclaveRegistry, cap: &AdminCap, ctx: &mut TxContext): StakingPool {
    registry.assert_admin(cap);
    StakingPool {
        id: object::new(ctx),
        cluster_id: registry.id(),
        accounts: table::new(ctx),
        viewer_stake: VIEWER_STAKE,
        developer_stake: DEVELOPER_STAKE,
        admin_stake: ADMIN_STAKE,
        super_stake: SUPER_STAKE,
        log: event_log::new(),
    }
}

/// Opens the sender's account with the whole coin.
///
/// @throws `EAlreadyStaked`, `EStakeTooSmall`
public(package) entry fun stake(pool: &mut StakingPool, payment: Coin<SUI>, _clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    assert!(!pool.accounts.contains(user), EAlreadyStaked);
    let amount = payment.value();
    assert!(amount >= pool.viewer_stake, EStakeTooSmall);
    pool.accounts.add(user, stake::new(payment.into_balance()));
    pool.log_staked(user, amount);
}

/// Adds the whole coin to the sender's account.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`
public(package) entry fun restake(pool: &mut StakingPool, payment: Coin<SUI>, _clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    let amount = payment.value();
    pool.account_mut(user).add(payment.into_balance());
    pool.log_staked(user, amount);
}

/// Starts the waiting time of an amount in MIST; the role falls at once.
///
/// @throws `ENoAccount`, `stake::EZeroAmount`, `stake::ENotEnoughStake`
public(package) entry fun request_withdraw(pool: &mut StakingPool, amount: u64, clock: &Clock, ctx: &mut TxContext) {
    let user = ctx.sender();
    let account = pool.account_mut(user);
    account.unbond(amount, clock.timestamp_ms());
    let total = account.bonded();
    let role = pool.role_for(total);
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

/// 0 none, 1 viewer, 2 developer, 3 admin, 4 super.
public fun role_of(pool: &StakingPool, who: address): u8 {
    if (pool.accounts.contains(who)) pool.role_for(pool.accounts[who].bonded()) else ROLE_NONE
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

fun role_for(pool: &StakingPool, stake: u64): u8 {
    if (stake >= pool.super_stake) ROLE_SUPER
    else if (stake >= pool.admin_stake) ROLE_ADMIN
    else if (stake >= pool.developer_stake) ROLE_DEVELOPER
    else if (stake >= pool.viewer_stake) ROLE_VIEWER
    else ROLE_NONE
}

fun log_staked(pool: &mut StakingPool, user: address, amount: u64) {
    let total = pool.accounts[user].bonded();
    let role = pool.role_for(total);
    let log_id = pool.id.to_inner();
    let seq = pool.log.next_seq();
    event_log::append!(&mut pool.log, UserStakedEvent { log_id, seq, user, amount, total, role });
}
