#[test_only]
/// A cluster with a user and a worker, and the user's orders, whose parts a test changes one at a time.
module daasvader::orders;

use daasvader::enclave_registry::Enclave;
use daasvader::event_log::LogHead;
use daasvader::fixture::{Self, Fixture, by, bytes, sui};
use daasvader::namespaces;
use std::string::String;
use std::unit_test::assert_eq;

use fun send as Fixture.send;
use fun send_raw as Fixture.send_raw;

const PROVIDER: address = @0x9;
const USER: address = @0x7;
const DEPLOYMENTS: vector<u8> = b"/apis/apps/v1/namespaces/default/deployments";

/// The fields of `submit_k8s_request`.
public struct Simple has copy, drop {
    method: vector<u8>,
    path: vector<u8>,
    name: vector<u8>,
    labels: vector<u8>,
    namespace: vector<u8>,
    container_name: vector<u8>,
    image: vector<u8>,
    port: vector<u8>,
    requester: address,
}

/// The fields of `submit_request`, and what names a body that lies elsewhere.
public struct Raw has copy, drop {
    method: vector<u8>,
    path: vector<u8>,
    query: vector<u8>,
    content_type: vector<u8>,
    body: vector<vector<u8>>,
    digest: vector<u8>,
    size: u64,
    blob_id: vector<u8>,
}

public fun user(): address { USER }

public fun provider(): address { PROVIDER }

/// An operated cluster where the user is a developer, without workers.
public fun idle(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_user(USER, sui(2));
    (f, enclave)
}

/// The same with the active worker `w1`.
public fun ready(): (Fixture, Enclave) {
    let (mut f, enclave) = idle();
    f.add_active(&enclave, PROVIDER, b"w1", b"a");
    (f, enclave)
}

/// The same with the pending request 1.
public fun requested(): (Fixture, Enclave) {
    let (mut f, enclave) = ready();
    f.send(simple());
    (f, enclave)
}

// What is sent

public fun simple(): Simple {
    Simple {
        method: b"POST",
        path: DEPLOYMENTS,
        name: b"web",
        labels: b"app=web",
        namespace: b"default",
        container_name: b"web",
        image: b"nginx:1.27",
        port: b"80",
        requester: USER,
    }
}

public fun simple_deletion(): Simple {
    simple().simple_method(b"DELETE").simple_path(b"/apis/apps/v1/namespaces/default/deployments/web")
}

public fun raw(): Raw {
    Raw {
        method: b"POST",
        path: DEPLOYMENTS,
        query: b"fieldManager=kubectl",
        content_type: b"application/json",
        body: vector[b"{}"],
        digest: bytes(32, 1),
        size: 100,
        blob_id: bytes(32, 2),
    }
}

public fun deletion(): Raw {
    raw().method(b"DELETE").path(b"/apis/apps/v1/namespaces/default/deployments/web").body(vector[])
}

public use fun simple_method as Simple.method;
public use fun simple_path as Simple.path;

public fun simple_method(mut self: Simple, method: vector<u8>): Simple {
    self.method = method;
    self
}

public fun simple_path(mut self: Simple, path: vector<u8>): Simple {
    self.path = path;
    self
}

public fun name(mut self: Simple, name: vector<u8>): Simple {
    self.name = name;
    self
}

public fun labels(mut self: Simple, labels: vector<u8>): Simple {
    self.labels = labels;
    self
}

public fun namespace(mut self: Simple, namespace: vector<u8>): Simple {
    self.namespace = namespace;
    self
}

public fun container_name(mut self: Simple, container_name: vector<u8>): Simple {
    self.container_name = container_name;
    self
}

public fun image(mut self: Simple, image: vector<u8>): Simple {
    self.image = image;
    self
}

public fun port(mut self: Simple, port: vector<u8>): Simple {
    self.port = port;
    self
}

public fun requester(mut self: Simple, requester: address): Simple {
    self.requester = requester;
    self
}

public fun method(mut self: Raw, method: vector<u8>): Raw {
    self.method = method;
    self
}

public fun path(mut self: Raw, path: vector<u8>): Raw {
    self.path = path;
    self
}

public fun query(mut self: Raw, query: vector<u8>): Raw {
    self.query = query;
    self
}

public fun content_type(mut self: Raw, content_type: vector<u8>): Raw {
    self.content_type = content_type;
    self
}

public fun body(mut self: Raw, body: vector<vector<u8>>): Raw {
    self.body = body;
    self
}

public fun digest(mut self: Raw, digest: vector<u8>): Raw {
    self.digest = digest;
    self
}

public fun size(mut self: Raw, size: u64): Raw {
    self.size = size;
    self
}

public fun blob_id(mut self: Raw, blob_id: vector<u8>): Raw {
    self.blob_id = blob_id;
    self
}

/// `/api/v1/namespaces/<namespace>/<resource>`
public fun path_in(namespace: String, resource: vector<u8>): vector<u8> {
    let mut path = b"/api/v1/namespaces/";
    path.append(namespace.into_bytes());
    path.append(b"/");
    path.append(resource);
    path
}

/// A user's namespace with a suffix, which may be empty.
public fun namespace_with(user: address, suffix: vector<u8>): String {
    let mut namespace = namespaces::first_of(user);
    namespace.append(suffix.to_string());
    namespace
}

// Sending it

/// Sends a simple order as the user.
public fun send(f: &mut Fixture, order: Simple) {
    let Simple { method, path, name, labels, namespace, container_name, image, port, requester } = order;
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_k8s_request(
        workers,
        staking,
        method.to_string(),
        path.to_string(),
        name.to_string(),
        labels.to_string(),
        namespace.to_string(),
        container_name.to_string(),
        image.to_string(),
        port.to_string(),
        requester,
        clock,
        &by(USER, 60),
    );
}

/// Sends a request with its body.
public fun send_raw(f: &mut Fixture, sender: address, order: Raw) {
    let Raw { method, path, query, content_type, body, .. } = order;
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_request(
        workers,
        staking,
        method.to_string(),
        path.to_string(),
        query.to_string(),
        content_type.to_string(),
        body,
        clock,
        &by(sender, 61),
    );
}

/// Sends a request whose body lies elsewhere.
public fun send_by_digest(f: &mut Fixture, sender: address, order: Raw) {
    let Raw { method, path, query, content_type, digest, size, blob_id, .. } = order;
    let (scheduler, workers, staking, clock) = f.scheduler();
    scheduler.submit_request_by_digest(
        workers,
        staking,
        method.to_string(),
        path.to_string(),
        query.to_string(),
        content_type.to_string(),
        digest,
        size,
        blob_id,
        clock,
        &by(sender, 62),
    );
}

public fun send_many(f: &mut Fixture, sender: address, order: Raw, count: u64) {
    let mut sent = 0;
    while (sent < count) {
        f.send_raw(sender, order);
        sent = sent + 1;
    }
}

public fun cancel(f: &mut Fixture, request_id: u64, sender: address) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.cancel_request(request_id, clock, &by(sender, 63));
}

public fun prune(f: &mut Fixture, request_id: u64, sender: address) {
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.prune_request(request_id, clock, &by(sender, 64));
}

// What the operator states

public fun start(f: &mut Fixture, request_id: u64) {
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.start_request(&act, request_id, clock);
}

public fun complete(f: &mut Fixture, request_id: u64) {
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.complete_request(&act, request_id, bytes(32, 1), clock);
}

public fun fail(f: &mut Fixture, request_id: u64, reason: vector<u8>, applied: bool) {
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.fail_request(&act, request_id, reason.to_string(), applied, clock);
}

public fun settle(f: &mut Fixture, request_id: u64, outcome: u8) {
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    scheduler.settle_cancelled_request(&act, request_id, outcome, clock);
}

public fun assign(f: &mut Fixture, request_id: u64, node_ids: vector<vector<u8>>) {
    let act = f.unproved_act();
    let (scheduler, _, _, clock) = f.scheduler();
    let node_ids = node_ids.map!(|node_id| node_id.to_string());
    scheduler.assign_worker(&act, request_id, node_ids, clock);
}

// What is there

public fun log_head(f: &mut Fixture): LogHead {
    let (scheduler, _, _, _) = f.scheduler();
    scheduler.log_head()
}

public fun assert_status(f: &mut Fixture, request_id: u64, status: u8) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_request_status(request_id), status);
}

public fun assert_active(f: &mut Fixture, count: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_active_request_count(), count);
}

public fun assert_load(f: &mut Fixture, node_id: vector<u8>, load: u64) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.get_worker_workload(node_id.to_string()), load);
}

public fun assert_workers(f: &mut Fixture, request_id: u64, node_ids: vector<vector<u8>>) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.workers_of(request_id), node_ids.map!(|node_id| node_id.to_string()));
}

public fun assert_failure(f: &mut Fixture, request_id: u64, reason: vector<u8>, applied: bool) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.reason_of(request_id), reason.to_string());
    assert_eq!(scheduler.is_applied(request_id), applied);
}

public fun assert_outcome(f: &mut Fixture, request_id: u64, outcome: Option<u8>) {
    let (scheduler, _, _, _) = f.scheduler();
    assert_eq!(scheduler.outcome_of(request_id), outcome);
}
