#[test_only]
/// One worker of one registry, with whatever its owner and the operator may do to it.
///
/// The cluster has an address of its own, so that signatures made outside of Move are over its id.
module daasvader::worker_scene;

use daasvader::fixture::{Self, by, bytes, pay, sui, token};
use daasvader::join_vectors as vectors;
use daasvader::operator::{Self, Act};
use daasvader::worker_registry::{Self, WorkerCap, WorkerRegistry};
use std::string::String;
use std::unit_test::destroy;
use sui::clock::{Self, Clock};
use sui::coin::Coin;
use sui::sui::SUI;

const OWNER: address = @0x9;
const OTHER_CLUSTER: address = @0x45;

public struct Scene {
    workers: WorkerRegistry,
    cap: WorkerCap,
    clock: Clock,
}

/// `worker-1` with 5 SUI, the seal token `a` and the identity key of the vectors, pending.
public fun pending(): Scene {
    staked_with(sui(5))
}

public fun staked_with(amount: u64): Scene {
    let ctx = &mut by(OWNER, 60);
    let mut clock = clock::create_for_testing(ctx);
    clock.set_for_testing(fixture::start_ms());
    let mut workers = worker_registry::new(vectors::cluster_id(), ctx);
    let payment = pay(amount, ctx);
    let key = vectors::identity_key();
    let cap = workers.register_worker(payment, b"worker-1".to_string(), token(b"a"), key, &clock, ctx);
    Scene { workers, cap, clock }
}

public fun active(): Scene {
    let mut self = pending();
    self.activate(1);
    self
}

/// An active worker, its owner holding a capability of another cluster's worker of the same id.
public fun with_foreign_cap(): Scene {
    let Scene { workers, cap, clock } = active();
    destroy(cap);
    let ctx = &mut by(OWNER, 61);
    let mut other = worker_registry::new(OTHER_CLUSTER.to_id(), ctx);
    let payment = pay(sui(5), ctx);
    let key = vectors::identity_key();
    let cap = other.register_worker(payment, b"worker-1".to_string(), token(b"a"), key, &clock, ctx);
    destroy(other);
    Scene { workers, cap, clock }
}

/// An active worker in a registry that a newer package migrated.
public fun outdated(): Scene {
    let mut self = active();
    self.workers.set_version_for_testing(2);
    self
}

/// A worker that left and asked for its stake.
public fun unbonding(): Scene {
    let mut self = active();
    self.leave();
    self.ask();
    self
}

/// A worker that left, with nothing staked any more.
public fun paid_out(): Scene {
    let mut self = unbonding();
    self.advance_days(7);
    self.withdraw();
    self
}

public fun slashed(): Scene {
    let mut self = active();
    self.slash();
    self
}

public fun act(): Act {
    operator::act_for_testing(vectors::cluster_id(), @0xE.to_id(), fixture::host(), 1)
}

public fun foreign_act(): Act {
    operator::act_for_testing(OTHER_CLUSTER.to_id(), @0xE.to_id(), fixture::host(), 1)
}

/// Registers another worker with 5 SUI; its keys are of one digit.
public fun register(self: &mut Scene, node_id: vector<u8>, digit: vector<u8>): WorkerCap {
    self.register_with(node_id, token(digit), bytes(32, digit[0]), sui(5))
}

public fun register_with(
    self: &mut Scene,
    node_id: vector<u8>,
    seal_token: String,
    identity_key: vector<u8>,
    amount: u64,
): WorkerCap {
    let ctx = &mut by(OWNER, 62);
    let payment = pay(amount, ctx);
    self.workers.register_worker(payment, node_id.to_string(), seal_token, identity_key, &self.clock, ctx)
}

/// The same by the function that people call.
public fun stake_and_register(
    self: &mut Scene,
    node_id: vector<u8>,
    seal_token: String,
    identity_key: vector<u8>,
    amount: u64,
) {
    let ctx = &mut by(OWNER, 63);
    let payment = pay(amount, ctx);
    let Scene { workers, clock, .. } = self;
    workers.stake_and_register_worker(payment, node_id.to_string(), seal_token, identity_key, clock, ctx);
}

/// Gives the owner another capability and returns the one before.
public fun take_cap(self: Scene, cap: WorkerCap): (Scene, WorkerCap) {
    let Scene { workers, cap: old, clock } = self;
    (Scene { workers, cap, clock }, old)
}

public fun activate(self: &mut Scene, counter: u64) {
    self.activate_by(&act(), counter)
}

public fun activate_by(self: &mut Scene, act: &Act, counter: u64) {
    self.workers.activate_worker(act, b"worker-1".to_string(), counter, &self.clock)
}

public fun set_status(self: &mut Scene, status: u8) {
    self.set_status_by(&act(), status)
}

public fun set_status_by(self: &mut Scene, act: &Act, status: u8) {
    self.workers.set_worker_status(act, b"worker-1".to_string(), status, &self.clock)
}

/// Offers 20 virtual CPUs, 80 GiB of memory and 1,280 GiB of disk: all that 5 SUI stand for.
public fun offer(self: &mut Scene) {
    self.offer_of(20_000, 81_920, 1_280, b"eu-west-1")
}

public fun offer_of(self: &mut Scene, cpu_milli: u64, memory_mib: u64, disk_gib: u64, region: vector<u8>) {
    let Scene { workers, cap, clock } = self;
    let region = region.to_string();
    workers.set_offer(cap, cpu_milli, memory_mib, disk_gib, 3, 2, 1, region, true, clock);
}

public fun offer_at(self: &mut Scene, cpu_price: u64, memory_price: u64, disk_price: u64) {
    let Scene { workers, cap, clock } = self;
    let region = b"".to_string();
    workers.set_offer(cap, 1, 1, 1, cpu_price, memory_price, disk_price, region, false, clock);
}

public fun refresh(self: &mut Scene, digit: vector<u8>) {
    let Scene { workers, cap, clock } = self;
    workers.refresh_seal_token(cap, token(digit), clock);
}

public fun drain(self: &mut Scene) {
    let Scene { workers, cap, clock } = self;
    workers.drain_worker(cap, clock);
}

public fun resume(self: &mut Scene) {
    let Scene { workers, cap, clock } = self;
    workers.resume_worker(cap, clock);
}

public fun leave(self: &mut Scene) {
    let Scene { workers, cap, clock } = self;
    workers.leave(cap, clock);
}

public fun add_stake(self: &mut Scene, amount: u64) {
    let ctx = &mut by(OWNER, 64);
    let Scene { workers, cap, clock } = self;
    workers.add_stake(pay(amount, ctx), cap, clock, ctx);
}

/// Reinstates the worker with the other identity key of the vectors.
public fun reinstate(self: &mut Scene, digit: vector<u8>, amount: u64) {
    self.reinstate_with(token(digit), vectors::new_identity_key(), amount)
}

public fun reinstate_with(self: &mut Scene, seal_token: String, identity_key: vector<u8>, amount: u64) {
    let ctx = &mut by(OWNER, 65);
    let Scene { workers, cap, clock } = self;
    workers.reinstate(pay(amount, ctx), cap, seal_token, identity_key, clock, ctx);
}

public fun ask(self: &mut Scene) {
    let Scene { workers, cap, clock } = self;
    workers.request_withdraw(cap, clock);
}

public fun withdraw(self: &mut Scene) {
    let Scene { workers, cap, clock } = self;
    workers.withdraw(cap, clock, &mut by(OWNER, 66));
}

public fun withdraw_stake(self: &mut Scene): Coin<SUI> {
    let Scene { workers, cap, clock } = self;
    workers.withdraw_stake(cap, clock, &mut by(OWNER, 67))
}

/// Closes the worker; the registry stays.
public fun close(self: Scene): (WorkerRegistry, Clock) {
    let Scene { mut workers, cap, clock } = self;
    workers.close_worker(cap, &clock);
    (workers, clock)
}

/// Slashes by the proof of the vectors.
public fun slash(self: &mut Scene) {
    self.slash_by(vectors::first_signature(), vectors::second_signature())
}

/// Slashes by these signatures over the two joins of the vectors.
public fun slash_by(self: &mut Scene, first_signature: vector<u8>, second_signature: vector<u8>) {
    let (counter, first, second) = (vectors::counter(), vectors::first(), vectors::second());
    self.slash_for(counter, first, first_signature, second, second_signature);
}

public fun slash_for(
    self: &mut Scene,
    counter: u64,
    first: vector<u8>,
    first_signature: vector<u8>,
    second: vector<u8>,
    second_signature: vector<u8>,
) {
    let node_id = b"worker-1".to_string();
    self.workers.slash_double_identity(
        node_id,
        counter,
        first,
        first_signature,
        second,
        second_signature,
        &self.clock,
    )
}

public fun status(self: &Scene): u8 {
    self.workers.status_of(b"worker-1".to_string())
}

public fun staked(self: &Scene): u64 {
    self.workers.stake_of(b"worker-1".to_string())
}

public fun counter(self: &Scene): u64 {
    self.workers.counter_of(b"worker-1".to_string())
}

/// Number of the log's last event.
public fun events(self: &Scene): u64 {
    self.workers.logged()
}

public fun advance_days(self: &mut Scene, days: u64) {
    self.advance(days * 86_400_000)
}

public fun advance(self: &mut Scene, ms: u64) {
    self.clock.increment_for_testing(ms)
}

public fun workers(self: &Scene): &WorkerRegistry {
    &self.workers
}

public fun parts(self: &mut Scene): (&mut WorkerRegistry, &Clock) {
    (&mut self.workers, &self.clock)
}

public fun end(self: Scene) {
    destroy(self)
}
