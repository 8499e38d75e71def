/// The root of a cluster: which images may be its control plane, who hosts it, and which registered enclaves are seated.
///
/// Registering proves what an enclave is; anyone can boot the public image and register. Only enclaves in seats count, and
/// a seat is filled by the host account that the admin appointed to it. Each seating has an epoch. Which seated enclave
/// leads is told by `lead`, what the leader states goes through `operator`.
///
/// Whatever an admin proposes waits for the cluster's delay in public; only taking something away is done at once.
module daasvader::enclave_registry;

use daasvader::binding;
use daasvader::event_log::{Self, Log, LogHead};
use daasvader::gate;
use daasvader::lease::{Self, Lease};
use daasvader::measurement::{Self, Measurement};
use daasvader::public_config::{Self, PublicConfig};
use daasvader::seal_config::{Self, SealConfig};
use daasvader::sealed_state::{Self, SealedState};
use daasvader::seats::{Self, Seats};
use daasvader::stake;
use daasvader::timelock::{Self, Timelocked};
use daasvader::upgrades::{Package, Upgrades};
use std::string::String;
use sui::clock::Clock;
use sui::nitro_attestation::NitroAttestationDocument;
use sui::package::{UpgradeReceipt, UpgradeTicket};

use fun measurement::in_effect as vector.in_effect;

/// The capability, ticket or enclave belongs to another cluster.
const EWrongCluster: u64 = 0;
/// The sender is not a host whose seat is in effect.
const ENotHost: u64 = 1;
/// The sender is not this enclave's operator.
const ENotOperator: u64 = 2;
/// The enclave is in no seat.
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
/// Only an enclave that registered after the last one seated takes a seat.
const ENotNewer: u64 = 12;
/// The delay is longer than 90 days.
const EDelayTooLong: u64 = 13;
/// The chain id is empty or too long, or the committee's digest is not 32 bytes.
const EBadConfig: u64 = 14;
/// The delay is neither zero nor longer than it takes stake to leave.
const EDelayTooShort: u64 = 15;
/// A range of addresses is empty or longer than 253 bytes.
const EBadRange: u64 = 16;
/// The enclave's image reads only sealed state of an older format than there is.
const EOldStateFormat: u64 = 17;
/// The enclave has another CA than the cluster.
const EWrongCa: u64 = 18;
/// The enclave is in a seat.
const ESeated: u64 = 19;
/// The cluster has no identity in effect.
const ENoIdentity: u64 = 20;
/// The digest is not 32 bytes.
const EBadDigest: u64 = 21;
/// Another host paid for the enclave's registration.
const EOtherHost: u64 = 22;

const MAX_DOCUMENT_AGE_MS: u64 = 300_000;
/// By how much the clock of an enclave may be ahead of the chain's.
const MAX_CLOCK_SKEW_MS: u64 = 30_000;
const MAX_DELAY_MS: u64 = 90 * 24 * 3_600_000;
const MAX_CHAIN_ID_LENGTH: u64 = 64;
const MAX_RANGE_LENGTH: u64 = 253;
const DIGEST_LENGTH: u64 = 32;
/// When anybody may delete an enclave that is in no seat, after it registered.
const ABANDONED_MS: u64 = 7 * 24 * 3_600_000;

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

/// The other shared objects of the cluster: the only ones that count.
public struct Parts has copy, drop, store {
    workers: ID,
    staking: ID,
    scheduler: ID,
    images: ID,
}

public struct EnclaveRegistry has key {
    id: UID,
    /// Of the package, see `gate`.
    version: u64,
    /// None only while the cluster is being created.
    parts: Option<Parts>,
    /// How long proposals wait before they take effect.
    delay_ms: u64,
    max_document_age_ms: u64,
    /// Addresses of pods and of Services, such as 10.42.0.0/16; fixed.
    cluster_cidr: String,
    service_cidr: String,
    measurements: vector<Measurement>,
    config: Timelocked<ClusterConfig>,
    public_config: Timelocked<PublicConfig>,
    seal_config: Timelocked<SealConfig>,
    /// The object that keeps what is paid for; none yet.
    market: Timelocked<ID>,
    upgrades: Upgrades,
    seats: Seats,
    lease: Lease,
    state: SealedState,
    /// Enclaves that ever registered.
    registrations: u64,
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
    /// The host that paid for it, who alone may seat it; none when the operator paid.
    sponsor: Option<address>,
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

/// The keys that an enclave registers with.
public struct EnclaveKeys has copy, drop {
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    boot_id: vector<u8>,
}

/// The first event of every cluster.
public struct ClusterCreatedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    workers_id: ID,
    staking_id: ID,
    scheduler_id: ID,
    images_id: ID,
    delay_ms: u64,
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
    release_digest: vector<u8>,
    state_format: u64,
    effective_at_ms: u64,
}

public struct MeasurementRetiredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    version: String,
    /// Whether what the image keeps may be known to others.
    compromised: bool,
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
    host: address,
    epoch: u64,
}

public struct SeatRevokedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    host: address,
    epoch: u64,
}

/// From a moment on the cluster has no identity, until its leader sets a new one.
public struct AnewBegunEvent has copy, drop {
    log_id: ID,
    seq: u64,
    effective_at_ms: u64,
}

/// From a moment on this point is the anchor of the sealed state.
public struct StateAcceptedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    position: u64,
    digest: vector<u8>,
    effective_at_ms: u64,
}

public struct PublicConfigSetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    config: PublicConfig,
    effective_at_ms: u64,
}

public struct SealConfigSetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    config: SealConfig,
    effective_at_ms: u64,
}

public struct MarketSetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    market: ID,
    effective_at_ms: u64,
}

public struct UpgradeProposedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    digest: vector<u8>,
    effective_at_ms: u64,
}

public struct UpgradeWithdrawnEvent has copy, drop {
    log_id: ID,
    seq: u64,
    digest: vector<u8>,
}

public struct PackageUpgradedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    /// Of the new version.
    package: address,
    version: u64,
    digest: vector<u8>,
}

/// Makes the registry of a cluster, which `complete` makes usable, and its admin's capability.
///
/// @throws `EDelayTooLong`, `EDelayTooShort`, `EBadRange`
public(package) fun new(
    upgrades: Upgrades,
    delay_ms: u64,
    cluster_cidr: String,
    service_cidr: String,
    public_config: PublicConfig,
    ctx: &mut TxContext,
): (EnclaveRegistry, AdminCap) {
    assert!(delay_ms <= MAX_DELAY_MS, EDelayTooLong);
    // Whoever dislikes a proposal can take the stake away before it takes effect.
    assert!(delay_ms == 0 || delay_ms > stake::unbonding_ms(), EDelayTooShort);
    assert_range(&cluster_cidr);
    assert_range(&service_cidr);
    let registry = EnclaveRegistry {
        id: object::new(ctx),
        version: gate::version(),
        parts: option::none(),
        delay_ms,
        max_document_age_ms: MAX_DOCUMENT_AGE_MS,
        cluster_cidr,
        service_cidr,
        measurements: vector[],
        config: timelock::new(),
        public_config: timelock::of(public_config),
        // The first one waits too: whoever chooses the servers chooses who opens the state.
        seal_config: timelock::waiting(),
        market: timelock::waiting(),
        upgrades,
        seats: seats::new(),
        lease: lease::new(),
        state: sealed_state::new(),
        registrations: 0,
        state_version: 0,
        log: event_log::new(),
    };
    let cap = AdminCap { id: object::new(ctx), registry_id: registry.id() };
    (registry, cap)
}

/// Names the cluster's other objects, and tells the log how the cluster begins.
public(package) fun complete(registry: &mut EnclaveRegistry, workers: ID, staking: ID, scheduler: ID, images: ID) {
    registry.parts.fill(Parts { workers, staking, scheduler, images });
    let log_id = registry.id();
    event_log::append!(
        &mut registry.log,
        ClusterCreatedEvent {
            log_id,
            seq: 1,
            workers_id: workers,
            staking_id: staking,
            scheduler_id: scheduler,
            images_id: images,
            delay_ms: registry.delay_ms,
            cluster_cidr: registry.cluster_cidr,
            service_cidr: registry.service_cidr,
        },
    );
    let config = registry.public_config.value(0).destroy_some();
    registry.log_public_config(config, 0);
}

public(package) fun share(registry: EnclaveRegistry) {
    transfer::share_object(registry)
}

/// Proposes an image; it is admitted after the cluster's delay.
///
/// @throws `EWrongCluster` and those of `gate::check`, `measurement::new` and `measurement::add`
public(package) entry fun propose_measurement(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    release_digest: vector<u8>,
    state_format: u64,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    let now_ms = clock.timestamp_ms();
    let effective_at_ms = now_ms + registry.delay_ms;
    let measurement = measurement::new(
        version,
        pcr0,
        pcr1,
        pcr2,
        release_digest,
        state_format,
        effective_at_ms,
    );
    measurement::add(&mut registry.measurements, measurement, now_ms);
    let (log_id, seq) = registry.next_event();
    event_log::append!(
        &mut registry.log,
        MeasurementProposedEvent {
            log_id,
            seq,
            version,
            pcr0,
            pcr1,
            pcr2,
            release_digest,
            state_format,
            effective_at_ms,
        },
    );
}

/// Ends an image at once: an enclave that runs it can do nothing more. The state's key has to change.
///
/// @throws `EWrongCluster`, `measurement::EUnknownVersion` and those of `gate::check`
public(package) entry fun retire_measurement(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    version: String,
    compromised: bool,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    let now_ms = clock.timestamp_ms();
    measurement::retire(&mut registry.measurements, &version, compromised, now_ms);
    registry.state.ask_turn(now_ms);
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, MeasurementRetiredEvent { log_id, seq, version, compromised });
}

/// Proposes what enclaves must have been started with; the first configuration takes effect at once.
///
/// @throws `EWrongCluster`, `EBadConfig` and those of `gate::check`
public(package) entry fun set_config(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    chain_id: String,
    package_id: address,
    committee_digest: vector<u8>,
    committee_epoch: u64,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    assert!(!chain_id.is_empty() && chain_id.length() <= MAX_CHAIN_ID_LENGTH, EBadConfig);
    assert!(committee_digest.length() == DIGEST_LENGTH, EBadConfig);
    let config = ClusterConfig { chain_id, package_id, committee_digest, committee_epoch };
    let effective_at_ms = registry.config.propose(config, registry.delay_ms, clock.timestamp_ms());
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, ConfigSetEvent { log_id, seq, config, effective_at_ms });
}

/// Proposes where applications are to be found and who certifies them.
///
/// @throws `EWrongCluster` and those of `gate::check` and `public_config::new`
public(package) entry fun set_public_config(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    apps_domain: String,
    acme_directory: String,
    acme_root: vector<u8>,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    let config = public_config::new(apps_domain, acme_directory, acme_root);
    let effective_at_ms = registry.public_config.propose(config, registry.delay_ms, clock.timestamp_ms());
    registry.log_public_config(config, effective_at_ms);
}

/// Proposes the Seal key servers: `server_ids`, `public_keys` and `urls` are of equal length, `threshold` of the servers
/// open a key.
///
/// @throws `EWrongCluster` and those of `gate::check` and `seal_config::new`
public(package) entry fun set_seal_config(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    threshold: u8,
    server_ids: vector<address>,
    public_keys: vector<vector<u8>>,
    urls: vector<String>,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    let config = seal_config::new(threshold, server_ids, public_keys, urls);
    let effective_at_ms = registry.seal_config.propose(config, registry.delay_ms, clock.timestamp_ms());
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, SealConfigSetEvent { log_id, seq, config, effective_at_ms });
}

/// Proposes the object that keeps what is paid for.
///
/// @throws `EWrongCluster` and those of `gate::check`
public(package) entry fun set_market(registry: &mut EnclaveRegistry, cap: &AdminCap, market: address, clock: &Clock) {
    registry.assert_governed(cap);
    let market = market.to_id();
    let effective_at_ms = registry.market.propose(market, registry.delay_ms, clock.timestamp_ms());
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, MarketSetEvent { log_id, seq, market, effective_at_ms });
}

/// Adds a seat for a host account; the very first one takes effect at once.
///
/// @throws `EWrongCluster`, `seats::EHostAppointed`, `seats::ETooManySeats` and those of `gate::check`
public(package) entry fun appoint_host(registry: &mut EnclaveRegistry, cap: &AdminCap, host: address, clock: &Clock) {
    registry.assert_governed(cap);
    let effective_at_ms = registry.seats.appoint(host, registry.delay_ms, clock.timestamp_ms());
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, HostAppointedEvent { log_id, seq, host, effective_at_ms });
}

/// Removes a host's seat at once, also one that still waits. If its enclave led, nobody leads now. The state's key has to
/// change. The host may be appointed again, and waits the full delay.
///
/// @throws `EWrongCluster`, `seats::EUnknownHost` and those of `gate::check`
public(package) entry fun revoke_seat(registry: &mut EnclaveRegistry, cap: &AdminCap, host: address, clock: &Clock) {
    registry.assert_governed(cap);
    registry.seats.revoke(host);
    registry.lease.forget(host);
    registry.state.ask_turn(clock.timestamp_ms());
    let epoch = registry.epoch();
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, SeatRevokedEvent { log_id, seq, host, epoch });
}

/// Proposes that the cluster begin with a new CA and empty state: once in effect the identity counts as none.
///
/// @throws `EWrongCluster`, `ENoIdentity` and those of `gate::check`
public(package) entry fun begin_anew(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.assert_governed(cap);
    let effective_at_ms = registry.propose_for_state(clock);
    registry.state.begin_anew(effective_at_ms);
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, AnewBegunEvent { log_id, seq, effective_at_ms });
}

/// Proposes that a point of the sealed state be the anchor although it may be older: the way on where newer state is
/// lost.
///
/// @throws `EWrongCluster`, `EBadDigest`, `ENoIdentity` and those of `gate::check`
public(package) entry fun accept_state(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    position: u64,
    digest: vector<u8>,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    assert!(digest.length() == DIGEST_LENGTH, EBadDigest);
    let effective_at_ms = registry.propose_for_state(clock);
    registry.state.settle(clock.timestamp_ms());
    registry.state.accept(position, digest, effective_at_ms);
    let (log_id, seq) = registry.next_event();
    event_log::append!(
        &mut registry.log,
        StateAcceptedEvent { log_id, seq, position, digest, effective_at_ms },
    );
}

/// Proposes an upgrade of the package, in place of one that still waits.
///
/// @throws `EWrongCluster`, `upgrades::EBadDigest` and those of `gate::check`
public(package) entry fun propose_upgrade(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    digest: vector<u8>,
    clock: &Clock,
) {
    registry.assert_governed(cap);
    let effective_at_ms = clock.timestamp_ms() + registry.delay_ms;
    registry.upgrades.propose(digest, effective_at_ms);
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, UpgradeProposedEvent { log_id, seq, digest, effective_at_ms });
}

/// Takes the proposed upgrade back.
///
/// @throws `EWrongCluster`, `upgrades::ENotProposed` and those of `gate::check`
public(package) entry fun withdraw_upgrade(registry: &mut EnclaveRegistry, cap: &AdminCap) {
    registry.assert_governed(cap);
    let digest = registry.upgrades.withdraw();
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, UpgradeWithdrawnEvent { log_id, seq, digest });
}

/// Permits the upgrade to the digest that is in effect. The upgrade and `commit_upgrade` follow in the same transaction.
///
/// @throws `EWrongCluster`, `upgrades::ENotProposed`, `upgrades::ENotYet` and those of `gate::check`
public fun authorize_upgrade(
    registry: &mut EnclaveRegistry,
    cap: &AdminCap,
    digest: vector<u8>,
    clock: &Clock,
): UpgradeTicket {
    registry.assert_governed(cap);
    registry.upgrades.authorize(digest, clock.timestamp_ms())
}

/// Takes in an upgrade that was made. Objects stay with the old version until each is migrated.
///
/// @throws `upgrades::EWrongReceipt` and those of `gate::check`
public fun commit_upgrade(registry: &mut EnclaveRegistry, receipt: UpgradeReceipt) {
    registry.assert_version();
    let digest = registry.upgrades.commit(receipt);
    let package = registry.package();
    let (log_id, seq) = registry.next_event();
    event_log::append!(
        &mut registry.log,
        PackageUpgradedEvent {
            log_id,
            seq,
            package: package.current(),
            version: package.version(),
            digest,
        },
    );
}

/// Brings the registry to this version of the package; older ones change it no more.
///
/// @throws `EWrongCluster` and those of `gate::migrate`
public(package) entry fun migrate(registry: &mut EnclaveRegistry, cap: &AdminCap) {
    registry.assert_admin(cap);
    gate::migrate(&mut registry.version);
}

/// Gives the sender a ticket to register with.
///
/// @throws those of `gate::check`
#[allow(lint(self_transfer))]
public(package) entry fun open_registration(registry: &EnclaveRegistry, ctx: &mut TxContext) {
    registry.assert_version();
    let ticket = new_ticket(registry, ctx);
    transfer::transfer(ticket, ctx.sender());
}

/// Burns a ticket that nobody will register with.
public(package) entry fun close_ticket(ticket: RegistrationTicket) {
    let RegistrationTicket { id, .. } = ticket;
    id.delete();
}

public(package) fun new_ticket(registry: &EnclaveRegistry, ctx: &mut TxContext): RegistrationTicket {
    RegistrationTicket { id: object::new(ctx), registry_id: registry.id() }
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
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let evidence = Evidence {
        timestamp_ms: *document.timestamp(),
        pcrs: document.pcrs().map_ref!(|entry| Pcr { index: entry.index(), value: *entry.value() }),
        user_data: *document.user_data(),
        nonce: *document.nonce(),
    };
    let keys = EnclaveKeys { tls_spki_sha256, ca_sha256, hpke_public_key, boot_id };
    transfer::share_object(registry.register(ticket, evidence, keys, clock, ctx))
}

/// Checks what a verified document says and makes the enclave of it.
///
/// @throws `EWrongCluster`, `EWrongNonce`, `EDebugMode`, `EMissingPcr`, `EDocumentTooOld`, `EDocumentFromFuture`,
/// `ENotMeasured`, `ENoConfig`, `EWrongUserData`, `EWrongCa`, `binding::EBadLength` and those of `gate::check`
public(package) fun register(
    registry: &mut EnclaveRegistry,
    ticket: RegistrationTicket,
    evidence: Evidence,
    keys: EnclaveKeys,
    clock: &Clock,
    ctx: &mut TxContext,
): Enclave {
    registry.assert_version();
    let nonce = redeem(ticket, registry);
    assert!(evidence.nonce.contains(&nonce), EWrongNonce);
    let now_ms = clock.timestamp_ms();
    registry.assert_recent(evidence.timestamp_ms, now_ms);
    let measurement_version = registry.assert_measured(&evidence, now_ms);
    let config = registry.config.value(now_ms);
    assert!(config.is_some(), ENoConfig);
    let config = config.destroy_some();
    registry.assert_bound(&evidence, &keys, &config, ctx.sender());
    registry.assert_ca(&keys.ca_sha256, now_ms);
    let enclave = registry.new_enclave(&evidence, keys, &config, measurement_version, now_ms, ctx);
    registry.log_registration(&enclave);
    enclave
}

/// Puts an enclave into the seat of the sender. Whoever was there before is fenced off by the new epoch, and for good:
/// were it seated again, transactions of its first time, held back by a host, would pass. Nor does a host seat what runs
/// at another: the other could not any more, and would work for this one's fees.
///
/// @throws `EWrongCluster`, `ENotHost`, `EOtherHost`, `ENotMeasured`, `EOldStateFormat`, `EWrongCa`, `ENotNewer` and those
/// of `gate::check`
public(package) entry fun take_seat(registry: &mut EnclaveRegistry, enclave: &Enclave, clock: &Clock, ctx: &TxContext) {
    registry.assert_version();
    registry.assert_own(enclave);
    let now_ms = clock.timestamp_ms();
    let host = ctx.sender();
    assert!(registry.seats.is_open(host, now_ms), ENotHost);
    assert!(enclave.sponsor.is_none() || enclave.sponsor.contains(&host), EOtherHost);
    registry.assert_fit(enclave, now_ms);
    registry.assert_ca(&enclave.ca_sha256, now_ms);
    assert!(enclave.number > registry.seats.last_seated(), ENotNewer);
    let enclave_id = enclave.id.to_inner();
    registry.seats.take(host, enclave_id, enclave.number);
    let epoch = registry.epoch();
    let operator = enclave.operator;
    let (log_id, seq) = registry.next_event();
    event_log::append!(
        &mut registry.log,
        SeatTakenEvent { log_id, seq, enclave_id, operator, host, epoch },
    );
}

/// Deletes an enclave that is in no seat: for its operator at once, for anybody a week after it registered.
///
/// @throws `EWrongCluster`, `ESeated`, `ENotOperator` and those of `gate::check`
public(package) entry fun close_enclave(
    registry: &EnclaveRegistry,
    enclave: Enclave,
    clock: &Clock,
    ctx: &TxContext,
) {
    registry.assert_version();
    registry.assert_own(&enclave);
    assert!(registry.seats.host_of(enclave.id.to_inner()).is_none(), ESeated);
    let is_abandoned = clock.timestamp_ms() - enclave.registered_at_ms >= ABANDONED_MS;
    assert!(is_abandoned || enclave.operator == ctx.sender(), ENotOperator);
    let Enclave { id, .. } = enclave;
    id.delete();
}

/// Passes for the operator of an enclave in a seat whose image may still act, and gives the seat's host.
///
/// @throws `EWrongCluster`, `ENotOperator`, `ENotSeated`, `ENotMeasured`, `EOldStateFormat`
public(package) fun assert_operator(
    registry: &EnclaveRegistry,
    enclave: &Enclave,
    clock: &Clock,
    ctx: &TxContext,
): address {
    registry.assert_own(enclave);
    assert!(enclave.operator == ctx.sender(), ENotOperator);
    let host = registry.seats.host_of(enclave.id.to_inner());
    assert!(host.is_some(), ENotSeated);
    registry.assert_fit(enclave, clock.timestamp_ms());
    host.destroy_some()
}

/// Passes for a CA that is the cluster's, and for any while the cluster has none.
///
/// @throws `EWrongCa`
public(package) fun assert_ca(registry: &EnclaveRegistry, ca_sha256: &vector<u8>, now_ms: u64) {
    let own = registry.state.ca_sha256(now_ms);
    assert!(own.is_none() || own.contains(ca_sha256), EWrongCa);
}

/// @throws `EWrongCluster`
public(package) fun assert_admin(registry: &EnclaveRegistry, cap: &AdminCap) {
    assert!(cap.registry_id == registry.id(), EWrongCluster);
}

/// Passes when this package may change the registry.
///
/// @throws as `gate::check`
public(package) fun assert_version(registry: &EnclaveRegistry) {
    gate::check(registry.version)
}

/// Whether the registry has this very version of the package.
public(package) fun is_current(registry: &EnclaveRegistry): bool {
    gate::is_current(registry.version)
}

/// Raises the state version, for a heartbeat.
public(package) fun next_state_version(registry: &mut EnclaveRegistry): u64 {
    registry.state_version = registry.state_version + 1;
    registry.state_version
}

/// The number of the event that comes next, with the log's id.
public(package) fun next_event(registry: &EnclaveRegistry): (ID, u64) {
    (registry.id(), registry.log.next_seq())
}

public(package) fun log_mut(registry: &mut EnclaveRegistry): &mut Log {
    &mut registry.log
}

public(package) fun log_head(registry: &EnclaveRegistry): LogHead {
    registry.log.head_of(&registry.id)
}

public(package) fun lease(registry: &EnclaveRegistry): &Lease {
    &registry.lease
}

public(package) fun lease_mut(registry: &mut EnclaveRegistry): &mut Lease {
    &mut registry.lease
}

public(package) fun state(registry: &EnclaveRegistry): &SealedState {
    &registry.state
}

public(package) fun state_mut(registry: &mut EnclaveRegistry): &mut SealedState {
    &mut registry.state
}

/// The newest format of sealed state that the enclave's image reads; none while no measurement of it is in effect.
public(package) fun state_format_of(registry: &EnclaveRegistry, enclave: &Enclave, now_ms: u64): Option<u64> {
    let measurement = registry
        .measurements
        .in_effect(&enclave.pcr0, &enclave.pcr1, &enclave.pcr2, now_ms);
    measurement.map!(|measurement| measurement.state_format())
}

public(package) fun ca_sha256(enclave: &Enclave): &vector<u8> {
    &enclave.ca_sha256
}

/// The cluster's id.
public fun id(registry: &EnclaveRegistry): ID {
    registry.id.to_inner()
}

/// How long what the admin proposes waits, in milliseconds.
public fun delay_ms(registry: &EnclaveRegistry): u64 {
    registry.delay_ms
}

/// How often a seat changed.
public fun epoch(registry: &EnclaveRegistry): u64 {
    registry.seats.epoch()
}

/// How often the lead was taken.
public fun term(registry: &EnclaveRegistry): u64 {
    registry.lease.term()
}

/// The enclave that leads; its seat may have another occupant by now, who has yet to take the lead.
public fun leader(registry: &EnclaveRegistry): Option<ID> {
    registry.lease.leader_id()
}

/// The host in whose seat the leader is.
public fun leading_host(registry: &EnclaveRegistry): Option<address> {
    registry.lease.leading_host()
}

/// The enclave in a host's seat.
public fun seat_of(registry: &EnclaveRegistry, host: address): Option<ID> {
    registry.seats.enclave_of(host)
}

/// The newest generation of the state's key; 0 before the cluster has an identity.
public fun generation(registry: &EnclaveRegistry): u64 {
    registry.state.generation()
}

/// Where the package is.
public fun package(registry: &EnclaveRegistry): Package {
    registry.upgrades.package()
}

/// What every function of the admin begins with.
fun assert_governed(registry: &EnclaveRegistry, cap: &AdminCap) {
    registry.assert_version();
    registry.assert_admin(cap);
}

/// When something that is proposed now about the sealed state takes effect.
fun propose_for_state(registry: &EnclaveRegistry, clock: &Clock): u64 {
    let now_ms = clock.timestamp_ms();
    assert!(registry.state.ca_sha256(now_ms).is_some(), ENoIdentity);
    now_ms + registry.delay_ms
}

/// Ends the ticket and gives its id, which must be the document's nonce.
fun redeem(ticket: RegistrationTicket, registry: &EnclaveRegistry): vector<u8> {
    let RegistrationTicket { id, registry_id } = ticket;
    assert!(registry_id == registry.id(), EWrongCluster);
    let nonce = id.to_bytes();
    id.delete();
    nonce
}

fun assert_range(range: &String) {
    assert!(!range.is_empty() && range.length() <= MAX_RANGE_LENGTH, EBadRange);
}

fun assert_recent(registry: &EnclaveRegistry, timestamp_ms: u64, now_ms: u64) {
    assert!(timestamp_ms <= now_ms + MAX_CLOCK_SKEW_MS, EDocumentFromFuture);
    assert!(timestamp_ms + registry.max_document_age_ms >= now_ms, EDocumentTooOld);
}

fun assert_measured(registry: &EnclaveRegistry, evidence: &Evidence, now_ms: u64): String {
    let (pcr0, pcr1, pcr2) = (evidence.pcr(0), evidence.pcr(1), evidence.pcr(2));
    assert!(pcr0.any!(|byte| *byte != 0), EDebugMode);
    let measurement = registry.measurements.in_effect(&pcr0, &pcr1, &pcr2, now_ms);
    assert!(measurement.is_some(), ENotMeasured);
    measurement.destroy_some().version()
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
        registry.cluster_cidr,
        registry.service_cidr,
    );
    assert!(evidence.user_data.contains(&binding.user_data()), EWrongUserData);
}

fun assert_own(registry: &EnclaveRegistry, enclave: &Enclave) {
    assert!(enclave.registry_id == registry.id(), EWrongCluster);
}

/// Passes for an enclave whose image is admitted now and reads the state that there is.
fun assert_fit(registry: &EnclaveRegistry, enclave: &Enclave, now_ms: u64) {
    let format = registry.state_format_of(enclave, now_ms);
    assert!(format.is_some(), ENotMeasured);
    assert!(format.destroy_some() >= registry.state.format(), EOldStateFormat);
}

fun new_enclave(
    registry: &mut EnclaveRegistry,
    evidence: &Evidence,
    keys: EnclaveKeys,
    config: &ClusterConfig,
    measurement_version: String,
    now_ms: u64,
    ctx: &mut TxContext,
): Enclave {
    registry.registrations = registry.registrations + 1;
    let EnclaveKeys { tls_spki_sha256, ca_sha256, hpke_public_key, boot_id } = keys;
    Enclave {
        id: object::new(ctx),
        registry_id: registry.id(),
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
        sponsor: ctx.sponsor(),
    }
}

/// The PCR of that index, wherever it stands.
fun pcr(self: &Evidence, index: u8): vector<u8> {
    let position = self.pcrs.find_index!(|entry| entry.index == index);
    assert!(position.is_some(), EMissingPcr);
    self.pcrs[position.destroy_some()].value
}

fun log_registration(registry: &mut EnclaveRegistry, enclave: &Enclave) {
    let (log_id, seq) = registry.next_event();
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

fun log_public_config(registry: &mut EnclaveRegistry, config: PublicConfig, effective_at_ms: u64) {
    let (log_id, seq) = registry.next_event();
    event_log::append!(&mut registry.log, PublicConfigSetEvent { log_id, seq, config, effective_at_ms });
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
): EnclaveKeys {
    EnclaveKeys { tls_spki_sha256, ca_sha256, hpke_public_key, boot_id }
}

#[test_only]
public fun ticket_nonce(ticket: &RegistrationTicket): vector<u8> {
    ticket.id.to_bytes()
}

#[test_only]
public fun public_config_for_testing(registry: &EnclaveRegistry, now_ms: u64): Option<PublicConfig> {
    registry.public_config.value(now_ms)
}

#[test_only]
public fun seal_config_for_testing(registry: &EnclaveRegistry, now_ms: u64): Option<SealConfig> {
    registry.seal_config.value(now_ms)
}

#[test_only]
public fun market_for_testing(registry: &EnclaveRegistry, now_ms: u64): Option<ID> {
    registry.market.value(now_ms)
}
