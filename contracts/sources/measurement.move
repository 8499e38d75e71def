/// Which images may be the control plane, and when.
module daasvader::measurement;

use std::string::String;

/// A PCR is not 48 bytes.
const EBadPcr: u64 = 0;
/// PCR0 is zero: the enclave runs in debug mode.
const EDebugMode: u64 = 1;
/// There is a measurement of that version.
const EVersionTaken: u64 = 2;
/// There is no measurement of that version.
const EUnknownVersion: u64 = 3;
/// Too many measurements are in use.
const ETooManyMeasurements: u64 = 4;
/// The version is empty or longer than 64 bytes.
const EBadVersion: u64 = 5;
/// Another measurement that is not retired has the same PCRs.
const EImageListed: u64 = 6;
/// The release's digest is not 32 bytes.
const EBadDigest: u64 = 7;

const PCR_LENGTH: u64 = 48;
const DIGEST_LENGTH: u64 = 32;
const MAX_MEASUREMENTS: u64 = 16;
const MAX_VERSION_LENGTH: u64 = 64;

public struct Measurement has copy, drop, store {
    version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    /// SHA-256 of the release that the image comes with.
    release_digest: vector<u8>,
    /// The newest format of sealed state that the image reads; it writes that one.
    state_format: u64,
    effective_at_ms: u64,
    /// From then on the image is no longer admitted.
    retire_at_ms: Option<u64>,
    /// Whether it was retired because what it keeps may be known to others.
    is_compromised: bool,
}

/// @throws `EBadVersion`, `EBadPcr`, `EDebugMode`, `EBadDigest`
public(package) fun new(
    version: String,
    pcr0: vector<u8>,
    pcr1: vector<u8>,
    pcr2: vector<u8>,
    release_digest: vector<u8>,
    state_format: u64,
    effective_at_ms: u64,
): Measurement {
    assert!(!version.is_empty() && version.length() <= MAX_VERSION_LENGTH, EBadVersion);
    assert!(vector[pcr0, pcr1, pcr2].all!(|pcr| pcr.length() == PCR_LENGTH), EBadPcr);
    assert!(!is_zero(&pcr0), EDebugMode);
    assert!(release_digest.length() == DIGEST_LENGTH, EBadDigest);
    Measurement {
        version,
        pcr0,
        pcr1,
        pcr2,
        release_digest,
        state_format,
        effective_at_ms,
        retire_at_ms: option::none(),
        is_compromised: false,
    }
}

/// Adds a measurement; retired ones make room when the list is full, the oldest first.
///
/// @throws `EVersionTaken`, `EImageListed`, `ETooManyMeasurements`
public(package) fun add(list: &mut vector<Measurement>, measurement: Measurement, now_ms: u64) {
    assert!(find(list, &measurement.version).is_none(), EVersionTaken);
    // Under two versions an image would survive the retirement of one.
    assert!(!list.any!(|old| !old.is_retired(now_ms) && old.has_pcrs_of(&measurement)), EImageListed);
    if (list.length() == MAX_MEASUREMENTS) {
        let retired = list.find_index!(|old| old.is_retired(now_ms));
        assert!(retired.is_some(), ETooManyMeasurements);
        list.remove(retired.destroy_some());
    };
    list.push_back(measurement);
}

/// Ends a measurement now. Ending it again changes nothing but that it may turn out to be compromised.
///
/// @throws `EUnknownVersion`
public(package) fun retire(list: &mut vector<Measurement>, version: &String, compromised: bool, now_ms: u64) {
    let index = find(list, version);
    assert!(index.is_some(), EUnknownVersion);
    let measurement = &mut list[index.destroy_some()];
    if (!measurement.is_retired(now_ms)) measurement.retire_at_ms = option::some(now_ms);
    measurement.is_compromised = measurement.is_compromised || compromised;
}

/// The measurement in effect with these PCRs, if there is one.
public(package) fun in_effect(
    list: &vector<Measurement>,
    pcr0: &vector<u8>,
    pcr1: &vector<u8>,
    pcr2: &vector<u8>,
    now_ms: u64,
): Option<Measurement> {
    let index = list.find_index!(
        |m| m.is_in_effect(now_ms) && &m.pcr0 == pcr0 && &m.pcr1 == pcr1 && &m.pcr2 == pcr2,
    );
    index.map!(|at| list[at])
}

public(package) fun version(self: &Measurement): String {
    self.version
}

public(package) fun state_format(self: &Measurement): u64 {
    self.state_format
}

fun has_pcrs_of(self: &Measurement, other: &Measurement): bool {
    self.pcr0 == other.pcr0 && self.pcr1 == other.pcr1 && self.pcr2 == other.pcr2
}

fun find(list: &vector<Measurement>, version: &String): Option<u64> {
    list.find_index!(|m| &m.version == version)
}

fun is_in_effect(self: &Measurement, now_ms: u64): bool {
    self.effective_at_ms <= now_ms && !self.is_retired(now_ms)
}

fun is_retired(self: &Measurement, now_ms: u64): bool {
    self.retire_at_ms.is_some_and!(|at| *at <= now_ms)
}

fun is_zero(bytes: &vector<u8>): bool {
    bytes.all!(|byte| *byte == 0)
}
