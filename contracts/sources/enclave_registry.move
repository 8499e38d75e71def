/// The root of a cluster: which images may be its control plane, and which registered enclave is in the seat.
///
/// Registering proves what an enclave is; anyone can boot the public image and register. Only the enclave in the seat is
/// the operator, and the seat is filled by the host account that the admin appointed. Each seating has an epoch.
module daasvader::enclave_registry;

use daasvader::binding;
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::measurement::{Self, Measurement};
use daasvader::timelock::{Self, Timelocked};
use std::string::String;
use sui::clock::Clock;
use sui::nitro_attestation::NitroAttestationDocument;

use fun measurement::version_in_effect as vector.version_in_effect;

/// The capability, ticket or enclave belongs to another cluster.
const EWrongCluster: u64 = 0;
/// The sender is not the appointed host account.
const ENotHost: u64 = 1;
/// The sender is not this enclave's operator.
const ENotOperator: u64 = 2;
/// The enclave is not the one in the seat.
const ENotSeated: u64 = 3;
/// No measurement with the enclave's PCRs is in effect now.
const ENotMeasured: u64 = 4;
/// The admin has set no configuration yet.
const ENoConfig: u64 = 5;
/// The document's nonce is not the ticket's id.
const EWrongNonce: u64 = 6;
/// The document's `user_data` is not the hash of the binding.
const EWrongUserData: u64 = 7;
/// PCR0 is zero: the enclave runs in debug mode.
const EDebugMode: u64 = 8;
/// The document lacks PCR0, PCR1 or PCR2.
const EMissingPcr: u64 = 9;
/// The document is older than the registry allows.
const EDocumentTooOld: u64 = 10;
/// The document is from the future by more than clocks may differ.
const EDocumentFromFuture: u64 = 11;
/// Only an enclave that registered after the last one seated takes the seat.
const ENotNewer: u64 = 12;
/// The delay is longer than 90 days.
const EDelayTooLong: u64 = 13;
/// The chain id is empty or too long, or the committee's digest is not 32 bytes.
const EBadConfig: u64 = 14;

const MAX_DOCUMENT_AGE_MS: u64 = 300_000;
/// By how much the clock of an enclave may be ahead of the chain's.
const MAX_CLOCK_SKEW_MS: u64 = 30_000;
const MAX_DELAY_MS: u64 = 90 * 24 * 3_600_000;
const MAX_CHAIN_ID_LENGTH: u64 = 64;
const DIGEST_LENGTH: u64 = 32;

/// The right to propose what the control plane may be.
public struct AdminCap has key, store {
    id: UID,
    registry_id: ID,
}

/// What an enclave must have been started with.
public struct ClusterConfig has copy, drop, store {
    chain_id: String,
    package_id: address,
    committee_digest: vector<u8>,
    committee_epoch: u64,
}

/// The other shared objects of the cluster.
public struct Parts has copy, drop, store {
    workers: ID,
    staking: ID,
    scheduler: ID,
    images: ID,
}

public struct EnclaveRegistry has key {
    id: UID,
    version: u64,
    parts: Option<Parts>,
    /// How long proposals wait before they take effect.
    delay_ms: u64,
    max_document_age_ms: u64,
    measurements: vector<Measurement>,
    config: Timelocked<ClusterConfig>,
    /// The account that may seat its enclave.
    host: Timelocked<address>,
    /// The enclave that is the operator.
    seat: Option<ID>,
    /// Raised whenever the seat changes.
    epoch: u64,
    /// Enclaves that ever registered.
    registrations: u64,
    /// The greatest registration number that was ever in the seat.
    last_seated: u64,
    /// Raised by every heartbeat.
    state_version: u64,
    log: Log,
}

/// The right to register once; its id is the nonce of the attestation document.
public struct RegistrationTicket has key {
    id: UID,
    registry_id: ID,
}

/// An enclave that proved what it is.
public struct Enclave has key {
    id: UID,
    registry_id: ID,
    operator: address,
    measurement_version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    boot_id: vector<u8>,
    committee_digest: vector<u8>,
    committee_epoch: u64,
    document_timestamp_ms: u64,
    registered_at_ms: u64,
    /// Which registration it was, from 1.
    number: u64,
}

/// One platform configuration register of a document.
public struct Pcr has copy, drop {
    index: u8,
    value: vector<u8>,
}

/// What the registry reads from a document that the chain verified.
public struct Evidence has copy, drop {
    timestamp_ms: u64,
    /// In the document's order. Some protocol versions left zero PCRs out, so a position says nothing.
    pcrs: vector<Pcr>,
    user_data: Option<vector<u8>>,
    nonce: Option<vector<u8>>,
}

/// The keys that an enclave registers with, and the ranges of addresses that it was started with.
public struct EnclaveKeys has copy, drop {
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    boot_id: vector<u8>,
    cluster_cidr: String,
    service_cidr: String,
}

public struct MeasurementProposedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    effective_at_ms: u64,
}

public struct MeasurementRetiredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    version: String,
}

public struct ConfigSetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    config: ClusterConfig,
    effective_at_ms: u64,
}

public struct HostAppointedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    host: address,
    effective_at_ms: u64,
}

public struct EnclaveRegisteredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    enclave_id: ID,
    operator: address,
    measurement_version: String,
}

public struct SeatTakenEvent has copy, drop {
    log_id: ID,
    seq: u64,
    enclave_id: ID,
    operator: address,
    epoch: u64,
}

public struct SeatRevokedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    epoch: u64,
}

public(package) fun new(delay_ms: u64, ctx: &mut TxContext): (EnclaveRegistry, AdminCap) {
    assert!(delay_ms <= MAX_DELAY_MS, EDelayTooLong);
    let registry = EnclaveRegistry {
        id: object::new(ctx),
        version: gate::version(),
        parts: option::none(),
        delay_ms,
        max_document_age_ms: MAX_DOCUMENT_AGE_MS,
        measurements: vector[],
        config: timelock::new(),
        host: timelock::new(),
        seat: option::none(),
        epoch: 0,
        registrations: 0,
        last_seated: 0,
        state_version: 0,
        log: event_log::new(),
    };
    let cap = AdminCap { id: object::new(ctx), registry_id: registry.id.to_inner() };
    (registry, cap)
}

/// Proposes an image; it is admitted after the registry's delay.
///
/// @throws `EWrongCluster` and those of `measurement`
public(package) entry fun propose_measurement(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    clock: &Clock,
    _ctx: &TxContext,
) {
    registry.assert_admin(cap);
    let now_ms = clock.timestamp_ms();
    let effective_at_ms = now_ms + registry.delay_ms;
    let measurement = measurement::new(version, pcr0, pcr1, pcr2, effective_at_ms);
    measurement::add(&mut registry.measurements, measurement, now_ms);
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(
        &mut registry.log,
        MeasurementProposedEvent { log_id, seq, version, pcr0, pcr1, pcr2, effective_at_ms },
    );
}

/// Ends an image at once: an enclave in the seat that runs it can do nothing more.
///
/// @throws `EWrongCluster`, `measurement::EUnknownVersion`
public(package) entry fun retire_measurement(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    version: String,
    clock: &Clock,
) {
    registry.assert_admin(cap);
    measurement::retire(&mut registry.measurements, &version, clock.timestamp_ms());
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(&mut registry.log, MeasurementRetiredEvent { log_id, seq, version });
}

/// Proposes what enclaves must have been started with; the first configuration takes effect at once.
///
/// @throws `EWrongCluster`, `EBadConfig`
public(package) entry fun set_config(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    chain_id: String,
    package_id: address,
    committee_digest: vector<u8>,
    committee_epoch: u64,
    clock: &Clock,
) {
    registry.assert_admin(cap);
    assert!(!chain_id.is_empty() && chain_id.length() <= MAX_CHAIN_ID_LENGTH, EBadConfig);
    assert!(committee_digest.length() == DIGEST_LENGTH, EBadConfig);
    let config = ClusterConfig { chain_id, package_id, committee_digest, committee_epoch };
    let delay_ms = registry.delay_ms;
    let effective_at_ms = registry.config.propose(config, delay_ms, clock.timestamp_ms());
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(&mut registry.log, ConfigSetEvent { log_id, seq, config, effective_at_ms });
}

/// Proposes the account that may seat its enclave; the first appointment takes effect at once.
///
/// @throws `EWrongCluster`
public(package) entry fun appoint_host(registry: &mut EnclaveRegistry, cap: &AdminCap, host: address, clock: &Clock) {
    registry.assert_admin(cap);
    let delay_ms = registry.delay_ms;
    let effective_at_ms = registry.host.propose(host, delay_ms, clock.timestamp_ms());
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(&mut registry.log, HostAppointedEvent { log_id, seq, host, effective_at_ms });
}

/// Empties the seat and dismisses the host account. A new appointment waits the full delay.
///
/// @throws `EWrongCluster`
public(package) entry fun revoke_seat(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.assert_admin(cap);
    registry.host.clear(clock.timestamp_ms());
    registry.seat = option::none();
    registry.epoch = registry.epoch + 1;
    let epoch = registry.epoch;
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(&mut registry.log, SeatRevokedEvent { log_id, seq, epoch });
}

/// Gives the sender a ticket to register with.
#[allow(lint(self_transfer))]
public(package) entry fun open_registration(registry: &EnclaveRegistry, ctx: &mut TxContext) {
    let ticket = new_ticket(registry, ctx);
    transfer::transfer(ticket, ctx.sender());
}

public(package) fun new_ticket(registry: &EnclaveRegistry, ctx: &mut TxContext): RegistrationTicket {
    RegistrationTicket { id: object::new(ctx), registry_id: registry.id.to_inner() }
}

/// Registers the sender as operator of the enclave that the document attests. The registry rebuilds the binding from
/// its own configuration and the sender, so a document for another cluster, key or operator does not fit.
///
/// @throws as `register`
public fun register_enclave(
    registry: &mut EnclaveRegistry,
    ticket: RegistrationTicket,
    document: NitroAttestationDocument,
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    boot_id: vector<u8>,
    cluster_cidr: String,
    service_cidr: String,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let evidence = Evidence {
        timestamp_ms: *document.timestamp(),
        pcrs: document.pcrs().map_ref!(|entry| Pcr { index: entry.index(), value: *entry.value() }),
        user_data: *document.user_data(),
        nonce: *document.nonce(),
    };
    let keys = EnclaveKeys {
        tls_spki_sha256,
        ca_sha256,
        hpke_public_key,
        boot_id,
        cluster_cidr,
        service_cidr,
    };
    transfer::share_object(registry.register(ticket, evidence, keys, clock, ctx))
}

/// Checks what a verified document says and makes the enclave of it.
///
/// @throws `EWrongCluster`, `EWrongNonce`, `EDebugMode`, `EMissingPcr`, `EDocumentTooOld`, `EDocumentFromFuture`,
/// `ENotMeasured`, `ENoConfig`, `EWrongUserData`, `binding::EBadLength`
public(package) fun register(
    registry: &mut EnclaveRegistry,
    ticket: RegistrationTicket,
    evidence: Evidence,
    keys: EnclaveKeys,
    clock: &Clock,
    ctx: &mut TxContext,
): Enclave {
    let nonce = redeem(ticket, registry);
    assert!(evidence.nonce.contains(&nonce), EWrongNonce);
    let now_ms = clock.timestamp_ms();
    registry.assert_recent(evidence.timestamp_ms, now_ms);
    let measurement_version = registry.assert_measured(&evidence, now_ms);
    let config = registry.config.value(now_ms);
    assert!(config.is_some(), ENoConfig);
    let config = config.destroy_some();
    registry.assert_bound(&evidence, &keys, &config, ctx.sender());

    registry.registrations = registry.registrations + 1;
    let EnclaveKeys { tls_spki_sha256, ca_sha256, hpke_public_key, boot_id, .. } = keys;
    let enclave = Enclave {
        id: object::new(ctx),
        registry_id: registry.id.to_inner(),
        operator: ctx.sender(),
        measurement_version,
        pcr0: evidence.pcr(0),
        pcr1: evidence.pcr(1),
        pcr2: evidence.pcr(2),
        tls_spki_sha256,
        ca_sha256,
        hpke_public_key,
        boot_id,
        committee_digest: config.committee_digest,
        committee_epoch: config.committee_epoch,
        document_timestamp_ms: evidence.timestamp_ms,
        registered_at_ms: now_ms,
        number: registry.registrations,
    };
    registry.log_registration(&enclave);
    enclave
}

/// Puts an enclave into the seat. Whoever was there before is fenced off by the new epoch, and for good: were it seated
/// again, transactions of its first time, held back by a host, would pass.
///
/// @throws `EWrongCluster`, `ENotHost`, `ENotMeasured`, `ENotNewer`
public(package) entry fun take_seat(registry: &mut EnclaveRegistry, enclave: &Enclave, clock: &Clock, ctx: &TxContext) {
    registry.assert_own(enclave);
    let now_ms = clock.timestamp_ms();
    assert!(registry.host.value(now_ms).contains(&ctx.sender()), ENotHost);
    registry.assert_in_effect(enclave, now_ms);
    assert!(enclave.number > registry.last_seated, ENotNewer);
    registry.last_seated = enclave.number;
    let enclave_id = enclave.id.to_inner();
    registry.seat = option::some(enclave_id);
    registry.epoch = registry.epoch + 1;
    let epoch = registry.epoch;
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    let operator = enclave.operator;
    event_log::append!(&mut registry.log, SeatTakenEvent { log_id, seq, enclave_id, operator, epoch });
}

/// Passes only for the operator of the enclave in the seat, while its measurement is in effect.
///
/// @throws `EWrongCluster`, `ENotOperator`, `ENotSeated`, `ENotMeasured`
public(package) fun assert_operator(
    registry: &EnclaveRegistry,
    enclave: &Enclave,
    clock: &Clock,
    ctx: &TxContext,
) {
    registry.assert_own(enclave);
    assert!(enclave.operator == ctx.sender(), ENotOperator);
    assert!(registry.seat.contains(enclave.id.as_inner()), ENotSeated);
    registry.assert_in_effect(enclave, clock.timestamp_ms());
}

/// @throws `EWrongCluster`
public(package) fun assert_admin(registry: &EnclaveRegistry, cap: &AdminCap) {
    assert!(cap.registry_id == registry.id.to_inner(), EWrongCluster);
}

/// Raises the state version, for a heartbeat.
public(package) fun next_state_version(registry: &mut EnclaveRegistry): u64 {
    registry.state_version = registry.state_version + 1;
    registry.state_version
}

/// The host whose seat's enclave leads.
public(package) fun leading_host(registry: &EnclaveRegistry): Option<address> {
    registry.host.value(18446744073709551615)
}

public(package) fun parts(registry: &EnclaveRegistry): Parts {
    *registry.parts.borrow()
}

/// How long what the admin proposes waits, in milliseconds.
public(package) fun delay_ms(registry: &EnclaveRegistry): u64 {
    registry.delay_ms
}

/// The cluster's id.
public fun id(registry: &EnclaveRegistry): ID {
    registry.id.to_inner()
}

/// How often the lead was taken.
public fun term(registry: &EnclaveRegistry): u64 {
    registry.epoch
}

public fun epoch(registry: &EnclaveRegistry): u64 {
    registry.epoch
}

public fun seat(registry: &EnclaveRegistry): Option<ID> {
    registry.seat
}

public(package) fun log_head(registry: &EnclaveRegistry): LogHead {
    registry.log.head_of(&registry.id)
}

/// Ends the ticket and gives its id, which must be the document's nonce.
fun redeem(ticket: RegistrationTicket, registry: &EnclaveRegistry): vector<u8> {
    let RegistrationTicket { id, registry_id } = ticket;
    assert!(registry_id == registry.id.to_inner(), EWrongCluster);
    let nonce = id.to_bytes();
    id.delete();
    nonce
}

fun assert_recent(registry: &EnclaveRegistry, timestamp_ms: u64, now_ms: u64) {
    assert!(timestamp_ms <= now_ms + MAX_CLOCK_SKEW_MS, EDocumentFromFuture);
    assert!(timestamp_ms + registry.max_document_age_ms >= now_ms, EDocumentTooOld);
}

fun assert_measured(registry: &EnclaveRegistry, evidence: &Evidence, now_ms: u64): String {
    let (pcr0, pcr1, pcr2) = (evidence.pcr(0), evidence.pcr(1), evidence.pcr(2));
    assert!(pcr0.any!(|byte| *byte != 0), EDebugMode);
    let version = registry.measurements.version_in_effect(&pcr0, &pcr1, &pcr2, now_ms);
    assert!(version.is_some(), ENotMeasured);
    version.destroy_some()
}

fun assert_bound(
    registry: &EnclaveRegistry,
    evidence: &Evidence,
    keys: &EnclaveKeys,
    config: &ClusterConfig,
    operator: address,
) {
    let binding = binding::new(
        config.chain_id,
        config.package_id,
        registry.id.to_address(),
        operator,
        keys.tls_spki_sha256,
        keys.ca_sha256,
        keys.hpke_public_key,
        config.committee_digest,
        config.committee_epoch,
        keys.boot_id,
        keys.cluster_cidr,
        keys.service_cidr,
    );
    assert!(evidence.user_data.contains(&binding.user_data()), EWrongUserData);
}

fun assert_own(registry: &EnclaveRegistry, enclave: &Enclave) {
    assert!(enclave.registry_id == registry.id.to_inner(), EWrongCluster);
}

fun assert_in_effect(registry: &EnclaveRegistry, enclave: &Enclave, now_ms: u64) {
    let version = registry
        .measurements
        .version_in_effect(&enclave.pcr0, &enclave.pcr1, &enclave.pcr2, now_ms);
    assert!(version.is_some(), ENotMeasured);
}

fun log_registration(registry: &mut EnclaveRegistry, enclave: &Enclave) {
    let log_id = registry.id.to_inner();
    let seq = registry.log.next_seq();
    event_log::append!(
        &mut registry.log,
        EnclaveRegisteredEvent {
            log_id,
            seq,
            enclave_id: enclave.id.to_inner(),
            operator: enclave.operator,
            measurement_version: enclave.measurement_version,
        },
    );
}

/// The PCR of that index, wherever it stands.
fun pcr(self: &Evidence, index: u8): vector<u8> {
    let position = self.pcrs.find_index!(|entry| entry.index == index);
    assert!(position.is_some(), EMissingPcr);
    self.pcrs[position.destroy_some()].value
}

#[test_only]
public fun set_version_for_testing(registry: &mut EnclaveRegistry, version: u64) {
    registry.version = version;
}

#[test_only]
public fun pcr_for_testing(index: u8, value: vector<u8>): Pcr {
    Pcr { index, value }
}

#[test_only]
public fun evidence_for_testing(
    timestamp_ms: u64,
    pcrs: vector<Pcr>,
    user_data: Option<vector<u8>>,
    nonce: Option<vector<u8>>,
): Evidence {
    Evidence { timestamp_ms, pcrs, user_data, nonce }
}

#[test_only]
public fun keys_for_testing(
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    boot_id: vector<u8>,
    cluster_cidr: String,
    service_cidr: String,
): EnclaveKeys {
    EnclaveKeys { tls_spki_sha256, ca_sha256, hpke_public_key, boot_id, cluster_cidr, service_cidr }
}

#[test_only]
public fun ticket_nonce(ticket: &RegistrationTicket): vector<u8> {
    ticket.id.to_bytes()
}
