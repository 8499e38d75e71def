/// How far the sealed state has come for good: an enclave that finds older state knows that it was served old state.
module daasvader::anchor;

use daasvader::enclave_registry::EnclaveRegistry;
use daasvader::operator::Act;
use sui::clock::Clock;

/// The act is of another cluster.
const EWrongCluster: u64 = 0;
/// The cluster has no identity in effect.
const ENoIdentity: u64 = 1;
/// The digest is not 32 bytes.
const EBadDigest: u64 = 2;
/// The generation is neither that of the anchor nor the next one when that is due.
const EWrongGeneration: u64 = 3;
/// The position is before the anchor's.
const EAnchorBack: u64 = 4;
/// The position is the anchor's and the digest another.
const EOtherDigest: u64 = 5;

const DIGEST_LENGTH: u64 = 32;

/// States that the sealed state up to `position` is durable, with the digest over it and its size in bytes. The next
/// generation of its key begins with the anchor of a base image under it. For the operator.
///
/// @throws `EWrongCluster`, `ENoIdentity`, `EBadDigest`, `EWrongGeneration`, `EAnchorBack`, `EOtherDigest` and those of
/// `gate::check`
public fun anchor_state(
    registry: &mut EnclaveRegistry,
    act: &Act,
    generation: u64,
    position: u64,
    digest: vector<u8>,
    bytes: u64,
    clock: &Clock,
) {
    registry.assert_version();
    assert!(act.registry_id() == registry.id(), EWrongCluster);
    let now_ms = clock.timestamp_ms();
    assert!(registry.state().ca_sha256(now_ms).is_some(), ENoIdentity);
    assert!(digest.length() == DIGEST_LENGTH, EBadDigest);
    let state = registry.state_mut();
    state.settle(now_ms);
    let turns = generation != state.generation();
    let may_turn = state.is_turn_due(now_ms) && generation == state.generation() + 1;
    assert!(!turns || may_turn, EWrongGeneration);
    state.anchor(now_ms).do!(|anchor| {
        assert!(position >= anchor.position(), EAnchorBack);
        assert!(turns || position > anchor.position() || digest == anchor.digest(), EOtherDigest);
    });
    if (turns) state.turn(now_ms);
    state.move_anchor(position, digest, bytes);
}
