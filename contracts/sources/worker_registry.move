/// Providers' workers: their stake, their keys, their offers and their status.
///
/// Whoever holds a worker's `WorkerCap` owns the worker. The operator says only whether it works; stake is taken by proof
/// alone, and anybody may bring one.
module daasvader::worker_registry;

use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::grammar;
use daasvader::hourly::{Self, Hourly};
use daasvader::join_statement;
use daasvader::offer::{Self, Offer};
use daasvader::operator::Act;
use daasvader::stake::{Self, Stake};
use daasvader::timelock::{Self, Timelocked};
use std::string::String;
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use sui::coin::Coin;
use sui::sui::SUI;
use sui::table::{Self, Table};

/// The act, the capability or the registry belongs to another cluster.
const EWrongCluster: u64 = 0;
/// There is no worker of that id.
const EUnknownWorker: u64 = 1;
/// There is a worker of that id.
const ENodeIdTaken: u64 = 2;
/// The node id is not one DNS label (RFC 1123).
const EBadNodeId: u64 = 3;
/// The seal token is not 64 lowercase hexadecimal digits.
const EBadSealToken: u64 = 4;
/// The seal token was used before.
const ESealTokenUsed: u64 = 5;
/// The identity key is not 32 bytes.
const EBadIdentityKey: u64 = 6;
/// The identity key was used before.
const EIdentityKeyUsed: u64 = 7;
/// The stake is below the minimum.
const EStakeTooSmall: u64 = 8;
/// A worker in this status cannot go into the other.
const EBadTransition: u64 = 9;
/// The seal token has expired.
const ESealTokenExpired: u64 = 10;
/// The status is none that the operator sets.
const EBadStatus: u64 = 11;
/// The signatures are not the worker's over two different joins under that counter.
const EBadProof: u64 = 12;
/// Nothing is staked any more.
const ENothingStaked: u64 = 13;
/// Something is staked still: ask for it and withdraw it first.
const EStillStaked: u64 = 14;
/// The minimum stake is zero or more than a million SUI.
const EBadMinStake: u64 = 15;

const STATUS_PENDING: u8 = 0;
const STATUS_ACTIVE: u8 = 1;
const STATUS_SLASHED: u8 = 2;
const STATUS_OFFLINE: u8 = 3;
const STATUS_DRAINING: u8 = 4;
const STATUS_LEFT: u8 = 5;

/// 5 SUI, in MIST: the minimum until another is proposed.
const MIN_STAKE: u64 = 5_000_000_000;
const MAX_MIN_STAKE: u64 = 1_000_000_000_000_000;
const TOKEN_LIFETIME_MS: u64 = 30 * 24 * 3_600_000;
const IDENTITY_KEY_LENGTH: u64 = 32;
/// Of one worker, by its owner. What leads out of the registry is never refused and cannot be repeated without the rest.
const OWNER_EVENTS_PER_HOUR: u64 = 60;

public struct WorkerRegistry has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    /// In MIST.
    min_stake: Timelocked<u64>,
    token_lifetime_ms: u64,
    workers: Table<String, Worker>,
    /// Every seal token that was used, but for the last ones of workers that were closed.
    seal_tokens: Table<String, bool>,
    /// The same of identity keys.
    identity_keys: Table<vector<u8>, bool>,
    active_count: u64,
    /// What was slashed. Nothing takes it out.
    forfeited: Balance<SUI>,
    log: Log,
}

public struct Worker has store {
    node_id: String,
    /// Who registered it. Whoever holds its capability owns it.
    owner: address,
    stake: Stake,
    status: u8,
    /// The worker's X25519 public key, in hexadecimal.
    seal_token: String,
    token_expires_at_ms: u64,
    /// The Ed25519 public key that its joins are signed with.
    identity_key: vector<u8>,
    /// The greatest counter under which it joined.
    counter: u64,
    /// None before the first, and after a slash, which may leave too little stake for it.
    offer: Option<Offer>,
    /// Whether it was slashed and not reinstated since.
    is_slashed: bool,
    /// The events of its owner.
    owner_events: Hourly,
    created_at_ms: u64,
}

/// Owns a worker: goes with it from hand to hand, and ends with it.
public struct WorkerCap has key, store {
    id: UID,
    cluster_id: ID,
    node_id: String,
}

public struct WorkerRegisteredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    owner: address,
    seal_token: String,
    identity_key: vector<u8>,
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
    /// The sender.
    owner: address,
    amount: u64,
    total: u64,
}

public struct WorkerOfferedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    cpu_milli: u64,
    memory_mib: u64,
    disk_gib: u64,
    cpu_price: u64,
    memory_price: u64,
    disk_price: u64,
    region: String,
    gateway: bool,
}

public struct WorkerStatusChangedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    old_status: u8,
    new_status: u8,
}

public struct WorkerCounterEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    counter: u64,
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
    /// Under which the worker joined twice.
    counter: u64,
    amount: u64,
    remaining: u64,
}

public struct WorkerReinstatedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
    identity_key: vector<u8>,
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
    /// The sender.
    owner: address,
    amount: u64,
}

public struct WorkerClosedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    node_id: String,
}

/// Makes and shares the cluster's own.
public(package) fun create(cluster_id: ID, ctx: &mut TxContext): ID {
    let created = new(cluster_id, ctx);
    let id = object::id(&created);
    transfer::share_object(created);
    id
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
        identity_keys: table::new(ctx),
        active_count: 0,
        forfeited: balance::zero(),
        log: event_log::new(),
    }
}

/// Brings the registry to this version of the package, so that older ones change it no more.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `gate::EOldPackage`, `gate::ENothingToMigrate`
public fun migrate(workers: &mut WorkerRegistry, registry: &EnclaveRegistry, cap: &AdminCap) {
    workers.assert_admin(registry, cap);
    gate::migrate(&mut workers.version);
}

/// Proposes the least stake, in MIST, of workers that register or are reinstated after the registry's delay. Those that
/// are there stay.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `EBadMinStake`, `gate::EOldPackage`
public(package) entry fun propose_min_stake(
    workers: &mut WorkerRegistry,
    registry: &EnclaveRegistry,
    cap: &AdminCap,
    min_stake: u64,
    clock: &Clock,
) {
    gate::check(workers.version);
    workers.assert_admin(registry, cap);
    assert!(min_stake > 0 && min_stake <= MAX_MIN_STAKE, EBadMinStake);
    let effective_at_ms = workers.min_stake.propose(min_stake, registry.delay_ms(), clock.timestamp_ms());
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        MinStakeProposedEvent { log_id, seq, min_stake, effective_at_ms },
    );
}

/// Registers a worker with the whole coin as its stake and gives the capability that owns it.
///
/// A worker that registers again takes a new identity key, or goes on with the counter of its joins.
///
/// @throws `EBadNodeId`, `ENodeIdTaken`, `EBadSealToken`, `ESealTokenUsed`, `EBadIdentityKey`, `EIdentityKeyUsed`,
/// `EStakeTooSmall`, `gate::EOldPackage`
public fun register_worker(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    node_id: String,
    seal_token: String,
    identity_key: vector<u8>,
    clock: &Clock,
    ctx: &mut TxContext,
): WorkerCap {
    gate::check(workers.version);
    assert!(grammar::is_dns_label(node_id.as_bytes()), EBadNodeId);
    assert!(!workers.workers.contains(node_id), ENodeIdTaken);
    let stake = payment.value();
    assert!(stake >= workers.min_stake(clock), EStakeTooSmall);
    workers.use_seal_token(seal_token);
    workers.use_identity_key(identity_key);

    let owner = ctx.sender();
    let created_at_ms = clock.timestamp_ms();
    let token_expires_at_ms = created_at_ms + workers.token_lifetime_ms;
    workers.workers.add(
        node_id,
        Worker {
            node_id,
            owner,
            stake: stake::new(payment.into_balance()),
            status: STATUS_PENDING,
            seal_token,
            token_expires_at_ms,
            identity_key,
            counter: 0,
            offer: option::none(),
            is_slashed: false,
            owner_events: hourly::new(),
            created_at_ms,
        },
    );
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        WorkerRegisteredEvent {
            log_id,
            seq,
            node_id,
            owner,
            seal_token,
            identity_key,
            stake,
            token_expires_at_ms,
        },
    );
    workers.log_deposit(node_id, stake, ctx);
    WorkerCap { id: object::new(ctx), cluster_id: workers.cluster_id, node_id }
}

/// Registers a worker of the sender, who gets its capability.
///
/// @throws as `register_worker`
#[allow(lint(self_transfer))]
public(package) entry fun stake_and_register_worker(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    node_id: String,
    seal_token: String,
    identity_key: vector<u8>,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let cap = workers.register_worker(payment, node_id, seal_token, identity_key, clock, ctx);
    transfer::transfer(cap, ctx.sender());
}

/// Says that a worker's node is ready, and under which counter it joined: a worker that is pending or offline becomes
/// active, unless its seal token has expired. Where that does not apply, nothing happens. For the operator.
///
/// @throws `EWrongCluster`, `gate::EOldPackage`
public fun activate_worker(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    counter: u64,
    clock: &Clock,
) {
    workers.assert_operated(act);
    if (!workers.workers.contains(node_id)) return;
    let worker = &workers.workers[node_id];
    if (worker.has_ended()) return;
    let is_waiting = worker.status == STATUS_PENDING || worker.status == STATUS_OFFLINE;
    let becomes_active = is_waiting && worker.is_token_valid(clock);
    workers.raise_counter(node_id, counter);
    if (becomes_active) workers.change_status(node_id, STATUS_ACTIVE);
}

/// Says that a worker is active (1), offline (3) or draining (4): it moves between active and offline, or from active to
/// draining. Where that does not apply, nothing happens: a drain is ended by the owner alone, also not by way of offline.
/// For the operator.
///
/// @throws `EWrongCluster`, `EBadStatus`, `gate::EOldPackage`
public fun set_worker_status(
    workers: &mut WorkerRegistry,
    act: &Act,
    node_id: String,
    status: u8,
    clock: &Clock,
) {
    workers.assert_operated(act);
    assert!(status == STATUS_ACTIVE || status == STATUS_OFFLINE || status == STATUS_DRAINING, EBadStatus);
    if (!workers.workers.contains(node_id)) return;
    let worker = &workers.workers[node_id];
    let applies =
        (worker.status == STATUS_ACTIVE && status != STATUS_ACTIVE) ||
        (worker.status == STATUS_OFFLINE && status == STATUS_ACTIVE && worker.is_token_valid(clock));
    if (applies) workers.change_status(node_id, status);
}

/// Takes half of a worker's stake for double identity and ends its work. For anybody who has two signatures of its
/// identity key, over different joins under one counter.
///
/// Stake that waits to be withdrawn is not safe from it. A slashed worker is not slashed again before it is reinstated,
/// which takes a new identity key, so one deed costs at most half. One that left stays so: it is slashed once and never
/// reinstated.
///
/// @param first - SHA-256 of one join request
/// @param second - SHA-256 of the other
/// @throws `EUnknownWorker`, `EBadProof`, `EBadTransition`, `ENothingStaked`, `gate::EOldPackage`
public fun slash_double_identity(
    workers: &mut WorkerRegistry,
    node_id: String,
    counter: u64,
    first: vector<u8>,
    first_signature: vector<u8>,
    second: vector<u8>,
    second_signature: vector<u8>,
    _clock: &Clock,
) {
    gate::check(workers.version);
    assert!(first != second, EBadProof);
    workers.assert_joined(node_id, counter, first, &first_signature);
    workers.assert_joined(node_id, counter, second, &second_signature);

    let worker = &mut workers.workers[node_id];
    assert!(!worker.is_slashed, EBadTransition);
    assert!(worker.stake.total() > 0, ENothingStaked);
    worker.is_slashed = true;
    worker.offer = option::none();
    let has_left = worker.status == STATUS_LEFT;
    let taken = worker.stake.slash_half();
    let remaining = worker.stake.total();
    let amount = taken.value();
    workers.forfeited.join(taken);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeSlashedEvent { log_id, seq, node_id, counter, amount, remaining },
    );
    if (!has_left) workers.change_status(node_id, STATUS_SLASHED);
}

/// Says what the worker offers from now on: capacity, at most as much as its bonded stake stands for, and prices in MIST,
/// of a virtual CPU, a GiB of memory and a GiB of disk for an hour. For the owner.
///
/// @param region - at most 32 of `[a-z0-9-]`, or empty
/// @param gateway - whether it lets in what comes from outside the cluster
/// @throws `EWrongCluster`, `EBadTransition`, `offer::ECapacityTooLarge`, `offer::EBadRegion`, `hourly::ETooManyThisHour`,
/// `gate::EOldPackage`
public fun set_offer(
    workers: &mut WorkerRegistry,
    cap: &WorkerCap,
    cpu_milli: u64,
    memory_mib: u64,
    disk_gib: u64,
    cpu_price: u64,
    memory_price: u64,
    disk_price: u64,
    region: String,
    gateway: bool,
    clock: &Clock,
) {
    let worker = workers.own_worker_mut(cap);
    assert!(!worker.has_ended(), EBadTransition);
    worker.spend_events(1, clock);
    worker.offer =
        option::some(offer::new(
            worker.stake.bonded(),
            cpu_milli,
            memory_mib,
            disk_gib,
            cpu_price,
            memory_price,
            disk_price,
            region,
            gateway,
        ));
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        WorkerOfferedEvent {
            log_id,
            seq,
            node_id: cap.node_id,
            cpu_milli,
            memory_mib,
            disk_gib,
            cpu_price,
            memory_price,
            disk_price,
            region,
            gateway,
        },
    );
}

/// Gives the worker a new seal token and a new month. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `EBadSealToken`, `ESealTokenUsed`, `hourly::ETooManyThisHour`,
/// `gate::EOldPackage`
public fun refresh_seal_token(workers: &mut WorkerRegistry, cap: &WorkerCap, seal_token: String, clock: &Clock) {
    let worker = workers.own_worker_mut(cap);
    assert!(!worker.has_ended(), EBadTransition);
    worker.spend_events(1, clock);
    workers.replace_seal_token(cap.node_id, seal_token, clock);
}

/// Asks that the worker get no new work. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `hourly::ETooManyThisHour`, `gate::EOldPackage`
public fun drain_worker(workers: &mut WorkerRegistry, cap: &WorkerCap, clock: &Clock) {
    let worker = workers.own_worker_mut(cap);
    assert!(worker.status == STATUS_ACTIVE, EBadTransition);
    worker.spend_events(1, clock);
    workers.change_status(cap.node_id, STATUS_DRAINING);
}

/// Takes back a drain. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `ESealTokenExpired`, `hourly::ETooManyThisHour`, `gate::EOldPackage`
public fun resume_worker(workers: &mut WorkerRegistry, cap: &WorkerCap, clock: &Clock) {
    let worker = workers.own_worker_mut(cap);
    assert!(worker.status == STATUS_DRAINING, EBadTransition);
    assert!(worker.is_token_valid(clock), ESealTokenExpired);
    worker.spend_events(1, clock);
    workers.change_status(cap.node_id, STATUS_ACTIVE);
}

/// Ends the worker for good; its stake can then be asked for. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `gate::EOldPackage`
public fun leave(workers: &mut WorkerRegistry, cap: &WorkerCap, _clock: &Clock) {
    assert!(!workers.own_worker_mut(cap).has_ended(), EBadTransition);
    workers.change_status(cap.node_id, STATUS_LEFT);
}

/// Adds the whole coin to the worker's stake. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `stake::EZeroAmount`, `hourly::ETooManyThisHour`, `gate::EOldPackage`
public fun add_stake(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    cap: &WorkerCap,
    clock: &Clock,
    ctx: &TxContext,
) {
    let worker = workers.own_worker_mut(cap);
    assert!(worker.status != STATUS_LEFT, EBadTransition);
    worker.spend_events(1, clock);
    let amount = payment.value();
    worker.stake.add(payment.into_balance());
    workers.log_deposit(cap.node_id, amount, ctx);
}

/// Brings a slashed worker back to pending: the coin tops its bonded stake up to the minimum, seal token and identity key
/// are new. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `stake::EZeroAmount`, `EStakeTooSmall`, `EBadSealToken`, `ESealTokenUsed`,
/// `EBadIdentityKey`, `EIdentityKeyUsed`, `hourly::ETooManyThisHour`, `gate::EOldPackage`
public fun reinstate(
    workers: &mut WorkerRegistry,
    payment: Coin<SUI>,
    cap: &WorkerCap,
    seal_token: String,
    identity_key: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    let min_stake = workers.min_stake(clock);
    let node_id = cap.node_id;
    let worker = workers.own_worker_mut(cap);
    assert!(worker.status == STATUS_SLASHED, EBadTransition);
    worker.spend_events(4, clock);
    let amount = payment.value();
    worker.stake.add(payment.into_balance());
    assert!(worker.stake.bonded() >= min_stake, EStakeTooSmall);
    worker.is_slashed = false;
    worker.identity_key = identity_key;
    workers.log_deposit(node_id, amount, ctx);
    workers.replace_seal_token(node_id, seal_token, clock);
    workers.use_identity_key(identity_key);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        WorkerReinstatedEvent { log_id, seq, node_id, identity_key },
    );
    workers.change_status(node_id, STATUS_PENDING);
}

/// Starts the waiting time of the whole stake of a worker that left or was slashed. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `stake::EZeroAmount`, `gate::EOldPackage`
public fun request_withdraw(workers: &mut WorkerRegistry, cap: &WorkerCap, clock: &Clock) {
    let worker = workers.own_worker_mut(cap);
    assert!(worker.has_ended(), EBadTransition);
    let amount = worker.stake.bonded();
    worker.stake.unbond(amount, clock.timestamp_ms());
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeWithdrawRequestedEvent { log_id, seq, node_id: cap.node_id, amount },
    );
}

/// Gives what has waited long enough. For the owner.
///
/// @throws `EWrongCluster`, `stake::ENothingRequested`, `stake::EStillUnbonding`, `gate::EOldPackage`
public fun withdraw_stake(
    workers: &mut WorkerRegistry,
    cap: &WorkerCap,
    clock: &Clock,
    ctx: &mut TxContext,
): Coin<SUI> {
    let coin = workers.own_worker_mut(cap).stake.withdraw(clock.timestamp_ms()).into_coin(ctx);
    let amount = coin.value();
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeWithdrawnEvent { log_id, seq, node_id: cap.node_id, owner: ctx.sender(), amount },
    );
    coin
}

/// Pays what has waited long enough out to the sender. For the owner.
///
/// @throws as `withdraw_stake`
#[allow(lint(self_transfer))]
public(package) entry fun withdraw(
    workers: &mut WorkerRegistry,
    cap: &WorkerCap,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let coin = workers.withdraw_stake(cap, clock, ctx);
    transfer::public_transfer(coin, ctx.sender());
}

/// Deletes a worker that left or was slashed and has no stake any more, with its capability. Its node id and its last
/// keys are free again. For the owner.
///
/// @throws `EWrongCluster`, `EBadTransition`, `EStillStaked`, `gate::EOldPackage`
public fun close_worker(workers: &mut WorkerRegistry, cap: WorkerCap, _clock: &Clock) {
    let worker = workers.own_worker_mut(&cap);
    assert!(worker.has_ended(), EBadTransition);
    assert!(worker.stake.total() == 0, EStillStaked);
    let WorkerCap { id, node_id, .. } = cap;
    id.delete();
    let Worker { stake, seal_token, identity_key, .. } = workers.workers.remove(node_id);
    stake.destroy_empty();
    workers.seal_tokens.remove(seal_token);
    workers.identity_keys.remove(identity_key);
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(&mut workers.log, WorkerClosedEvent { log_id, seq, node_id });
}

/// The least stake of a worker that registers now, in MIST.
public fun min_stake(workers: &WorkerRegistry, clock: &Clock): u64 {
    workers.min_stake.value(clock.timestamp_ms()).destroy_some()
}

public fun cluster_id(workers: &WorkerRegistry): ID {
    workers.cluster_id
}

/// How many workers are active.
public fun active_count(workers: &WorkerRegistry): u64 {
    workers.active_count
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

/// The greatest counter under which the worker joined; 0 before it did.
///
/// @throws `EUnknownWorker`
public fun counter_of(workers: &WorkerRegistry, node_id: String): u64 {
    workers.worker(node_id).counter
}

public(package) fun log_head(workers: &WorkerRegistry): LogHead {
    workers.log.head_of(&workers.id)
}

fun assert_admin(workers: &WorkerRegistry, registry: &EnclaveRegistry, cap: &AdminCap) {
    assert!(workers.cluster_id == registry.id(), EWrongCluster);
    registry.assert_admin(cap);
}

fun assert_operated(workers: &WorkerRegistry, act: &Act) {
    gate::check(workers.version);
    assert!(act.registry_id() == workers.cluster_id, EWrongCluster);
}

/// That the worker's identity key signed that join.
fun assert_joined(
    workers: &WorkerRegistry,
    node_id: String,
    counter: u64,
    digest: vector<u8>,
    signature: &vector<u8>,
) {
    let statement = join_statement::new(workers.cluster_id, node_id, counter, digest);
    assert!(statement.is_signed_by(&workers.worker(node_id).identity_key, signature), EBadProof);
}

fun worker(workers: &WorkerRegistry, node_id: String): &Worker {
    assert!(workers.workers.contains(node_id), EUnknownWorker);
    &workers.workers[node_id]
}

/// The worker of a capability. There is one as long as there is the capability.
fun own_worker_mut(workers: &mut WorkerRegistry, cap: &WorkerCap): &mut Worker {
    gate::check(workers.version);
    assert!(cap.cluster_id == workers.cluster_id, EWrongCluster);
    &mut workers.workers[cap.node_id]
}

fun has_ended(worker: &Worker): bool {
    worker.status == STATUS_SLASHED || worker.status == STATUS_LEFT
}

fun is_token_valid(worker: &Worker, clock: &Clock): bool {
    clock.timestamp_ms() < worker.token_expires_at_ms
}

fun spend_events(worker: &mut Worker, count: u64, clock: &Clock) {
    worker.owner_events.spend(count, OWNER_EVENTS_PER_HOUR, clock.timestamp_ms())
}

fun change_status(workers: &mut WorkerRegistry, node_id: String, new_status: u8) {
    let worker = &mut workers.workers[node_id];
    let old_status = worker.status;
    worker.status = new_status;
    if (old_status == STATUS_ACTIVE) workers.active_count = workers.active_count - 1;
    if (new_status == STATUS_ACTIVE) workers.active_count = workers.active_count + 1;
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        WorkerStatusChangedEvent { log_id, seq, node_id, old_status, new_status },
    );
}

fun raise_counter(workers: &mut WorkerRegistry, node_id: String, counter: u64) {
    let worker = &mut workers.workers[node_id];
    if (counter <= worker.counter) return;
    worker.counter = counter;
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(&mut workers.log, WorkerCounterEvent { log_id, seq, node_id, counter });
}

fun use_seal_token(workers: &mut WorkerRegistry, seal_token: String) {
    assert!(grammar::is_key(seal_token.as_bytes()), EBadSealToken);
    assert!(!workers.seal_tokens.contains(seal_token), ESealTokenUsed);
    workers.seal_tokens.add(seal_token, true);
}

fun use_identity_key(workers: &mut WorkerRegistry, identity_key: vector<u8>) {
    assert!(identity_key.length() == IDENTITY_KEY_LENGTH, EBadIdentityKey);
    assert!(!workers.identity_keys.contains(identity_key), EIdentityKeyUsed);
    workers.identity_keys.add(identity_key, true);
}

fun replace_seal_token(workers: &mut WorkerRegistry, node_id: String, seal_token: String, clock: &Clock) {
    workers.use_seal_token(seal_token);
    let token_expires_at_ms = clock.timestamp_ms() + workers.token_lifetime_ms;
    let worker = &mut workers.workers[node_id];
    worker.seal_token = seal_token;
    worker.token_expires_at_ms = token_expires_at_ms;
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        SealTokenRefreshedEvent { log_id, seq, node_id, seal_token, token_expires_at_ms },
    );
}

fun log_deposit(workers: &mut WorkerRegistry, node_id: String, amount: u64, ctx: &TxContext) {
    let total = workers.workers[node_id].stake.total();
    let log_id = workers.id.to_inner();
    let seq = workers.log.next_seq();
    event_log::append!(
        &mut workers.log,
        StakeDepositedEvent { log_id, seq, node_id, owner: ctx.sender(), amount, total },
    );
}

#[test_only]
public fun set_version_for_testing(workers: &mut WorkerRegistry, version: u64) {
    workers.version = version
}

#[test_only]
public fun forfeited(workers: &WorkerRegistry): u64 {
    workers.forfeited.value()
}

/// Number of the log's last event.
#[test_only]
public fun logged(workers: &WorkerRegistry): u64 {
    workers.log.seq()
}

#[test_only]
public fun has_offer(workers: &WorkerRegistry, node_id: String): bool {
    workers.worker(node_id).offer.is_some()
}
