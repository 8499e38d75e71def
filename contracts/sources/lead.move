/// Which of the seated enclaves is the operator. The chain arbitrates, so there is never more than one.
module daasvader::lead;

use daasvader::enclave_registry::{Enclave, EnclaveRegistry};
use daasvader::event_log;
use daasvader::operator::Act;
use sui::clock::Clock;

/// The lead was taken since, or the expected term is not reached.
const EWrongTerm: u64 = 0;
/// An enclave in another seat leads, and its lease is not over or this host has not everything.
const ELedByAnother: u64 = 1;
/// The enclave leads.
const EAlreadyLeads: u64 = 2;
/// The act is of another cluster.
const EWrongCluster: u64 = 3;

public struct LeadTakenEvent has copy, drop {
    log_id: ID,
    seq: u64,
    enclave_id: ID,
    host: address,
    term: u64,
}

public struct LeadGivenUpEvent has copy, drop {
    log_id: ID,
    seq: u64,
    /// The term that ended.
    term: u64,
}

/// Makes a seated enclave the leader, if the term is still the one that it saw. At once where nobody leads and for the
/// next occupant of the leader's own seat; from another seat when the lease is over and the last heartbeat said that this
/// host has everything. For the enclave's operator.
///
/// @throws `EWrongTerm`, `EAlreadyLeads`, `ELedByAnother`, `enclave_registry::EWrongCluster`,
/// `enclave_registry::ENotOperator`, `enclave_registry::ENotSeated`, `enclave_registry::ENotMeasured`,
/// `enclave_registry::EOldStateFormat`, `enclave_registry::EWrongCa` and those of `gate::check`
public fun take_lead(
    registry: &mut EnclaveRegistry,
    enclave: &Enclave,
    expected_term: u64,
    clock: &Clock,
    ctx: &TxContext,
) {
    registry.assert_version();
    let host = registry.assert_operator(enclave, clock, ctx);
    let now_ms = clock.timestamp_ms();
    registry.assert_ca(enclave.ca_sha256(), now_ms);
    let enclave_id = object::id(enclave);
    assert!(expected_term == registry.term(), EWrongTerm);
    assert!(!registry.lease().is_led_by(enclave_id), EAlreadyLeads);
    assert!(registry.lease().is_open_to(host, now_ms), ELedByAnother);
    registry.lease_mut().take(host, enclave_id, now_ms);
    // From now on the state is written in this image's format, which older ones do not read.
    let format = registry.state_format_of(enclave, now_ms).destroy_some();
    registry.state_mut().raise_format(format);
    let term = registry.term();
    let (log_id, seq) = registry.next_event();
    event_log::append!(registry.log_mut(), LeadTakenEvent { log_id, seq, enclave_id, host, term });
}

/// Ends the lead, so that another seated enclave can take it at once. For the operator.
///
/// @throws `EWrongCluster` and those of `gate::check`
public fun give_up_lead(registry: &mut EnclaveRegistry, act: &Act) {
    registry.assert_version();
    assert!(act.registry_id() == registry.id(), EWrongCluster);
    if (!registry.lease().is_led_by(act.enclave_id())) return;
    registry.lease_mut().give_up();
    let term = registry.term();
    let (log_id, seq) = registry.next_event();
    event_log::append!(registry.log_mut(), LeadGivenUpEvent { log_id, seq, term });
}
