#[test_only]
/// A cluster for tests, with its clock and the transactions of whoever a test names.
module daasvader::fixture;

use daasvader::binding;
use daasvader::enclave_registry::{Self, AdminCap, Enclave, EnclaveRegistry, Pcr};
use daasvader::image_registry::{Self, ImageRegistry};
use daasvader::k8s_scheduler::{Self, Scheduler};
use daasvader::lead;
use daasvader::operator::{Self, Act};
use daasvader::public_config;
use daasvader::staking::{Self, StakingPool};
use daasvader::upgrades;
use daasvader::worker_registry::{Self, WorkerRegistry};
use std::string::String;
use std::unit_test::destroy;
use sui::clock::{Self, Clock};
use sui::coin::{Self, Coin};
use sui::sui::SUI;

const ADMIN: address = @0xAD;
const HOST: address = @0xB05;
const OPERATOR: address = @0x0E;
const CA: u8 = 5;
const SUI_MIST: u64 = 1_000_000_000;
const START_MS: u64 = 1_700_000_000_000;

/// Everything one cluster consists of.
public struct Fixture {
    registry: EnclaveRegistry,
    cap: AdminCap,
    workers: WorkerRegistry,
    pool: StakingPool,
    scheduler: Scheduler,
    images: ImageRegistry,
    clock: Clock,
}

public fun host(): address { HOST }

public fun operator(): address { OPERATOR }

public fun start_ms(): u64 { START_MS }

/// A transaction of `sender`; object ids differ by `hint`.
public fun by(sender: address, hint: u64): TxContext {
    tx_context::new_from_hint(sender, hint, 0, 0, 0)
}

/// A cluster without delay, measurement, configuration or host.
public fun empty(): Fixture {
    make(0, 0)
}

/// As `empty`, with a delay that a cluster may have: more than 7 days, at most 90.
public fun with_delay(delay_ms: u64): Fixture {
    make(delay_ms, 0)
}

/// Another cluster than that of `empty`.
public fun other(): Fixture {
    make(0, 1_000)
}

fun make(delay_ms: u64, hint: u64): Fixture {
    let ctx = &mut by(ADMIN, hint);
    let none = b"".to_string();
    let (mut registry, cap) = enclave_registry::new(
        upgrades::for_testing(ctx),
        delay_ms,
        cluster_cidr(),
        service_cidr(),
        public_config::new(none, none, vector[]),
        ctx,
    );
    let workers = worker_registry::new(registry.id(), ctx);
    let pool = staking::new(registry.id(), ctx);
    let scheduler = k8s_scheduler::new(registry.id(), ctx);
    let images = image_registry::new(registry.id(), ctx);
    registry.complete(object::id(&workers), object::id(&pool), object::id(&scheduler), object::id(&images));
    let mut clock = clock::create_for_testing(ctx);
    clock.set_for_testing(START_MS);
    Fixture { registry, cap, workers, pool, scheduler, images, clock }
}

/// A cluster with measurement `v1`, a configuration and a host.
public fun configured(): Fixture {
    let mut self = empty();
    self.configure();
    self
}

/// A configured cluster with an enclave of `OPERATOR` in its seat, which leads.
public fun seated(): (Fixture, Enclave) {
    begun(configured())
}

/// As `seated`, in another cluster.
public fun other_seated(): (Fixture, Enclave) {
    let mut self = other();
    self.configure();
    begun(self)
}

/// As `seated`, in a cluster with a delay: what it needs has waited.
public fun seated_with_delay(delay_ms: u64): (Fixture, Enclave) {
    let mut self = with_delay(delay_ms);
    self.configure();
    self.advance(delay_ms);
    begun(self)
}

fun begun(mut self: Fixture): (Fixture, Enclave) {
    let enclave = self.registered(OPERATOR, 1);
    self.seat(&enclave, HOST);
    self.lead(&enclave, OPERATOR);
    (self, enclave)
}

/// Puts an enclave into the seat of `host`.
public fun seat(self: &mut Fixture, enclave: &Enclave, host: address) {
    self.registry.take_seat(enclave, &self.clock, &by(host, 2));
}

/// Makes an enclave of `operator` the leader.
public fun lead(self: &mut Fixture, enclave: &Enclave, operator: address) {
    let term = self.registry.term();
    lead::take_lead(&mut self.registry, enclave, term, &self.clock, &by(operator, 6));
}

/// The right to act as the operator of the enclave that leads, until a minute from now.
public fun act(self: &Fixture, enclave: &Enclave): Act {
    self.act_by(enclave, OPERATOR)
}

/// As `act`, for an enclave of another operator.
public fun act_by(self: &Fixture, enclave: &Enclave, operator: address): Act {
    let not_after_ms = self.clock.timestamp_ms() + 60_000;
    operator::act(&self.registry, enclave, self.registry.term(), not_after_ms, &self.clock, &by(operator, 4))
}

/// An act of this cluster that nothing proved; for tests of what an act allows.
public fun unproved_act(self: &Fixture): Act {
    operator::act_for_testing(self.registry.id(), @0xE.to_id(), HOST, 1)
}

public fun configure(self: &mut Fixture) {
    self.propose(b"v1", 1, 1);
    let Fixture { registry, cap, clock, .. } = self;
    registry.set_config(cap, chain_id(), @0xDAA5, bytes(32, 7), 4, clock);
    registry.appoint_host(cap, HOST, clock);
}

/// Proposes a measurement whose PCR0 consists of one byte and whose image reads state of a format.
public fun propose(self: &mut Fixture, version: vector<u8>, pcr0: u8, state_format: u64) {
    let Fixture { registry, cap, clock, .. } = self;
    registry.propose_measurement(
        cap,
        version.to_string(),
        pcr(pcr0),
        pcr(2),
        pcr(3),
        bytes(32, 9),
        state_format,
        clock,
    );
}

/// An enclave of image `v1` that `operator` registered with valid evidence.
public fun registered(self: &mut Fixture, operator: address, hint: u64): Enclave {
    self.registered_as(operator, 1, CA, hint)
}

/// An enclave of image `v1` whose registration `host` paid for, as hosts do.
public fun registered_at(self: &mut Fixture, host: address, operator: address, hint: u8): Enclave {
    let digest = bytes(32, hint);
    let ctx = &mut tx_context::create(operator, digest, 0, 0, 0, 1000, 1000, 0, option::some(host));
    self.register(operator, 1, CA, ctx)
}

/// An enclave of another image or CA, each named by the byte that PCR0 and digest consist of.
public fun registered_as(self: &mut Fixture, operator: address, pcr0: u8, ca: u8, hint: u64): Enclave {
    self.register(operator, pcr0, ca, &mut by(operator, hint))
}

fun register(self: &mut Fixture, operator: address, pcr0: u8, ca: u8, ctx: &mut TxContext): Enclave {
    let ticket = self.registry.new_ticket(ctx);
    let user_data = self.user_data(operator, ca);
    let evidence = enclave_registry::evidence_for_testing(
        self.clock.timestamp_ms(),
        pcrs(pcr(pcr0), pcr(2), pcr(3)),
        option::some(user_data),
        option::some(ticket.ticket_nonce()),
    );
    let Fixture { registry, clock, .. } = self;
    registry.register(ticket, evidence, keys(ca), clock, ctx)
}

/// What a genuine document of `operator` for this cluster holds.
public fun user_data(self: &Fixture, operator: address, ca: u8): vector<u8> {
    user_data_in(self.registry.id(), operator, ca, cluster_cidr(), service_cidr())
}

/// What a document says for a cluster with these ranges.
public fun user_data_in(
    cluster_id: ID,
    operator: address,
    ca: u8,
    cluster_cidr: String,
    service_cidr: String,
): vector<u8> {
    binding::new(
        chain_id(),
        @0xDAA5,
        cluster_id.to_address(),
        operator,
        bytes(32, 4),
        bytes(32, ca),
        bytes(32, 6),
        bytes(32, 7),
        4,
        bytes(16, 8),
        cluster_cidr,
        service_cidr,
    ).user_data()
}

/// The byte that the digest of the usual CA consists of.
public fun ca(): u8 { CA }

public fun keys(ca: u8): enclave_registry::EnclaveKeys {
    enclave_registry::keys_for_testing(bytes(32, 4), bytes(32, ca), bytes(32, 6), bytes(16, 8))
}

public fun cluster_cidr(): String { b"10.42.0.0/16".to_string() }

public fun service_cidr(): String { b"10.43.0.0/16".to_string() }

public fun chain_id(): String {
    b"4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S".to_string()
}

public fun pcr(byte: u8): vector<u8> {
    bytes(48, byte)
}

/// PCRs as documents list them.
public fun pcrs(pcr0: vector<u8>, pcr1: vector<u8>, pcr2: vector<u8>): vector<Pcr> {
    let mut index = 0;
    vector[pcr0, pcr1, pcr2].map!(|value| {
        index = index + 1;
        enclave_registry::pcr_for_testing(index - 1, value)
    })
}

public fun bytes(length: u64, byte: u8): vector<u8> {
    let mut v = vector[];
    while (v.length() < length) v.push_back(byte);
    v
}

/// A seal token of one digit.
public fun token(digit: vector<u8>): String {
    bytes(64, digit[0]).to_string()
}

public fun pay(amount: u64, ctx: &mut TxContext): Coin<SUI> {
    coin::mint_for_testing(amount, ctx)
}

public fun sui(amount: u64): u64 {
    amount * SUI_MIST
}

public fun advance(self: &mut Fixture, ms: u64) {
    self.clock.increment_for_testing(ms)
}

public fun registry(self: &mut Fixture): (&mut EnclaveRegistry, &AdminCap, &Clock) {
    (&mut self.registry, &self.cap, &self.clock)
}

public fun workers(self: &mut Fixture): (&mut WorkerRegistry, &Clock) {
    (&mut self.workers, &self.clock)
}

/// For `propose_min_stake`.
public fun administered(self: &mut Fixture): (&mut WorkerRegistry, &EnclaveRegistry, &AdminCap, &Clock) {
    (&mut self.workers, &self.registry, &self.cap, &self.clock)
}

public fun pool(self: &mut Fixture): (&mut StakingPool, &Clock) {
    (&mut self.pool, &self.clock)
}

/// For `propose_role_stakes`.
public fun administered_pool(self: &mut Fixture): (&mut StakingPool, &EnclaveRegistry, &AdminCap, &Clock) {
    (&mut self.pool, &self.registry, &self.cap, &self.clock)
}

public fun scheduler(self: &mut Fixture): (&mut Scheduler, &WorkerRegistry, &StakingPool, &Clock) {
    (&mut self.scheduler, &self.workers, &self.pool, &self.clock)
}

/// Scheduler, registry, admin's cap.
public fun administered_scheduler(self: &mut Fixture): (&mut Scheduler, &EnclaveRegistry, &AdminCap, &Clock) {
    (&mut self.scheduler, &self.registry, &self.cap, &self.clock)
}

public fun images(self: &mut Fixture): (&mut ImageRegistry, &Clock) {
    (&mut self.images, &self.clock)
}

/// Images, registry, admin's cap.
public fun administered_images(self: &mut Fixture): (&mut ImageRegistry, &EnclaveRegistry, &AdminCap) {
    (&mut self.images, &self.registry, &self.cap)
}

/// For `heartbeat`: registry, workers, staking, scheduler.
public fun all(
    self: &mut Fixture,
): (&mut EnclaveRegistry, &WorkerRegistry, &StakingPool, &Scheduler, &Clock) {
    (&mut self.registry, &self.workers, &self.pool, &self.scheduler, &self.clock)
}

/// Registers a worker of `owner` with 5 SUI; its keys are of one digit.
public fun add_worker(self: &mut Fixture, owner: address, node_id: vector<u8>, digit: vector<u8>) {
    let ctx = &mut by(owner, 100 + (digit[0] as u64));
    let payment = pay(sui(5), ctx);
    let identity_key = bytes(32, digit[0]);
    let Fixture { workers, clock, .. } = self;
    workers.stake_and_register_worker(payment, node_id.to_string(), token(digit), identity_key, clock, ctx);
}

/// Registers and activates a worker.
public fun add_active(
    self: &mut Fixture,
    enclave: &Enclave,
    owner: address,
    node_id: vector<u8>,
    digit: vector<u8>,
) {
    self.add_worker(owner, node_id, digit);
    let act = self.act(enclave);
    let Fixture { workers, clock, .. } = self;
    workers.activate_worker(&act, node_id.to_string(), 1, clock);
}

/// Stakes for a user who has no account yet.
public fun add_user(self: &mut Fixture, user: address, amount: u64) {
    let ctx = &mut by(user, 300);
    let payment = pay(amount, ctx);
    let Fixture { pool, clock, .. } = self;
    pool.stake(payment, clock, ctx);
}

public fun its_registry(self: &Fixture): &EnclaveRegistry {
    &self.registry
}

public fun its_registry_mut(self: &mut Fixture): &mut EnclaveRegistry {
    &mut self.registry
}

/// A request of `user` for a Deployment `web` in the own namespace.
public fun submit(self: &mut Fixture, user: address) {
    let Fixture { scheduler, workers, pool, clock, .. } = self;
    scheduler.submit_k8s_request(
        workers,
        pool,
        b"POST".to_string(),
        b"/apis/apps/v1/namespaces/default/deployments".to_string(),
        b"web".to_string(),
        b"app=web".to_string(),
        b"default".to_string(),
        b"web".to_string(),
        b"nginx:1.27".to_string(),
        b"80".to_string(),
        user,
        clock,
        &by(user, 400),
    );
}

public fun end(self: Fixture) {
    destroy(self)
}

public fun end_all(self: Fixture, enclave: Enclave) {
    destroy(self);
    destroy(enclave)
}
