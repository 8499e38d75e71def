/// Users' requests to Kubernetes: who may ask for what, which worker it goes to, what became of it.
module daasvader::k8s_scheduler;

use daasvader::api_path::{Self, ApiPath};
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::grammar;
use daasvader::manifest_reference;
use daasvader::operator::Act;
use daasvader::staking::StakingPool;
use daasvader::worker_registry::WorkerRegistry;
use std::string::String;
use sui::clock::Clock;
use sui::table::{Self, Table};

/// The objects belong to different clusters.
const EWrongCluster: u64 = 0;
/// The requester is not the sender; only the namespace's owner cancels for another.
const ENotRequester: u64 = 1;
/// The role that the sender has in the namespace may not write this resource.
const ERoleTooLow: u64 = 2;
/// The method is not POST, PUT, PATCH or DELETE.
const EBadMethod: u64 = 3;
/// The namespace is not the sender's, nor was a role granted there that counts now, or it is not the one in the path.
const EBadNamespace: u64 = 4;
/// The object's or container's name is not one DNS label, or the path has another name, or one although it is POST.
const EBadName: u64 = 5;
/// The labels are not `k=v,k2=v2`.
const EBadLabels: u64 = 6;
/// The image is not an image reference.
const EBadImage: u64 = 7;
/// The port is not a decimal number from 1 to 65535.
const EBadPort: u64 = 8;
/// The manifest is empty or larger than 8 KiB.
const EBadManifest: u64 = 9;
/// Too many requests in namespaces of this owner are not done; DELETE is not refused for it.
const ETooManyPending: u64 = 10;
/// No worker is active.
const ENoActiveWorker: u64 = 11;
/// There is no such request.
const EUnknownRequest: u64 = 12;
/// A request in this status cannot go into the other.
const EBadTransition: u64 = 13;
/// The result's or the manifest's digest or the blob id is not 32 bytes.
const EBadDigest: u64 = 14;
/// The reason is longer than 256 bytes.
const EReasonTooLong: u64 = 15;
/// What became of a cancelled request is none of the outcomes there are.
const EBadOutcome: u64 = 16;

const ROLE_NONE: u8 = 0;

const STATUS_PENDING: u8 = 0;
const STATUS_RUNNING: u8 = 1;
const STATUS_COMPLETED: u8 = 2;
const STATUS_FAILED: u8 = 3;
const STATUS_CANCELLED: u8 = 4;

/// Nothing of a cancelled request was applied.
const OUTCOME_NOTHING: u8 = 0;
/// What a cancelled request created was removed.
const OUTCOME_REMOVED: u8 = 1;
/// What a cancelled request changed stays.
const OUTCOME_STAYS: u8 = 2;

const MAX_MANIFEST_LENGTH: u64 = 8_192;
const MAX_REASON_LENGTH: u64 = 256;
const DIGEST_LENGTH: u64 = 32;
const MAX_PENDING_PER_OWNER: u64 = 32;
/// How many workers are compared for the least load. Up to this many active workers the choice is exact; beyond it,
/// that of a window which moves by one with each request, so the cost does not grow.
const CANDIDATES: u64 = 32;

public struct Scheduler has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    requests: Table<u64, Request>,
    /// Requests that are not done, by the owner of their namespace: it is the owner's stake that pays for room.
    pending: Table<address, u64>,
    max_pending: u64,
    /// Requests that are not done, by worker.
    worker_workloads: Table<String, u64>,
    /// Requests that are not done.
    active_count: u64,
    next_id: u64,
    /// Slot of the active workers where the next comparison starts.
    cursor: u64,
    log: Log,
}

public struct Request has store {
    requester: address,
    /// Whose namespace it is for.
    owner: address,
    method: String,
    path: String,
    /// Of the object; empty when only the manifest has it.
    name: String,
    worker: String,
    status: u8,
    result_digest: vector<u8>,
    /// Why it failed; empty unless it did.
    reason: String,
    /// Whether what a failed request asked for is in the cluster all the same.
    applied: bool,
    /// What became of a cancelled request, once the operator said it.
    outcome: Option<u8>,
    created_at_ms: u64,
    updated_at_ms: u64,
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
    /// JSON; empty when the fields above say it all.
    manifest: vector<u8>,
    worker: String,
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

/// What is asked for, before it is scheduled.
public struct Order has copy, drop {
    method: String,
    path: String,
    name: String,
    labels: String,
    namespace: String,
    container_name: String,
    image: String,
    port: String,
    manifest: vector<u8>,
}

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): Scheduler {
    Scheduler {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        requests: table::new(ctx),
        pending: table::new(ctx),
        max_pending: MAX_PENDING_PER_OWNER,
        worker_workloads: table::new(ctx),
        active_count: 0,
        next_id: 1,
        cursor: 0,
        log: event_log::new(),
    }
}

/// Asks for a simple object: one container with an image and a port, or a service for it. `labels` and `port` may be
/// empty; for DELETE everything but the name may be.
///
/// @throws `EWrongCluster`, `ENotRequester`, `ERoleTooLow`, `EBadMethod`, `EBadNamespace`, `EBadName`, `EBadLabels`,
/// `EBadImage`, `EBadPort`, `ETooManyPending`, `ENoActiveWorker` and those of `api_path`
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
    assert!(requester == ctx.sender(), ENotRequester);
    let manifest = vector[];
    let order = Order { method, path, name, labels, namespace, container_name, image, port, manifest };
    order.assert_simple();
    scheduler.schedule(workers, staking, order, clock, ctx);
}

/// Asks for an object by its JSON, at most 8 KiB. It is public, so it must hold no secrets.
///
/// @throws `EBadManifest` and as `submit_k8s_request`
public(package) entry fun submit_manifest(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: String,
    path: String,
    namespace: String,
    manifest: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    assert!(!manifest.is_empty() && manifest.length() <= MAX_MANIFEST_LENGTH, EBadManifest);
    let order = order_of(method, path, namespace, manifest);
    scheduler.schedule(workers, staking, order, clock, ctx);
}

/// Asks for an object by the SHA-256 of its JSON, which lies in a Walrus blob. It is public all the same.
///
/// @throws `EBadDigest` and as `submit_k8s_request`
public(package) entry fun submit_manifest_reference(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    method: String,
    path: String,
    namespace: String,
    digest: vector<u8>,
    blob_id: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    assert!(digest.length() == DIGEST_LENGTH && blob_id.length() == DIGEST_LENGTH, EBadDigest);
    let reference = manifest_reference::to_json(&digest, &blob_id);
    let order = order_of(method, path, namespace, reference);
    scheduler.schedule(workers, staking, order, clock, ctx);
}

/// Says that a request was applied. For the operator.
///
/// @throws `EWrongCluster`, `EUnknownRequest`, `EBadTransition`
public fun start_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    clock: &Clock,
) {
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
    let request = scheduler.request_mut(request_id);
    assert!(request.status == STATUS_PENDING, EBadTransition);
    request.status = STATUS_RUNNING;
    request.updated_at_ms = clock.timestamp_ms();
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, RequestStartedEvent { log_id, seq, request_id });
}

/// Says that a request reached its goal. For the operator.
///
/// @throws `EWrongCluster`, `EUnknownRequest`, `EBadTransition`, `EBadDigest`
public fun complete_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    result_digest: vector<u8>,
    clock: &Clock,
) {
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
    assert!(result_digest.length() == DIGEST_LENGTH, EBadDigest);
    scheduler.finish(request_id, STATUS_COMPLETED, clock);
    scheduler.request_mut(request_id).result_digest = result_digest;
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
/// @throws `EWrongCluster`, `EUnknownRequest`, `EBadTransition`, `EReasonTooLong`
public fun fail_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    reason: String,
    applied: bool,
    clock: &Clock,
) {
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
    assert!(reason.length() <= MAX_REASON_LENGTH, EReasonTooLong);
    scheduler.finish(request_id, STATUS_FAILED, clock);
    let request = scheduler.request_mut(request_id);
    request.reason = reason;
    request.applied = applied;
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
/// @throws `EWrongCluster`, `EUnknownRequest`, `EBadTransition`, `EBadOutcome`
public fun settle_cancelled_request(
    scheduler: &mut Scheduler,
    act: &Act,
    request_id: u64,
    outcome: u8,
    clock: &Clock,
) {
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
    assert!(vector[OUTCOME_NOTHING, OUTCOME_REMOVED, OUTCOME_STAYS].contains(&outcome), EBadOutcome);
    let request = scheduler.request_mut(request_id);
    assert!(request.status == STATUS_CANCELLED && request.outcome.is_none(), EBadTransition);
    request.outcome.fill(outcome);
    request.updated_at_ms = clock.timestamp_ms();
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(
        &mut scheduler.log,
        RequestCancellationSettledEvent { log_id, seq, request_id, outcome },
    );
}

/// Gives a request that is not done to the worker with the least load now. For the operator.
///
/// @throws `EWrongCluster`, `EUnknownRequest`, `EBadTransition`, `ENoActiveWorker`
public fun reassign_request(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    act: &Act,
    request_id: u64,
    clock: &Clock,
) {
    assert!(act.registry_id() == scheduler.cluster_id, EWrongCluster);
    assert!(workers.cluster_id() == scheduler.cluster_id, EWrongCluster);
    let request = scheduler.request_mut(request_id);
    assert!(is_open(request), EBadTransition);
    let old = request.worker;
    decrease(&mut scheduler.worker_workloads, old);
    let node_id = scheduler.assign(workers);
    let request = scheduler.request_mut(request_id);
    request.worker = node_id;
    request.updated_at_ms = clock.timestamp_ms();
    scheduler.log_assignment(request_id, node_id);
}

/// Withdraws a request that is not done; what was applied of it already the operator settles. For the requester and for
/// the owner of the namespace, whose limit it counts against.
///
/// @throws `EUnknownRequest`, `ENotRequester`, `EBadTransition`
public(package) entry fun cancel_request(scheduler: &mut Scheduler, request_id: u64, clock: &Clock, ctx: &TxContext) {
    let request = scheduler.request_mut(request_id);
    assert!(request.requester == ctx.sender() || request.owner == ctx.sender(), ENotRequester);
    scheduler.finish(request_id, STATUS_CANCELLED, clock);
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, RequestCancelledEvent { log_id, seq, request_id });
}

/// Requests that are not done.
public fun get_active_request_count(scheduler: &Scheduler): u64 {
    scheduler.active_count
}

/// Requests of a worker that are not done.
public fun get_worker_workload(scheduler: &Scheduler, node_id: String): u64 {
    count_of(&scheduler.worker_workloads, node_id)
}

/// 0 pending, 1 running, 2 completed, 3 failed, 4 cancelled.
///
/// @throws `EUnknownRequest`
public fun get_request_status(scheduler: &Scheduler, request_id: u64): u8 {
    scheduler.request(request_id).status
}

/// @throws `EUnknownRequest`
public fun worker_of(scheduler: &Scheduler, request_id: u64): String {
    scheduler.request(request_id).worker
}

/// Why a request failed; empty unless it did.
///
/// @throws `EUnknownRequest`
public fun reason_of(scheduler: &Scheduler, request_id: u64): String {
    scheduler.request(request_id).reason
}

/// Whether what a failed request asked for is in the cluster all the same.
///
/// @throws `EUnknownRequest`
public fun is_applied(scheduler: &Scheduler, request_id: u64): bool {
    scheduler.request(request_id).applied
}

/// What became of a cancelled request: 0 nothing applied, 1 removed, 2 stays; none until the operator said it.
///
/// @throws `EUnknownRequest`
public fun outcome_of(scheduler: &Scheduler, request_id: u64): Option<u8> {
    scheduler.request(request_id).outcome
}

public fun cluster_id(scheduler: &Scheduler): ID {
    scheduler.cluster_id
}

public(package) fun log_head(scheduler: &Scheduler): LogHead {
    scheduler.log.head_of(&scheduler.id)
}

/// The fields that `submit_manifest` has none of.
fun assert_simple(order: &Order) {
    assert!(grammar::is_dns_label(order.name.as_bytes()), EBadName);
    assert!(grammar::are_labels(order.labels.as_bytes()), EBadLabels);
    assert!(order.port.is_empty() || grammar::is_port(order.port.as_bytes()), EBadPort);
    let Order { container_name, image, .. } = order;
    assert!(container_name.is_empty() || grammar::is_dns_label(container_name.as_bytes()), EBadName);
    assert!(image.is_empty() || grammar::is_image(image.as_bytes()), EBadImage);
}

/// An order whose object is the manifest.
fun order_of(method: String, path: String, namespace: String, manifest: vector<u8>): Order {
    let none = b"".to_string();
    Order {
        method,
        path,
        name: none,
        labels: none,
        namespace,
        container_name: none,
        image: none,
        port: none,
        manifest,
    }
}

/// Whether method, namespace and name fit each other and the path.
fun assert_consistent(order: &Order, path: &ApiPath) {
    let method = order.method.as_bytes();
    assert!(vector[b"POST", b"PUT", b"PATCH", b"DELETE"].contains(method), EBadMethod);
    assert!(&path.namespace() == order.namespace.as_bytes(), EBadNamespace);
    let is_named = !order.name.is_empty();
    path.name().do!(|name| {
        assert!(method != &b"POST", EBadName);
        assert!(!is_named || &name == order.name.as_bytes(), EBadName);
    });
}

/// Whose namespace the order is for, and the role that the requester has there.
fun assert_allowed(
    order: &Order,
    path: &ApiPath,
    staking: &StakingPool,
    requester: address,
    clock: &Clock,
): (address, u8) {
    let (owner, role) = staking.standing_in(&order.namespace, requester, clock);
    assert!(owner == requester || role > ROLE_NONE, EBadNamespace);
    assert!(role >= path.least_role(), ERoleTooLow);
    (owner, role)
}

fun schedule(
    scheduler: &mut Scheduler,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    order: Order,
    clock: &Clock,
    ctx: &TxContext,
) {
    let cluster_id = scheduler.cluster_id;
    assert!(workers.cluster_id() == cluster_id && staking.cluster_id() == cluster_id, EWrongCluster);
    let requester = ctx.sender();
    let path = api_path::parse(order.path.as_bytes());
    order.assert_consistent(&path);
    let (owner, role) = order.assert_allowed(&path, staking, requester, clock);
    // Taking something away is never refused for the limit: it is how an owner makes room.
    let has_room = count_of(&scheduler.pending, owner) < scheduler.max_pending;
    assert!(has_room || order.method.as_bytes() == &b"DELETE", ETooManyPending);

    let worker = scheduler.assign(workers);
    let request_id = scheduler.next_id;
    scheduler.next_id = request_id + 1;
    scheduler.active_count = scheduler.active_count + 1;
    increase(&mut scheduler.pending, owner);
    let now_ms = clock.timestamp_ms();
    let request = Request {
        requester,
        owner,
        method: order.method,
        path: order.path,
        name: order.name,
        worker,
        status: STATUS_PENDING,
        result_digest: vector[],
        reason: b"".to_string(),
        applied: false,
        outcome: option::none(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    scheduler.requests.add(request_id, request);
    scheduler.log_schedule(request_id, order, requester, owner, role, worker);
    scheduler.log_assignment(request_id, worker);
}

/// Finds the active worker with the least load and adds one to it.
fun assign(scheduler: &mut Scheduler, workers: &WorkerRegistry): String {
    let active = workers.active();
    let length = active.length();
    assert!(length > 0, ENoActiveWorker);
    let candidates = length.min(CANDIDATES);
    let start = scheduler.cursor % length;
    let mut best = active.at(start);
    let mut least = scheduler.get_worker_workload(best);
    let mut i = 1;
    while (i < candidates && least > 0) {
        let candidate = active.at((start + i) % length);
        let load = scheduler.get_worker_workload(candidate);
        if (load < least) {
            best = candidate;
            least = load;
        };
        i = i + 1;
    };
    // Among workers with the same load, requests take turns.
    scheduler.cursor = (start + 1) % length;
    increase(&mut scheduler.worker_workloads, best);
    best
}

fun finish(scheduler: &mut Scheduler, request_id: u64, status: u8, clock: &Clock) {
    let request = scheduler.request_mut(request_id);
    assert!(is_open(request), EBadTransition);
    request.status = status;
    request.updated_at_ms = clock.timestamp_ms();
    let (owner, worker) = (request.owner, request.worker);
    decrease(&mut scheduler.pending, owner);
    decrease(&mut scheduler.worker_workloads, worker);
    scheduler.active_count = scheduler.active_count - 1;
}

fun is_open(request: &Request): bool {
    request.status == STATUS_PENDING || request.status == STATUS_RUNNING
}

fun request(scheduler: &Scheduler, request_id: u64): &Request {
    assert!(scheduler.requests.contains(request_id), EUnknownRequest);
    &scheduler.requests[request_id]
}

fun request_mut(scheduler: &mut Scheduler, request_id: u64): &mut Request {
    assert!(scheduler.requests.contains(request_id), EUnknownRequest);
    &mut scheduler.requests[request_id]
}

fun log_schedule(
    scheduler: &mut Scheduler,
    request_id: u64,
    order: Order,
    requester: address,
    owner: address,
    role: u8,
    worker: String,
) {
    let Order { method, path, name, labels, namespace, container_name, image, port, manifest } = order;
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
            manifest,
            worker,
        },
    );
}

fun log_assignment(scheduler: &mut Scheduler, request_id: u64, node_id: String) {
    let log_id = scheduler.id.to_inner();
    let seq = scheduler.log.next_seq();
    event_log::append!(&mut scheduler.log, WorkerAssignedEvent { log_id, seq, request_id, node_id });
}

fun count_of<K: copy + drop + store>(counts: &Table<K, u64>, key: K): u64 {
    if (counts.contains(key)) counts[key] else 0
}

fun increase<K: copy + drop + store>(counts: &mut Table<K, u64>, key: K) {
    if (counts.contains(key)) {
        let count = &mut counts[key];
        *count = *count + 1;
    } else counts.add(key, 1)
}

/// Counts of zero are removed, so that the table holds only what is in use.
fun decrease<K: copy + drop + store>(counts: &mut Table<K, u64>, key: K) {
    let count = &mut counts[key];
    *count = *count - 1;
    if (*count == 0) {
        counts.remove(key);
    }
}
