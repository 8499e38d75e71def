/// What an attestation document's `user_data` commits to. Other programs build the same bytes; one vector is asserted in both.
module daasvader::binding;

use std::bcs;
use std::hash;
use std::string::String;

/// A field has another length than its kind of value.
const EBadLength: u64 = 0;

const DOMAIN: vector<u8> = b"daasvader::binding::v2";
const VERSION: u8 = 2;
const HASH_LENGTH: u64 = 32;
const BOOT_ID_LENGTH: u64 = 16;

public struct Binding has copy, drop {
    version: u8,
    chain_id: String,
    package_id: address,
    cluster_id: address,
    operator: address,
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo.
    tls_spki_sha256: vector<u8>,
    /// SHA-256 of the DER of the CA certificate that the Kubernetes API chains to.
    ca_sha256: vector<u8>,
    /// X25519.
    hpke_public_key: vector<u8>,
    /// SHA-256 of the BCS of the Sui committee's (key, weight) pairs.
    committee_digest: vector<u8>,
    committee_epoch: u64,
    /// Random, new at each start.
    boot_id: vector<u8>,
    /// Addresses of pods and of Services, such as 10.42.0.0/16: the host names them, and every peer is to hear the same.
    cluster_cidr: String,
    service_cidr: String,
}

/// @throws `EBadLength`
public(package) fun new(
    chain_id: String,
    package_id: address,
    cluster_id: address,
    operator: address,
    tls_spki_sha256: vector<u8>,
    ca_sha256: vector<u8>,
    hpke_public_key: vector<u8>,
    committee_digest: vector<u8>,
    committee_epoch: u64,
    boot_id: vector<u8>,
    cluster_cidr: String,
    service_cidr: String,
): Binding {
    let hashes = vector[tls_spki_sha256, ca_sha256, hpke_public_key, committee_digest];
    assert!(hashes.all!(|hash| hash.length() == HASH_LENGTH), EBadLength);
    assert!(boot_id.length() == BOOT_ID_LENGTH, EBadLength);
    Binding {
        version: VERSION,
        chain_id,
        package_id,
        cluster_id,
        operator,
        tls_spki_sha256,
        ca_sha256,
        hpke_public_key,
        committee_digest,
        committee_epoch,
        boot_id,
        cluster_cidr,
        service_cidr,
    }
}

/// SHA-256(domain ‖ BCS(binding)).
public(package) fun user_data(binding: &Binding): vector<u8> {
    let mut message = DOMAIN;
    message.append(bcs::to_bytes(binding));
    hash::sha2_256(message)
}
