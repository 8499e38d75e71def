/// What every transaction of the operator begins with.
///
/// A host can hold back what its enclave signed and let it go later. So the right to state anything is proven once for
/// each transaction: the sender operates the enclave that leads, in the term that it believes to lead in, and not after a
/// moment that it named itself. Every statement needs that proof, which ends with the transaction.
module daasvader::operator;

use daasvader::enclave_registry::{Enclave, EnclaveRegistry};
use sui::clock::Clock;

/// Another enclave leads, or none.
const ENotLeader: u64 = 0;
/// The enclave leads in another term.
const EWrongTerm: u64 = 1;
/// The transaction's last moment is over.
const ETooLate: u64 = 2;
/// The transaction's last moment is more than five minutes ahead.
const ETooFar: u64 = 3;

const MAX_AHEAD_MS: u64 = 300_000;

/// Proves to the functions of its transaction that the leader's operator sent it.
public struct Act has drop {
    /// The cluster that the enclave leads.
    registry_id: ID,
    enclave_id: ID,
    /// In whose seat the enclave is.
    host: address,
    term: u64,
}

/// Begins a transaction of the operator, which does nothing after `not_after_ms`.
///
/// @throws `ENotLeader`, `EWrongTerm`, `ETooLate`, `ETooFar`, `enclave_registry::EWrongCluster`,
/// `enclave_registry::ENotOperator`, `enclave_registry::ENotSeated`, `enclave_registry::ENotMeasured`,
/// `enclave_registry::EOldStateFormat` and those of `gate::check`
public fun act(
    registry: &EnclaveRegistry,
    enclave: &Enclave,
    term: u64,
    not_after_ms: u64,
    clock: &Clock,
    ctx: &TxContext,
): Act {
    registry.assert_version();
    let host = registry.assert_operator(enclave, clock, ctx);
    let enclave_id = object::id(enclave);
    assert!(registry.lease().is_led_by(enclave_id), ENotLeader);
    assert!(term == registry.term(), EWrongTerm);
    let now_ms = clock.timestamp_ms();
    assert!(now_ms <= not_after_ms, ETooLate);
    assert!(not_after_ms - now_ms <= MAX_AHEAD_MS, ETooFar);
    Act { registry_id: registry.id(), enclave_id, host, term }
}

/// The cluster that the act is for; every function of the operator compares it with its own.
public(package) fun registry_id(act: &Act): ID {
    act.registry_id
}

/// The enclave that leads.
public(package) fun enclave_id(act: &Act): ID {
    act.enclave_id
}

/// An act that nothing proved.
#[test_only]
public fun act_for_testing(registry_id: ID, enclave_id: ID, host: address, term: u64): Act {
    Act { registry_id, enclave_id, host, term }
}
