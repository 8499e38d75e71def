/// Whose cluster it is: the certificate authority that everybody's trust chains to.
module daasvader::identity;

use daasvader::enclave_registry::{Enclave, EnclaveRegistry};
use daasvader::event_log;
use daasvader::operator::Act;
use sui::clock::Clock;

/// The act is of another cluster.
const EWrongCluster: u64 = 0;
/// The enclave is not the one that acts.
const EWrongEnclave: u64 = 1;

public struct IdentitySetEvent has copy, drop {
    log_id: ID,
    seq: u64,
    /// SHA-256 of the DER of the CA certificate.
    ca_sha256: vector<u8>,
    /// The first of the state's key under this identity.
    generation: u64,
}

/// Makes the leader's CA the cluster's, where none is in effect; otherwise nothing happens, since nobody with another CA
/// leads. For the operator.
///
/// @throws `EWrongCluster`, `EWrongEnclave` and those of `gate::check`
public fun set_identity(registry: &mut EnclaveRegistry, act: &Act, enclave: &Enclave, clock: &Clock) {
    registry.assert_version();
    assert!(act.registry_id() == registry.id(), EWrongCluster);
    assert!(act.enclave_id() == object::id(enclave), EWrongEnclave);
    let now_ms = clock.timestamp_ms();
    if (registry.state().ca_sha256(now_ms).is_some()) return;
    let ca_sha256 = *enclave.ca_sha256();
    registry.state_mut().set_identity(ca_sha256, now_ms);
    let generation = registry.generation();
    let (log_id, seq) = registry.next_event();
    event_log::append!(registry.log_mut(), IdentitySetEvent { log_id, seq, ca_sha256, generation });
}
