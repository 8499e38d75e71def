#[test_only]
/// Which images may be proposed, when they are admitted and when no more.
module daasvader::measurement_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, bytes, pcr};
use daasvader::measurement;
use std::unit_test::destroy;

const DELAY_MS: u64 = 8 * 86_400_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

fun propose_as(f: &mut Fixture, version: vector<u8>, pcr0: vector<u8>, pcr2: vector<u8>, release_digest: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, version.to_string(), pcr0, pcr(2), pcr2, release_digest, 1, clock);
}

fun retire(f: &mut Fixture, version: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, version.to_string(), false, clock);
}

fun propose_many(f: &mut Fixture, count: u8) {
    let mut i = 0u8;
    while (i < count) {
        f.propose(vector[97 + i], 100 + i, MAX_U64);
        i = i + 1;
    }
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun a_measurement_is_not_in_effect_before_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    f.advance(DELAY_MS - 1);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

#[test]
fun a_measurement_is_in_effect_after_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    f.advance(DELAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    f.end_all(enclave);
}

#[test]
fun two_measurements_overlap() {
    let mut f = fixture::configured();
    f.propose(b"v2", 9, 1);
    let old = f.registered(fixture::operator(), 70);
    let new = f.registered_as(fixture::operator(), 9, fixture::ca(), 71);
    destroy(old);
    f.end_all(new);
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_image_that_was_retired_is_admitted_no_more() {
    let mut f = fixture::configured();
    retire(&mut f, b"v1");
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

/// Or whoever knows of a flaw would have the delay to use it.
#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_image_is_retired_without_delay_and_before_it_is_admitted() {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    retire(&mut f, b"v1");
    f.advance(DELAY_MS);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_image_that_turns_out_to_be_compromised_is_retired_again() {
    let mut f = fixture::configured();
    retire(&mut f, b"v1");
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), true, clock);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

#[test]
fun a_retired_image_is_proposed_again_under_another_version() {
    let mut f = fixture::configured();
    retire(&mut f, b"v1");
    f.propose(b"v2", 1, 1);
    let enclave = f.registered(fixture::operator(), 70);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = measurement::EVersionTaken)]
fun a_version_is_proposed_once() {
    let mut f = fixture::configured();
    f.propose(b"v1", 9, 1);
    abort
}

#[test, expected_failure(abort_code = measurement::EVersionTaken)]
fun a_version_that_was_retired_is_proposed_no_more() {
    let mut f = fixture::configured();
    retire(&mut f, b"v1");
    f.propose(b"v1", 9, 1);
    abort
}

/// Under two versions an image would survive the retirement of one.
#[test, expected_failure(abort_code = measurement::EImageListed)]
fun an_image_is_listed_once() {
    let mut f = fixture::configured();
    f.propose(b"v2", 1, 1);
    abort
}

#[test, expected_failure(abort_code = measurement::EBadPcr)]
fun a_pcr0_of_another_length_is_refused() {
    let mut f = fixture::empty();
    propose_as(&mut f, b"v1", bytes(47, 1), pcr(3), bytes(32, 9));
    abort
}

#[test, expected_failure(abort_code = measurement::EBadPcr)]
fun a_pcr2_of_another_length_is_refused() {
    let mut f = fixture::empty();
    propose_as(&mut f, b"v1", pcr(1), bytes(49, 1), bytes(32, 9));
    abort
}

#[test, expected_failure(abort_code = measurement::EDebugMode)]
fun a_zero_pcr0_is_refused() {
    let mut f = fixture::empty();
    propose_as(&mut f, b"v1", pcr(0), pcr(3), bytes(32, 9));
    abort
}

#[test, expected_failure(abort_code = measurement::EBadDigest)]
fun a_release_digest_of_another_length_is_refused() {
    let mut f = fixture::empty();
    propose_as(&mut f, b"v1", pcr(1), pcr(3), bytes(33, 9));
    abort
}

#[test, expected_failure(abort_code = measurement::EBadVersion)]
fun an_empty_version_is_refused() {
    let mut f = fixture::empty();
    f.propose(b"", 1, 1);
    abort
}

#[test, expected_failure(abort_code = measurement::EBadVersion)]
fun a_version_of_65_bytes_is_refused() {
    let mut f = fixture::empty();
    f.propose(bytes(65, 97), 1, 1);
    abort
}

#[test, expected_failure(abort_code = measurement::EUnknownVersion)]
fun an_unknown_version_is_not_retired() {
    let mut f = fixture::configured();
    retire(&mut f, b"v9");
    abort
}

#[test, expected_failure(abort_code = measurement::ETooManyMeasurements)]
fun no_more_than_16_measurements_are_in_use() {
    let mut f = fixture::empty();
    propose_many(&mut f, 17);
    abort
}

#[test]
fun a_retired_measurement_makes_room() {
    let mut f = fixture::empty();
    propose_many(&mut f, 16);
    retire(&mut f, b"c");
    f.propose(b"new", 9, 1);
    f.end();
}
