/// Users' orders to Kubernetes: who may ask for what, what it costs, where it runs and what became of it.
///
/// Where an order runs is decided in the enclave. The operator states levels, not changes: what no longer applies, of
/// requests that are done or removed as well, does nothing, so that one statement never takes down a transaction of many.
module daasvader::k8s_scheduler;

use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::fees::{Self, Fees};
use daasvader::gate;
use daasvader::operator::Act;
use daasvader::order;
use daasvader::owners::{Self, Owners};
use daasvader::request::{Self, About, Request};
use daasvader::staking::StakingPool;
use daasvader::worker_registry::WorkerRegistry;
use daasvader::workloads::{Self, Workloads};
use std::string::String;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::sui::SUI;
use sui::table::{Self, Table};

/// The objects belong to different clusters.
const EWrongCluster: u64 = 0;
/// The requester is not the sender; only the namespace's owner cancels for another.
const ENotRequester: u64 = 1;
/// The role that the sender has in the namespace writes nothing: it takes a developer.
const ERoleTooLow: u64 = 2;
/// The namespace is not the sender's or not claimed, nor was a role granted there that counts now.
const EBadNamespace: u64 = 3;
/// Too many requests in namespaces of this owner are not done; DELETE is not refused for it.
const ETooManyPending: u64 = 4;
/// No worker is active.
const ENoActiveWorker: u64 = 5;
/// There is no such request.
const EUnknownRequest: u64 = 6;
/// The result's digest is not 32 bytes.
const EBadDigest: u64 = 7;
/// The reason is longer than 256 bytes.
const EReasonTooLong: u64 = 8;
/// What became of a cancelled request is none of the outcomes there are.
const EBadOutcome: u64 = 9;
/// There are more than 16 workers, or one whose id is empty or longer than 63 bytes.
const EBadWorkers: u64 = 10;
/// The amount is zero.
const EZeroAmount: u64 = 11;
/// The amount is more than what the sender has paid in for fees and not used.
const ENotEnoughFees: u64 = 12;
/// No enclave leads, so nobody earns the fees now.
const ENoLeader: u64 = 13;

const ROLE_NONE: u8 = 0;
const ROLE_DEVELOPER: u8 = 2;

/// What a cancelled request changed stays; 0 is nothing applied, 1 removed.
const LAST_OUTCOME: u8 = 2;

const MAX_REASON_LENGTH: u64 = 256;
const MAX_WORKERS: u64 = 16;
const MAX_NODE_ID_LENGTH: u64 = 63;
const DIGEST_LENGTH: u64 = 32;

public struct Scheduler has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    requests: Table<u64, Request>,
    owners: Owners,
    worker_workloads: Workloads,
    /// Requests that are not done.
    active_count: u64,
    next_id: u64,
    fees: Fees,
    log: Log,
}

public struct K8sAPIRequestScheduledEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    method: String,
    path: String,
    name: String,
    labels: String,
    namespace: String,
    container_name: String,
    image: String,
    port: String,
    requester: address,
    /// Whose namespace it is; another than the requester when that one was granted a role there.
    owner: address,
    /// Of the requester, in this namespace.
    role: u8,
    /// The logs of stakes and of orders have no order between them but their times.
    at_ms: u64,
}

/// A request to Kubernetes as it is.
public struct KubernetesRequestEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    method: String,
    path: String,
    query: String,
    content_type: String,
    /// As the path has it.
    namespace: String,
    requester: address,
    owner: address,
    role: u8,
    /// Its pieces in order; none when it lies in a Walrus blob.
    body: vector<vector<u8>>,
    /// SHA-256 of a body that lies elsewhere; empty otherwise.
    digest: vector<u8>,
    /// Bytes of a body that lies elsewhere; 0 otherwise.
    size: u64,
    blob_id: vector<u8>,
    at_ms: u64,
}

public struct WorkerAssignedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    node_id: String,
}

public struct RequestStartedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
}

public struct RequestCompletedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    result_digest: vector<u8>,
}

public struct RequestFailedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    reason: String,
    applied: bool,
}

public struct RequestCancelledEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
}

public struct RequestCancellationSettledEvent has copy, drop {
    log_id: ID,
    seq: u64,
    request_id: u64,
    outcome: u8,
}

public struct FeeProposedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    fee: u64,
    effective_at_ms: u64,
}

public struct FeesDepositedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    owner: address,
    amount: u64,
    /// What the owner has now.
    total: u64,
}

public struct FeesWithdrawnEvent has copy, drop {
    log_id: ID,
    seq: u64,
    owner: address,
    amount: u64,
    total: u64,
}

public struct FeesCollectedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    host: address,
    amount: u64,
}

/// Makes and shares the cluster's own.
public(package) fun create(cluster_id: ID, ctx: &mut TxContext): ID {
    let created = new(cluster_id, ctx);
    let id = object::id(&created);
    transfer::share_object(created);
    id
}

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): Scheduler {
    Scheduler {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        requests: table::new(ctx),
        owners: owners::new(ctx),
        worker_workloads: workloads::new(ctx),
        active_count: 0,
        next_id: 1,
        fees: fees::new(),
        log: event_log::new(),
    }
}

// Orders

/// Asks for a simple object: one container with an image and a port, or a service for it. `labels` and `port` may be
/// empty; for DELETE everything but the name may be.
///
/// @throws `ENotRequester`, those of `order` and as `submit_request`
public(package) entry fun submit_k8s_request(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: String,
    path: String,
    name: String,
    labels: String,
    namespace: String,
    container_name: String,
    image: String,
    port: String,
    requester: address,
    clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(scheduler.version);
    assert!(requester == ctx.sender(), ENotRequester);
    order::assert_method(&method);
    order::assert_simple_path(&method, &path, &namespace, &name);
    order::assert_fields(&labels, &container_name, &image, &port);
    let about = request::about(method, path, name);
    let (request_id, owner, role) = scheduler.take_in(workers, staking, about, &namespace, clock, ctx);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        K8sAPIRequestScheduledEvent {
            log_id,
            seq,
            request_id,
            method,
            path,
            name,
            labels,
            namespace,
            container_name,
            image,
            port,
            requester,
            owner,
            role,
            at_ms: clock.timestamp_ms(),
        },
    );
}

/// Asks Kubernetes for a write in a namespace as it would be sent to its API: `/api/v1` or `/apis/<group>/<version>`,
/// then `/namespaces/<namespace>/<resource>[/<name>[/<subresource>]]`, where `default` stands for the sender's own. The
/// body comes in up to 8 pieces, together 96 KiB at most; it is public, so it must hold no secrets.
///
/// @throws `EWrongCluster`, `ENoActiveWorker`, `EBadNamespace`, `ERoleTooLow`, `ETooManyPending`, those of `gate`,
/// `hourly::ETooManyThisHour`, `fees::EFeeUnpaid` and those of `order` and `api_path`
public(package) entry fun submit_request(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: String,
    path: String,
    query: String,
    content_type: String,
    body: vector<vector<u8>>,
    clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(scheduler.version);
    order::assert_body(&method, &body);
    let namespace = order::namespace_of(&method, &path, &query, &content_type);
    let about = request::about(method, path, b"".to_string());
    let (request_id, owner, role) = scheduler.take_in(workers, staking, about, &namespace, clock, ctx);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        KubernetesRequestEvent {
            log_id,
            seq,
            request_id,
            method,
            path,
            query,
            content_type,
            namespace,
            requester: ctx.sender(),
            owner,
            role,
            body,
            digest: vector[],
            size: 0,
            blob_id: vector[],
            at_ms: clock.timestamp_ms(),
        },
    );
}

/// The same with a body that lies in a Walrus blob, named by its SHA-256 and its size in bytes, 3 MiB at most. It is
/// public all the same.
///
/// @throws as `submit_request`
public(package) entry fun submit_request_by_digest(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: String,
    path: String,
    query: String,
    content_type: String,
    digest: vector<u8>,
    size: u64,
    blob_id: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(scheduler.version);
    order::assert_reference(&digest, size, &blob_id);
    let namespace = order::namespace_of(&method, &path, &query, &content_type);
    let about = request::about(method, path, b"".to_string());
    let (request_id, owner, role) = scheduler.take_in(workers, staking, about, &namespace, clock, ctx);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        KubernetesRequestEvent {
            log_id,
            seq,
            request_id,
            method,
            path,
            query,
            content_type,
            namespace,
            requester: ctx.sender(),
            owner,
            role,
            body: vector[],
            digest,
            size,
            blob_id,
            at_ms: clock.timestamp_ms(),
        },
    );
}

/// Withdraws a request that is not done; what was applied of it already the operator settles. For the requester and for
/// the owner of the namespace, whose limit it counts against.
///
/// @throws `EUnknownRequest`, `ENotRequester`, `request::EBadTransition`, `hourly::ETooManyThisHour` and those of `gate`
public(package) entry fun cancel_request(scheduler: &mut Scheduler, request_id: u64, clock: &Clock, ctx: &TxContext) {
    gate::check(scheduler.version);
    let now_ms = clock.timestamp_ms();
    let request = scheduler.request_mut(request_id);
    let (sender, owner) = (ctx.sender(), request.owner());
    assert!(request.requester() == sender || owner == sender, ENotRequester);
    request.cancel(now_ms);
    scheduler.owners.of(owner).count_event(true, now_ms);
    scheduler.close(request_id);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, RequestCancelledEvent { log_id, seq, request_id });
}

/// Removes a request that is done, and the sender gets what was paid for its storage: the requester and the namespace's
/// owner at once, anybody 7 days later, and 30 days later also a cancelled one whose outcome nobody said.
///
/// @throws `EUnknownRequest`, `request::ETooEarly` and those of `gate`
public(package) entry fun prune_request(scheduler: &mut Scheduler, request_id: u64, clock: &Clock, ctx: &TxContext) {
    gate::check(scheduler.version);
    scheduler.request(request_id).assert_removable(ctx.sender(), clock.timestamp_ms());
    scheduler.requests.remove(request_id);
}

// Statements of the operator

/// Says that a request was applied. For the operator.
///
/// @throws `EWrongCluster` and those of `gate`
public fun start_request(scheduler: &mut Scheduler, act: &Act, request_id: u64, clock: &Clock) {
    scheduler.assert_operated(act);
    if (!scheduler.is_open(request_id) || !scheduler.requests[request_id].is_pending()) return;
    scheduler.requests[request_id].start(clock.timestamp_ms());
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, RequestStartedEvent { log_id, seq, request_id });
}

/// Says that a request reached its goal. For the operator.
///
/// @throws `EWrongCluster`, `EBadDigest` and those of `gate`
public fun complete_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    result_digest: vector<u8>,
    clock: &Clock,
) {
    scheduler.assert_operated(act);
    assert!(result_digest.length() == DIGEST_LENGTH, EBadDigest);
    if (!scheduler.is_open(request_id)) return;
    scheduler.requests[request_id].complete(result_digest, clock.timestamp_ms());
    scheduler.close(request_id);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        RequestCompletedEvent { log_id, seq, request_id, result_digest },
    );
}

/// Says that a request cannot reach its goal, and whether what it asked for is in the cluster all the same. For the
/// operator.
///
/// @throws `EWrongCluster`, `EReasonTooLong` and those of `gate`
public fun fail_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    reason: String,
    applied: bool,
    clock: &Clock,
) {
    scheduler.assert_operated(act);
    assert!(reason.length() <= MAX_REASON_LENGTH, EReasonTooLong);
    if (!scheduler.is_open(request_id)) return;
    scheduler.requests[request_id].fail(reason, applied, clock.timestamp_ms());
    scheduler.close(request_id);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        RequestFailedEvent { log_id, seq, request_id, reason, applied },
    );
}

/// Says what became of a cancelled request, once: 0 nothing of it was applied, 1 what it created was removed, 2 what it
/// changed stays. For the operator.
///
/// @throws `EWrongCluster`, `EBadOutcome` and those of `gate`
public fun settle_cancelled_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    outcome: u8,
    clock: &Clock,
) {
    scheduler.assert_operated(act);
    assert!(outcome <= LAST_OUTCOME, EBadOutcome);
    if (!scheduler.is_there(request_id) || !scheduler.requests[request_id].is_unsettled()) return;
    scheduler.requests[request_id].settle(outcome, clock.timestamp_ms());
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        RequestCancellationSettledEvent { log_id, seq, request_id, outcome },
    );
}

/// Says which workers run a request that is not done, at most 16; those said before and not now run it no more. For the
/// operator.
///
/// @throws `EWrongCluster`, `EBadWorkers` and those of `gate`
public fun assign_worker(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    node_ids: vector<String>,
    clock: &Clock,
) {
    scheduler.assert_operated(act);
    assert!(node_ids.length() <= MAX_WORKERS && node_ids.all!(|node_id| is_node_id(node_id)), EBadWorkers);
    if (!scheduler.is_open(request_id)) return;
    let node_ids = distinct(node_ids);
    let before = scheduler.requests[request_id].assign(node_ids, clock.timestamp_ms());
    node_ids.do!(|node_id| if (!before.contains(&node_id)) {
        scheduler.worker_workloads.add(node_id);
        scheduler.log_assignment(request_id, node_id);
    });
    before.do!(|node_id| if (!node_ids.contains(&node_id)) scheduler.worker_workloads.subtract(node_id));
}

// Fees

/// Proposes what an order costs, in MIST, 0.1 SUI at most; in effect after the registry's delay. For the admin.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `fees::EFeeTooHigh` and those of `gate`
public(package) entry fun propose_fee(
    scheduler: &mut Scheduler,
    registry: &EnclaveRegistry,
    cap: &AdminCap,
    fee: u64,
    clock: &Clock,
) {
    gate::check(scheduler.version);
    scheduler.assert_admin(registry, cap);
    let effective_at_ms = scheduler.fees.propose(fee, registry.delay_ms(), clock.timestamp_ms());
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, FeeProposedEvent { log_id, seq, fee, effective_at_ms });
}

/// Pays the whole coin in for orders in an owner's namespaces. Anybody may, for anybody; only the owner gets it back. It
/// counts against the events that the sender may cause in an hour.
///
/// @throws `EZeroAmount`, `hourly::ETooManyThisHour` and those of `gate`
public fun deposit_fees(scheduler: &mut Scheduler, payment: Coin<SUI>, owner: address, clock: &Clock, ctx: &TxContext) {
    gate::check(scheduler.version);
    let amount = payment.value();
    assert!(amount > 0, EZeroAmount);
    scheduler.owners.of(ctx.sender()).count_event(false, clock.timestamp_ms());
    let total = scheduler.owners.of(owner).fees().join(payment.into_balance());
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, FeesDepositedEvent { log_id, seq, owner, amount, total });
}

/// Gives back of what was paid in for the sender's namespaces and not used, in MIST.
///
/// @throws `EZeroAmount`, `ENotEnoughFees`, `hourly::ETooManyThisHour` and those of `gate`
public fun take_fees(scheduler: &mut Scheduler, amount: u64, clock: &Clock, ctx: &mut TxContext): Coin<SUI> {
    gate::check(scheduler.version);
    assert!(amount > 0, EZeroAmount);
    let owner = ctx.sender();
    let row = scheduler.owners.of(owner);
    row.count_event(true, clock.timestamp_ms());
    assert!(amount <= row.fees().value(), ENotEnoughFees);
    let coin = row.fees().split(amount).into_coin(ctx);
    let total = row.fees().value();
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, FeesWithdrawnEvent { log_id, seq, owner, amount, total });
    coin
}

/// Sends the sender what `take_fees` gives.
///
/// @throws as `take_fees`
#[allow(lint(self_transfer))]
public(package) entry fun withdraw_fees(scheduler: &mut Scheduler, amount: u64, clock: &Clock, ctx: &mut TxContext) {
    let coin = scheduler.take_fees(amount, clock, ctx);
    transfer::public_transfer(coin, ctx.sender());
}

/// Sends the host of the enclave that leads what orders have paid so far. Anybody may ask for it.
///
/// @throws `EWrongCluster`, `ENoLeader`, `EZeroAmount` and those of `gate`
public(package) entry fun collect_fees(
    scheduler: &mut Scheduler,
    registry: &EnclaveRegistry,
    _clock: &Clock,
    ctx: &mut TxContext,
) {
    gate::check(scheduler.version);
    assert!(registry.id() == scheduler.cluster_id, EWrongCluster);
    let leader = registry.leading_host();
    assert!(leader.is_some(), ENoLeader);
    let host = leader.destroy_some();
    let coin = scheduler.fees.take_collected().into_coin(ctx);
    let amount = coin.value();
    assert!(amount > 0, EZeroAmount);
    transfer::public_transfer(coin, host);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, FeesCollectedEvent { log_id, seq, host, amount });
}

/// Ends what older packages may do with the scheduler. For the admin, after an upgrade.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `gate::EOldPackage`, `gate::ENothingToMigrate`
public(package) entry fun migrate(scheduler: &mut Scheduler, registry: &EnclaveRegistry, cap: &AdminCap) {
    scheduler.assert_admin(registry, cap);
    gate::migrate(&mut scheduler.version);
}

// Views

/// Requests that are not done.
public fun get_active_request_count(scheduler: &Scheduler): u64 {
    scheduler.active_count
}

/// Requests of a worker that are not done.
public fun get_worker_workload(scheduler: &Scheduler, node_id: String): u64 {
    scheduler.worker_workloads.of(node_id)
}

/// 0 pending, 1 running, 2 completed, 3 failed, 4 cancelled.
///
/// @throws `EUnknownRequest`
public fun get_request_status(scheduler: &Scheduler, request_id: u64): u8 {
    scheduler.request(request_id).status()
}

/// The workers that a request runs or ran on; none until the operator said it.
///
/// @throws `EUnknownRequest`
public fun workers_of(scheduler: &Scheduler, request_id: u64): vector<String> {
    scheduler.request(request_id).workers()
}

/// Why a request failed; empty unless it did.
///
/// @throws `EUnknownRequest`
public fun reason_of(scheduler: &Scheduler, request_id: u64): String {
    scheduler.request(request_id).reason()
}

/// Whether what a failed request asked for is in the cluster all the same.
///
/// @throws `EUnknownRequest`
public fun is_applied(scheduler: &Scheduler, request_id: u64): bool {
    scheduler.request(request_id).applied()
}

/// What became of a cancelled request: 0 nothing applied, 1 removed, 2 stays; none until the operator said it.
///
/// @throws `EUnknownRequest`
public fun outcome_of(scheduler: &Scheduler, request_id: u64): Option<u8> {
    scheduler.request(request_id).outcome()
}

/// What an order costs now, in MIST.
public fun fee(scheduler: &Scheduler, clock: &Clock): u64 {
    scheduler.fees.fee(clock.timestamp_ms())
}

/// What is paid in for an owner's orders and not used, in MIST.
public fun fees_of(scheduler: &Scheduler, owner: address): u64 {
    scheduler.owners.fees_of(owner)
}

/// What orders have paid and the leader's host has not collected yet, in MIST.
public fun fees_collected(scheduler: &Scheduler): u64 {
    scheduler.fees.collected()
}

public fun cluster_id(scheduler: &Scheduler): ID {
    scheduler.cluster_id
}

public(package) fun log_head(scheduler: &Scheduler): LogHead {
    scheduler.log.head_of(&scheduler.id)
}

/// Makes a request of an order that is in form: checks who may, takes room, an event and the fee from the namespace's
/// owner.
///
/// Returns the request's number, the owner and the requester's role there.
fun take_in(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    about: About,
    namespace: &String,
    clock: &Clock,
    ctx: &TxContext,
): (u64, address, u8) {
    let cluster_id = scheduler.cluster_id;
    assert!(workers.cluster_id() == cluster_id && staking.cluster_id() == cluster_id, EWrongCluster);
    assert!(workers.active_count() > 0, ENoActiveWorker);
    let requester = ctx.sender();
    let (owner, role) = staking.standing_in(namespace, requester, clock);
    assert!(owner == requester || role > ROLE_NONE, EBadNamespace);
    assert!(role >= ROLE_DEVELOPER, ERoleTooLow);

    let now_ms = clock.timestamp_ms();
    let is_removal = order::is_removal(about.method());
    let row = scheduler.owners.of(owner);
    row.count_event(is_removal, now_ms);
    assert!(is_removal || row.has_room(), ETooManyPending);
    row.add_open();
    scheduler.fees.charge(row.fees(), now_ms);

    let request_id = scheduler.next_id;
    scheduler.next_id = request_id + 1;
    scheduler.active_count = scheduler.active_count + 1;
    scheduler.requests.add(request_id, request::new(about, requester, owner, now_ms));
    (request_id, owner, role)
}

/// Gives back the room of a request that is done now.
fun close(scheduler: &mut Scheduler, request_id: u64) {
    let request = &scheduler.requests[request_id];
    let (owner, workers) = (request.owner(), request.workers());
    scheduler.owners.of(owner).remove_open();
    scheduler.active_count = scheduler.active_count - 1;
    workers.do!(|node_id| scheduler.worker_workloads.subtract(node_id));
}

fun assert_operated(scheduler: &Scheduler, act: &Act) {
    gate::check(scheduler.version);
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
}

fun assert_admin(scheduler: &Scheduler, registry: &EnclaveRegistry, cap: &AdminCap) {
    registry.assert_admin(cap);
    assert!(registry.id() == scheduler.cluster_id, EWrongCluster);
}

fun is_there(scheduler: &Scheduler, request_id: u64): bool {
    scheduler.requests.contains(request_id)
}

fun is_open(scheduler: &Scheduler, request_id: u64): bool {
    scheduler.is_there(request_id) && scheduler.requests[request_id].is_open()
}

fun request(scheduler: &Scheduler, request_id: u64): &Request {
    assert!(scheduler.is_there(request_id), EUnknownRequest);
    &scheduler.requests[request_id]
}

fun request_mut(scheduler: &mut Scheduler, request_id: u64): &mut Request {
    assert!(scheduler.is_there(request_id), EUnknownRequest);
    &mut scheduler.requests[request_id]
}

fun is_node_id(text: &String): bool {
    !text.is_empty() && text.length() <= MAX_NODE_ID_LENGTH
}

fun distinct(texts: vector<String>): vector<String> {
    let mut found = vector[];
    texts.do!(|text| if (!found.contains(&text)) found.push_back(text));
    found
}

fun log_assignment(scheduler: &mut Scheduler, request_id: u64, node_id: String) {
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, WorkerAssignedEvent { log_id, seq, request_id, node_id });
}

/// As a newer or an older package would have left it.
#[test_only]
public fun set_version(scheduler: &mut Scheduler, version: u64) {
    scheduler.version = version
}

/// As if an owner had caused so many events in this hour.
#[test_only]
public fun use_hour(scheduler: &mut Scheduler, owner: address, events: u64, clock: &Clock) {
    let row = scheduler.owners.of(owner);
    let mut used = 0;
    while (used < events) {
        row.count_event(true, clock.timestamp_ms());
        used = used + 1;
    }
}

#[test_only]
public fun event_count(scheduler: &Scheduler): u64 {
    scheduler.log.seq()
}
