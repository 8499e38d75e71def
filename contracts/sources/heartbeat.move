/// The operator's sign of life. Its certified effects prove how far every log has come, so that old state cannot be
/// served as new.
module daasvader::heartbeat;

use daasvader::enclave_registry::EnclaveRegistry;
use daasvader::event_log::LogHead;
use daasvader::k8s_scheduler::Scheduler;
use daasvader::operator::Act;
use daasvader::staking::StakingPool;
use daasvader::worker_registry::WorkerRegistry;
use sui::clock::Clock;
use sui::event;

/// The objects belong to different clusters.
const EWrongCluster: u64 = 0;
/// The audit head is not 32 bytes.
const EBadAuditHead: u64 = 1;

const DIGEST_LENGTH: u64 = 32;

/// Belongs to no log itself.
public struct HeartbeatEvent has copy, drop {
    registry: LogHead,
    workers: LogHead,
    staking: LogHead,
    scheduler: LogHead,
    epoch: u64,
    state_version: u64,
    /// Head of the enclave's own chain of audit records.
    audit_head: vector<u8>,
    timestamp_ms: u64,
}

/// States the heads of all logs as of now. For the operator.
///
/// @throws `EWrongCluster`, `EBadAuditHead`
public fun heartbeat(
    registry: &mut EnclaveRegistry,
    act: &Act,
    workers: &WorkerRegistry,
    staking: &StakingPool,
    scheduler: &Scheduler,
    audit_head: vector<u8>,
    clock: &Clock,
) {
        let id = registry.id();
    assert!(act.registry_id() == id, EWrongCluster);
    let ids = vector[workers.cluster_id(), staking.cluster_id(), scheduler.cluster_id()];
    assert!(ids.all!(|cluster_id| cluster_id == &id), EWrongCluster);
    assert!(audit_head.length() == DIGEST_LENGTH, EBadAuditHead);
    event::emit(HeartbeatEvent {
        registry: registry.log_head(),
        workers: workers.log_head(),
        staking: staking.log_head(),
        scheduler: scheduler.log_head(),
        epoch: registry.epoch(),
        state_version: registry.next_state_version(),
        audit_head,
        timestamp_ms: clock.timestamp_ms(),
    });
}
