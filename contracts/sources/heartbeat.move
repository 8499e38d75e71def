/// The operator's sign of life. Its certified effects prove how far every log and the sealed state have come, so that old
/// state cannot be served as new; and it keeps the lead.
module daasvader::heartbeat;

use daasvader::enclave_registry::EnclaveRegistry;
use daasvader::event_log::LogHead;
use daasvader::k8s_scheduler::Scheduler;
use daasvader::operator::Act;
use daasvader::sealed_state::Anchor;
use daasvader::seats;
use daasvader::staking::StakingPool;
use daasvader::worker_registry::WorkerRegistry;
use sui::clock::Clock;
use sui::event;

/// The act or the objects belong to different clusters.
const EWrongCluster: u64 = 0;
/// The audit head is not 32 bytes.
const EBadAuditHead: u64 = 1;
/// More hosts are in sync than there can be seats.
const ETooManyInSync: u64 = 2;

const DIGEST_LENGTH: u64 = 32;

/// Belongs to no log itself.
public struct HeartbeatEvent has copy, drop {
    registry: LogHead,
    workers: LogHead,
    staking: LogHead,
    scheduler: LogHead,
    epoch: u64,
    term: u64,
    state_version: u64,
    /// None before any state is anchored.
    anchor: Option<Anchor>,
    /// Head of the enclave's own chain of audit records.
    audit_head: vector<u8>,
    timestamp_ms: u64,
}

/// States the heads of all logs as of now, and which hosts' enclaves have everything: those may take the lead when the
/// lease, which begins again now, runs out. Hosts without a seat are left out. For the operator.
///
/// @throws `EWrongCluster`, `EBadAuditHead`, `ETooManyInSync` and those of `gate::check`
public fun heartbeat(
    registry: &mut EnclaveRegistry,
    act: &Act,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    scheduler: &Scheduler,
    audit_head: vector<u8>,
    in_sync: vector<address>,
    clock: &Clock,
) {
    registry.assert_version();
    let ids = vector[act.registry_id(), workers.cluster_id(), staking.cluster_id(), scheduler.cluster_id()];
    assert!(ids.all!(|id| id == &registry.id()), EWrongCluster);
    assert!(audit_head.length() == DIGEST_LENGTH, EBadAuditHead);
    assert!(in_sync.length() <= seats::max(), ETooManyInSync);
    let now_ms = clock.timestamp_ms();
    let in_sync = in_sync.filter!(|host| registry.seat_of(*host).is_some());
    registry.lease_mut().renew(in_sync, now_ms);
    event::emit(HeartbeatEvent {
        registry: registry.log_head(),
        workers: workers.log_head(),
        staking: staking.log_head(),
        scheduler: scheduler.log_head(),
        epoch: registry.epoch(),
        term: registry.term(),
        state_version: registry.next_state_version(),
        anchor: registry.state().anchor(now_ms),
        audit_head,
        timestamp_ms: now_ms,
    });
}
