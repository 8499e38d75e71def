/// Providers' workers: their stake, their seal tokens and their status.
module daasvader::worker_registry;

use daasvader::active_workers::{Self, ActiveWorkers};
use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::grammar;
use daasvader::operator::Act;
use daasvader::stake::{Self, Stake};
use daasvader::timelock::{Self, Timelocked};
use std::string::String;
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use sui::coin::Coin;
use sui::sui::SUI;
use sui::table::{Self, Table};

/// The registry belongs to another cluster.
const EWrongCluster: u64 = 0;
/// The sender does not own the worker.
const ENotOwner: u64 = 1;
/// There is no worker of that id.
const EUnknownWorker: u64 = 2;
/// There is a worker of that id, or there was.
const ENodeIdTaken: u64 = 3;
/// The node id is not one DNS label (RFC 1123).
const EBadNodeId: u64 = 4;
/// The seal token is not 64 lowercase hexadecimal digits.
const EBadSealToken: u64 = 5;
/// The seal token was used before.
const ESealTokenUsed: u64 = 6;
/// The stake is below the minimum.
const EStakeTooSmall: u64 = 7;
/// A worker in this status cannot go into the other.
const EBadTransition: u64 = 8;
/// The seal token has expired.
const ESealTokenExpired: u64 = 9;
/// The share is zero or more than may be taken at once.
const EBadShare: u64 = 10;
/// The evidence's digest is not 32 bytes.
const EBadEvidence: u64 = 11;
/// The reason is none of those for which a worker may be slashed.
const EBadReason: u64 = 12;
/// The ciphertext is empty or longer than 4 KiB.
const EBadCiphertext: u64 = 13;
/// Nothing is staked any more.
const ENothingStaked: u64 = 14;
/// The minimum stake is zero or more than a million SUI.
const EBadMinStake: u64 = 15;

const STATUS_PENDING: u8 = 0;
const STATUS_ACTIVE: u8 = 1;
const STATUS_SLASHED: u8 = 2;
const STATUS_OFFLINE: u8 = 3;
const STATUS_DRAINING: u8 = 4;
const STATUS_LEFT: u8 = 5;

/// Forged status, escape attempt, double identity: only what the worker itself did. Unreachability is none of them.
const REASON_FORGED_STATUS: u8 = 1;
const REASON_DOUBLE_IDENTITY: u8 = 3;

/// 5 SUI, in MIST: the minimum until another is proposed.
const MIN_STAKE: u64 = 5_000_000_000;
const MAX_MIN_STAKE: u64 = 1_000_000_000_000_000;
const TOKEN_LIFETIME_MS: u64 = 30 * 24 * 3_600_000;
/// Half of the stake.
const MAX_SLASH_BPS: u64 = 5_000;
const MAX_CIPHERTEXT_LENGTH: u64 = 4_096;
const DIGEST_LENGTH: u64 = 32;

public struct WorkerRegistry has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    /// In MIST.
    min_stake: Timelocked<u64>,
    token_lifetime_ms: u64,
    workers: Table<String, Worker>,
    /// Every seal token that was ever used.
    seal_tokens: Table<String, bool>,
    active: ActiveWorkers,
    /// What was slashed. Nothing takes it out.
    forfeited: Balance<SUI>,
    log: Log,
}

public struct Worker has store {
    node_id: String,
    owner: address,
    stake: Stake,
    status: u8,
    /// The worker's X25519 public key, in hexadecimal.
    seal_token: String,
    token_expires_at_ms: u64,
    /// Join credential, encrypted to the seal token.
    join_token: Option<vector<u8>>,
    /// Whether it was slashed and not reinstated since.
    is_slashed: bool,
    created_at_ms: u64,
}

/// Tells the owner what was staked. It proves nothing to the contracts and cannot be given away.
public struct StakeProof has key {
    id: UID,
    cluster_id: ID,
    node_id: String,
    stake: u64,
    created_at_ms: u64,
}

public struct WorkerRegisteredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    owner: address,
    seal_token: String,
    stake: u64,
    token_expires_at_ms: u64,
}

public struct MinStakeProposedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    min_stake: u64,
    effective_at_ms: u64,
}

public struct StakeDepositedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    owner: address,
    amount: u64,
    total: u64,
}

public struct WorkerStatusChangedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    old_status: u8,
    new_status: u8,
}

public struct JoinTokenSetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    ciphertext: vector<u8>,
}

public struct SealTokenRefreshedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    seal_token: String,
    token_expires_at_ms: u64,
}

public struct StakeSlashedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    reason: u8,
    evidence_digest: vector<u8>,
    amount: u64,
    remaining: u64,
}

public struct StakeWithdrawRequestedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    amount: u64,
}

public struct StakeWithdrawnEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    owner: address,
    amount: u64,
}

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): WorkerRegistry {
    WorkerRegistry {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        min_stake: timelock::of(MIN_STAKE),
        token_lifetime_ms: TOKEN_LIFETIME_MS,
        workers: table::new(ctx),
        seal_tokens: table::new(ctx),
        active: active_workers::new(ctx),
        forfeited: balance::zero(),
        log: event_log::new(),
    }
}

/// Proposes the least stake, in MIST, of workers that register or are reinstated after the registry's delay. Those that
/// are there stay.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `EBadMinStake`
public(package) entry fun propose_min_stake(
    workers: &mut WorkerRegistry,
    registry: &EnclaveRegistry,
    cap: &AdminCap,
    min_stake: u64,
    clock: &Clock,
) {
    assert!(workers.cluster_id == registry.id(), EWrongCluster);
    registry.assert_admin(cap);
    assert!(min_stake > 0 && min_stake <= MAX_MIN_STAKE, EBadMinStake);
    let effective_at_ms = workers.min_stake.propose(min_stake, registry.delay_ms(), clock.timestamp_ms());
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        MinStakeProposedEvent { log_id, seq, min_stake, effective_at_ms },
    );
}

/// Registers a worker of the sender with the whole coin as its stake.
///
/// @throws `EBadNodeId`, `ENodeIdTaken`, `EBadSealToken`, `ESealTokenUsed`, `EStakeTooSmall`
public(package) entry fun stake_and_register_worker(
    registry: &mut WorkerRegistry,
    payment: Coin<SUI>,
    node_id: String,
    seal_token: String,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    assert!(grammar::is_dns_label(node_id.as_bytes()), EBadNodeId);
    assert!(!registry.workers.contains(node_id), ENodeIdTaken);
    let stake = payment.value();
    assert!(stake >= registry.min_stake(clock), EStakeTooSmall);
    registry.use_seal_token(seal_token);

    let owner = ctx.sender();
    let created_at_ms = clock.timestamp_ms();
    let token_expires_at_ms = created_at_ms + registry.token_lifetime_ms;
    registry.workers.add(
        node_id,
        Worker {
            node_id,
            owner,
            stake: stake::new(payment.into_balance()),
            status: STATUS_PENDING,
            seal_token,
            token_expires_at_ms,
            join_token: option::none(),
            is_slashed: false,
            created_at_ms,
        },
    );
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(
        &mut registry.log,
        WorkerRegisteredEvent { log_id, seq, node_id, owner, seal_token, stake, token_expires_at_ms },
    );
    registry.log_deposit(node_id, stake);
    let cluster_id = registry.cluster_id;
    let proof = StakeProof { id: object::new(ctx), cluster_id, node_id, stake, created_at_ms };
    transfer::transfer(proof, owner);
}

/// Marks a worker whose node is ready. For the operator.
///
/// @throws `EWrongCluster`, `EUnknownWorker`, `EBadTransition`, `ESealTokenExpired`
public fun activate_worker(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    clock: &Clock,
) {
    assert!(act.registry_id() == workers.cluster_id, EWrongCluster);
    let worker = workers.worker(node_id);
    assert!(worker.status == STATUS_PENDING || worker.status == STATUS_OFFLINE, EBadTransition);
    worker.assert_token_valid(clock);
    workers.change_status(node_id, STATUS_ACTIVE);
}

/// Moves a worker between active (1) and offline (3), or from active to draining (4). For the operator; a drain is ended
/// by the owner alone, also not by way of offline.
///
/// @throws `EWrongCluster`, `EUnknownWorker`, `EBadTransition`, `ESealTokenExpired`
public fun set_worker_status(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    status: u8,
    clock: &Clock,
) {
    assert!(act.registry_id() == workers.cluster_id, EWrongCluster);
    let worker = workers.worker(node_id);
    let old = worker.status;
    let is_legal =
        (old == STATUS_ACTIVE && (status == STATUS_OFFLINE || status == STATUS_DRAINING)) ||
        (old == STATUS_OFFLINE && status == STATUS_ACTIVE);
    assert!(is_legal, EBadTransition);
    if (status == STATUS_ACTIVE) worker.assert_token_valid(clock);
    workers.change_status(node_id, status);
}

/// Publishes a join credential that only the worker can decrypt. For the operator.
///
/// @throws `EWrongCluster`, `EUnknownWorker`, `EBadTransition`, `ESealTokenExpired`, `EBadCiphertext`
public fun set_join_token(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    ciphertext: vector<u8>,
    clock: &Clock,
) {
    assert!(act.registry_id() == workers.cluster_id, EWrongCluster);
    assert!(!ciphertext.is_empty() && ciphertext.length() <= MAX_CIPHERTEXT_LENGTH, EBadCiphertext);
    let worker = workers.worker_mut(node_id);
    assert!(worker.status != STATUS_SLASHED && worker.status != STATUS_LEFT, EBadTransition);
    worker.assert_token_valid(clock);
    worker.join_token = option::some(ciphertext);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(&mut workers.log, JoinTokenSetEvent { log_id, seq, node_id, ciphertext });
}

/// Takes a share of a worker's stake for what the worker itself did, and ends its work. For the operator. Stake that
/// waits to be withdrawn is not safe from it. A slashed worker is not slashed again before it is reinstated, so the
/// same deed costs at most the greatest share. One that left stays so: it is slashed once and never reinstated.
///
/// @throws `EWrongCluster`, `EUnknownWorker`, `EBadReason`, `EBadEvidence`, `EBadShare`, `EBadTransition`,
/// `ENothingStaked`
public fun slash(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    reason: u8,
    evidence_digest: vector<u8>,
    share_bps: u64,
    clock: &Clock,
) {
    assert!(act.registry_id() == workers.cluster_id, EWrongCluster);
    assert!(reason >= REASON_FORGED_STATUS && reason <= REASON_DOUBLE_IDENTITY, EBadReason);
    assert!(evidence_digest.length() == DIGEST_LENGTH, EBadEvidence);
    assert!(share_bps > 0 && share_bps <= MAX_SLASH_BPS, EBadShare);
    let worker = workers.worker_mut(node_id);
    assert!(!worker.is_slashed, EBadTransition);
    assert!(worker.stake.total() > 0, ENothingStaked);
    worker.is_slashed = true;
    let has_left = worker.status == STATUS_LEFT;
    let taken = worker.stake.slash(share_bps);
    let remaining = worker.stake.total();
    let amount = taken.value();
    workers.forfeited.join(taken);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeSlashedEvent { log_id, seq, node_id, reason, evidence_digest, amount, remaining },
    );
    if (!has_left) workers.change_status(node_id, STATUS_SLASHED);
}

/// Gives the worker a new seal token and a new month. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`, `EBadSealToken`, `ESealTokenUsed`
public(package) entry fun refresh_seal_token(
    workers: &mut WorkerRegistry,
    node_id: String,
    seal_token: String,
    clock: &Clock,
    ctx: &TxContext,
) {
    let status = workers.own_worker_mut(node_id, ctx).status;
    assert!(status != STATUS_SLASHED && status != STATUS_LEFT, EBadTransition);
    workers.replace_seal_token(node_id, seal_token, clock);
}

/// Asks that the worker get no new work. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`
public(package) entry fun drain_worker(workers: &mut WorkerRegistry, node_id: String, _clock: &Clock, ctx: &TxContext) {
    assert!(workers.own_worker_mut(node_id, ctx).status == STATUS_ACTIVE, EBadTransition);
    workers.change_status(node_id, STATUS_DRAINING);
}

/// Takes back a drain. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`, `ESealTokenExpired`
public(package) entry fun resume_worker(workers: &mut WorkerRegistry, node_id: String, clock: &Clock, ctx: &TxContext) {
    let worker = workers.own_worker_mut(node_id, ctx);
    assert!(worker.status == STATUS_DRAINING, EBadTransition);
    worker.assert_token_valid(clock);
    workers.change_status(node_id, STATUS_ACTIVE);
}

/// Ends the worker for good; its stake can then be asked for. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`
public(package) entry fun leave(workers: &mut WorkerRegistry, node_id: String, _clock: &Clock, ctx: &TxContext) {
    let status = workers.own_worker_mut(node_id, ctx).status;
    assert!(status != STATUS_SLASHED && status != STATUS_LEFT, EBadTransition);
    workers.change_status(node_id, STATUS_LEFT);
}

/// Adds the whole coin to the worker's stake. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`, `stake::EZeroAmount`
public(package) entry fun add_stake(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    node_id: String,
    _clock: &Clock,
    ctx: &TxContext,
) {
    let worker = workers.own_worker_mut(node_id, ctx);
    assert!(worker.status != STATUS_LEFT, EBadTransition);
    let amount = payment.value();
    worker.stake.add(payment.into_balance());
    workers.log_deposit(node_id, amount);
}

/// Brings a slashed worker back to pending: the coin tops its stake up to the minimum, the seal token is new. For the
/// owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`, `stake::EZeroAmount`, `EStakeTooSmall`, `EBadSealToken`,
/// `ESealTokenUsed`
public(package) entry fun reinstate(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    node_id: String,
    seal_token: String,
    clock: &Clock,
    ctx: &TxContext,
) {
    let min_stake = workers.min_stake(clock);
    let worker = workers.own_worker_mut(node_id, ctx);
    assert!(worker.status == STATUS_SLASHED, EBadTransition);
    let amount = payment.value();
    worker.stake.add(payment.into_balance());
    assert!(worker.stake.bonded() >= min_stake, EStakeTooSmall);
    worker.is_slashed = false;
    workers.log_deposit(node_id, amount);
    workers.replace_seal_token(node_id, seal_token, clock);
    workers.change_status(node_id, STATUS_PENDING);
}

/// Starts the waiting time of the whole stake of a worker that left or was slashed. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `EBadTransition`, `stake::EZeroAmount`
public(package) entry fun request_withdraw(workers: &mut WorkerRegistry, node_id: String, clock: &Clock, ctx: &TxContext) {
    let worker = workers.own_worker_mut(node_id, ctx);
    assert!(worker.status == STATUS_LEFT || worker.status == STATUS_SLASHED, EBadTransition);
    let amount = worker.stake.bonded();
    worker.stake.unbond(amount, clock.timestamp_ms());
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeWithdrawRequestedEvent { log_id, seq, node_id, amount },
    );
}

/// Pays out what has waited long enough. For the owner.
///
/// @throws `EUnknownWorker`, `ENotOwner`, `stake::ENothingRequested`, `stake::EStillUnbonding`
public(package) entry fun withdraw(workers: &mut WorkerRegistry, node_id: String, clock: &Clock, ctx: &mut TxContext) {
    let worker = workers.own_worker_mut(node_id, ctx);
    let owner = worker.owner;
    let coin = worker.stake.withdraw(clock.timestamp_ms()).into_coin(ctx);
    let amount = coin.value();
    transfer::public_transfer(coin, owner);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(&mut workers.log, StakeWithdrawnEvent { log_id, seq, node_id, owner, amount });
}

/// The least stake of a worker that registers now, in MIST.
public fun min_stake(workers: &WorkerRegistry, clock: &Clock): u64 {
    workers.min_stake.value(clock.timestamp_ms()).destroy_some()
}

public fun cluster_id(workers: &WorkerRegistry): ID {
    workers.cluster_id
}

/// @throws `EUnknownWorker`
public fun status_of(workers: &WorkerRegistry, node_id: String): u8 {
    workers.worker(node_id).status
}

/// In MIST, with what waits to be withdrawn.
///
/// @throws `EUnknownWorker`
public fun stake_of(workers: &WorkerRegistry, node_id: String): u64 {
    workers.worker(node_id).stake.total()
}

public(package) fun active(workers: &WorkerRegistry): &ActiveWorkers {
    &workers.active
}

public(package) fun log_head(workers: &WorkerRegistry): LogHead {
    workers.log.head_of(&workers.id)
}

fun worker(workers: &WorkerRegistry, node_id: String): &Worker {
    assert!(workers.workers.contains(node_id), EUnknownWorker);
    &workers.workers[node_id]
}

fun worker_mut(workers: &mut WorkerRegistry, node_id: String): &mut Worker {
    assert!(workers.workers.contains(node_id), EUnknownWorker);
    &mut workers.workers[node_id]
}

fun own_worker_mut(workers: &mut WorkerRegistry, node_id: String, ctx: &TxContext): &mut Worker {
    let worker = workers.worker_mut(node_id);
    assert!(worker.owner == ctx.sender(), ENotOwner);
    worker
}

fun assert_token_valid(worker: &Worker, clock: &Clock) {
    assert!(clock.timestamp_ms() < worker.token_expires_at_ms, ESealTokenExpired);
}

fun change_status(workers: &mut WorkerRegistry, node_id: String, new_status: u8) {
    let worker = workers.worker_mut(node_id);
    let old_status = worker.status;
    worker.status = new_status;
    if (new_status == STATUS_ACTIVE) workers.active.add(node_id) else workers.active.remove(node_id);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        WorkerStatusChangedEvent { log_id, seq, node_id, old_status, new_status },
    );
}

fun use_seal_token(workers: &mut WorkerRegistry, seal_token: String) {
    assert!(grammar::is_key(seal_token.as_bytes()), EBadSealToken);
    assert!(!workers.seal_tokens.contains(seal_token), ESealTokenUsed);
    workers.seal_tokens.add(seal_token, true);
}

fun replace_seal_token(workers: &mut WorkerRegistry, node_id: String, seal_token: String, clock: &Clock) {
    workers.use_seal_token(seal_token);
    let token_expires_at_ms = clock.timestamp_ms() + workers.token_lifetime_ms;
    let worker = workers.worker_mut(node_id);
    worker.seal_token = seal_token;
    worker.token_expires_at_ms = token_expires_at_ms;
    // A credential for the old key is of no use any more.
    worker.join_token = option::none();
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        SealTokenRefreshedEvent { log_id, seq, node_id, seal_token, token_expires_at_ms },
    );
}

fun log_deposit(workers: &mut WorkerRegistry, node_id: String, amount: u64) {
    let worker = workers.worker(node_id);
    let (owner, total) = (worker.owner, worker.stake.total());
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeDepositedEvent { log_id, seq, node_id, owner, amount, total },
    );
}
