/// Attestation documents of AWS Nitro Enclaves.
module sui::nitro_attestation;

use sui::clock::Clock;

#[allow(unused_const)]
/// This network does not verify documents.
const ENotSupportedError: u64 = 0;
#[allow(unused_const)]
/// The document cannot be parsed.
const EParseError: u64 = 1;
#[allow(unused_const)]
/// Signature, certificates or time are wrong.
const EVerifyError: u64 = 2;
#[allow(unused_const)]
/// The list of PCRs is not one that a Nitro hypervisor makes.
const EInvalidPCRsError: u64 = 3;

public struct PCREntry has drop {
    index: u8,
    value: vector<u8>,
}

/// A verified document.
public struct NitroAttestationDocument has drop {
    module_id: vector<u8>,
    /// Milliseconds since 1970.
    timestamp: u64,
    digest: vector<u8>,
    pcrs: vector<PCREntry>,
    public_key: Option<vector<u8>>,
    user_data: Option<vector<u8>>,
    nonce: Option<vector<u8>>,
}

/// Verifies a document at the clock's time.
entry fun load_nitro_attestation(attestation: vector<u8>, clock: &Clock): NitroAttestationDocument {
    load_nitro_attestation_internal(&attestation, clock.timestamp_ms())
}

public fun module_id(attestation: &NitroAttestationDocument): &vector<u8> {
    &attestation.module_id
}

public fun timestamp(attestation: &NitroAttestationDocument): &u64 {
    &attestation.timestamp
}

public fun digest(attestation: &NitroAttestationDocument): &vector<u8> {
    &attestation.digest
}

public fun pcrs(attestation: &NitroAttestationDocument): &vector<PCREntry> {
    &attestation.pcrs
}

public fun public_key(attestation: &NitroAttestationDocument): &Option<vector<u8>> {
    &attestation.public_key
}

public fun user_data(attestation: &NitroAttestationDocument): &Option<vector<u8>> {
    &attestation.user_data
}

public fun nonce(attestation: &NitroAttestationDocument): &Option<vector<u8>> {
    &attestation.nonce
}

public fun index(entry: &PCREntry): u8 {
    entry.index
}

public fun value(entry: &PCREntry): &vector<u8> {
    &entry.value
}

native fun load_nitro_attestation_internal(
    attestation: &vector<u8>,
    current_timestamp: u64,
): NitroAttestationDocument;
