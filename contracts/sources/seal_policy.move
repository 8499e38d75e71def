/// Who gets the keys of the sealed state from Seal's key servers: they run `seal_approve` before they answer.
module daasvader::seal_policy;

use daasvader::enclave_registry::{Enclave, EnclaveRegistry};
use sui::clock::Clock;

/// The registry has another version than this package: an old policy must not outlive its repair.
const ENotCurrent: u64 = 0;
/// The id is not the cluster's id and a generation.
const EWrongId: u64 = 1;
/// The generation is neither that of the anchor nor the next one when that is due.
const EWrongGeneration: u64 = 2;

const GENERATION_LENGTH: u64 = 8;

/// Passes for the operator of an enclave seated in this cluster whose image may act. `id` is the cluster's id (32 bytes)
/// and the generation (big endian, 8 bytes): the one that the state is sealed under, or the next one when it is due. An
/// older one is refused: no enclave that follows the chain needs it.
///
/// @throws `ENotCurrent`, `EWrongId`, `EWrongGeneration`, `enclave_registry::EWrongCluster`,
/// `enclave_registry::ENotOperator`, `enclave_registry::ENotSeated`, `enclave_registry::ENotMeasured`,
/// `enclave_registry::EOldStateFormat`
public(package) entry fun seal_approve(
    id: vector<u8>,
    registry: &EnclaveRegistry,
    enclave: &Enclave,
    clock: &Clock,
    ctx: &TxContext,
) {
    assert!(registry.is_current(), ENotCurrent);
    registry.assert_operator(enclave, clock, ctx);
    let generation = generation_in(&id, registry.id());
    let now_ms = clock.timestamp_ms();
    let state = registry.state();
    assert!(state.ca_sha256(now_ms).is_some(), EWrongGeneration);
    let is_next = state.is_turn_due(now_ms) && generation == state.generation() + 1;
    assert!(is_next || generation == state.generation(), EWrongGeneration);
}

/// Reads the generation after the cluster's id.
fun generation_in(id: &vector<u8>, cluster_id: ID): u64 {
    let prefix = cluster_id.to_bytes();
    let start = prefix.length();
    assert!(id.length() == start + GENERATION_LENGTH, EWrongId);
    start.do!(|index| assert!(id[index] == prefix[index], EWrongId));
    let mut generation = 0;
    GENERATION_LENGTH.do!(|index| {
        generation = (generation << 8) | (id[start + index] as u64);
    });
    generation
}
