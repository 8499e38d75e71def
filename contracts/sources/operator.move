/// The right to state what is so, for the rest of one transaction.
module daasvader::operator;

use daasvader::enclave_registry::{Enclave, EnclaveRegistry};
use sui::clock::Clock;

/// The act's last moment is over.
const ETooLate: u64 = 0;
/// The act's last moment is more than five minutes ahead.
const ETooFar: u64 = 1;

const MAX_AHEAD_MS: u64 = 300_000;

/// Proves to the calls of its transaction that the leader's operator sent it.
public struct Act has drop {
    registry_id: ID,
    enclave_id: ID,
    host: address,
    term: u64,
}

/// Begins a transaction of the operator.
public fun act(
    registry: &EnclaveRegistry,
    enclave: &Enclave,
    term: u64,
    not_after_ms: u64,
    clock: &Clock,
    ctx: &TxContext,
): Act {
    registry.assert_operator(enclave, clock, ctx);
    let now_ms = clock.timestamp_ms();
    assert!(now_ms <= not_after_ms, ETooLate);
    assert!(not_after_ms <= now_ms + MAX_AHEAD_MS, ETooFar);
    Act {
        registry_id: registry.id(),
        enclave_id: object::id(enclave),
        host: registry.leading_host().destroy_some(),
        term,
    }
}

/// The cluster that the act is for; every function of the operator compares it with its own.
public(package) fun registry_id(act: &Act): ID {
    act.registry_id
}

#[test_only]
/// An act that nothing proved.
public fun act_for_testing(registry_id: ID, enclave_id: ID, host: address, term: u64): Act {
    Act { registry_id, enclave_id, host, term }
}
