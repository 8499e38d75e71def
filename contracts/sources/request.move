/// One order after it was taken in: who gave it, where it runs and what became of it.
///
/// What it says in full is in its event; here is what it was about and what the chain itself needs.
module daasvader::request;

use std::string::String;

/// A request in this status cannot go into the other.
const EBadTransition: u64 = 0;
/// The request is not done, or a cancelled one is not settled, or it is not the sender's to remove so early.
const ETooEarly: u64 = 1;

const STATUS_PENDING: u8 = 0;
const STATUS_RUNNING: u8 = 1;
const STATUS_COMPLETED: u8 = 2;
const STATUS_FAILED: u8 = 3;
const STATUS_CANCELLED: u8 = 4;

const DAY_MS: u64 = 24 * 3_600_000;
/// When anybody may remove a request that is done.
const KEPT_MS: u64 = 7 * DAY_MS;
/// When anybody may remove a cancelled one whose outcome nobody said.
const UNSETTLED_MS: u64 = 30 * DAY_MS;

/// What an order is about, for whoever asks what became of it.
public struct About has copy, drop, store {
    method: String,
    path: String,
    /// Of the object; empty where only the body has it.
    name: String,
}

public struct Request has drop, store {
    about: About,
    requester: address,
    /// Whose namespace it is for.
    owner: address,
    /// Workers that its pods were placed on.
    workers: vector<String>,
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

public(package) fun about(method: String, path: String, name: String): About {
    About { method, path, name }
}

public(package) fun method(self: &About): &String {
    &self.method
}

public(package) fun new(about: About, requester: address, owner: address, now_ms: u64): Request {
    Request {
        about,
        requester,
        owner,
        workers: vector[],
        status: STATUS_PENDING,
        result_digest: vector[],
        reason: b"".to_string(),
        applied: false,
        outcome: option::none(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    }
}

/// Whether it is neither completed nor failed nor cancelled.
public(package) fun is_open(self: &Request): bool {
    self.status == STATUS_PENDING || self.status == STATUS_RUNNING
}

/// Whether it was not started yet.
public(package) fun is_pending(self: &Request): bool {
    self.status == STATUS_PENDING
}

/// Whether it is cancelled and what became of it is still to be said.
public(package) fun is_unsettled(self: &Request): bool {
    self.status == STATUS_CANCELLED && self.outcome.is_none()
}

public(package) fun start(self: &mut Request, now_ms: u64) {
    self.set_status(STATUS_RUNNING, now_ms)
}

public(package) fun complete(self: &mut Request, result_digest: vector<u8>, now_ms: u64) {
    self.result_digest = result_digest;
    self.set_status(STATUS_COMPLETED, now_ms)
}

public(package) fun fail(self: &mut Request, reason: String, applied: bool, now_ms: u64) {
    self.reason = reason;
    self.applied = applied;
    self.set_status(STATUS_FAILED, now_ms)
}

/// @throws `EBadTransition`
public(package) fun cancel(self: &mut Request, now_ms: u64) {
    assert!(self.is_open(), EBadTransition);
    self.set_status(STATUS_CANCELLED, now_ms)
}

public(package) fun settle(self: &mut Request, outcome: u8, now_ms: u64) {
    self.outcome.fill(outcome);
    self.updated_at_ms = now_ms;
}

/// Puts other workers in place of those that it has, which it returns.
public(package) fun assign(self: &mut Request, workers: vector<String>, now_ms: u64): vector<String> {
    let before = self.workers;
    self.workers = workers;
    self.updated_at_ms = now_ms;
    before
}

/// Whether `sender` may have it removed now: the requester and the owner once all is said about it, anybody a week
/// later, and a month later also what the operator never said the end of.
///
/// @throws `ETooEarly`
public(package) fun assert_removable(self: &Request, sender: address, now_ms: u64) {
    let is_own = sender == self.requester || sender == self.owner;
    let kept_ms = if (self.is_unsettled()) UNSETTLED_MS else if (is_own) 0 else KEPT_MS;
    assert!(!self.is_open() && now_ms - self.updated_at_ms >= kept_ms, ETooEarly);
}

public(package) fun requester(self: &Request): address {
    self.requester
}

public(package) fun owner(self: &Request): address {
    self.owner
}

public(package) fun workers(self: &Request): vector<String> {
    self.workers
}

public(package) fun status(self: &Request): u8 {
    self.status
}

public(package) fun reason(self: &Request): String {
    self.reason
}

public(package) fun applied(self: &Request): bool {
    self.applied
}

public(package) fun outcome(self: &Request): Option<u8> {
    self.outcome
}

fun set_status(self: &mut Request, status: u8, now_ms: u64) {
    self.status = status;
    self.updated_at_ms = now_ms;
}
