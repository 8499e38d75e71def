#[test_only]
/// What an admin configures: what is refused, and that it waits. That nobody else does is in `governance_tests`.
module daasvader::config_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, bytes};
use daasvader::public_config;
use daasvader::seal_config;
use std::string::String;
use std::unit_test::assert_eq;

const DELAY_MS: u64 = 8 * 86_400_000;

fun set_public(f: &mut Fixture, domain: vector<u8>, directory: vector<u8>, root: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.set_public_config(cap, domain.to_string(), directory.to_string(), root, clock);
}

fun set_seal(f: &mut Fixture, threshold: u8, ids: vector<address>, keys: vector<vector<u8>>, urls: vector<String>) {
    let (registry, cap, clock) = f.registry();
    registry.set_seal_config(cap, threshold, ids, keys, urls, clock);
}

/// So many good servers.
fun set_servers(f: &mut Fixture, threshold: u8, count: u64) {
    let (mut ids, mut keys, mut urls) = (vector[], vector[], vector[]);
    count.do!(|index| {
        ids.push_back(sui::address::from_u256((index + 1) as u256));
        keys.push_back(bytes(96, 1));
        urls.push_back(b"https://seal.example".to_string());
    });
    set_seal(f, threshold, ids, keys, urls);
}

/// Two servers, of which the second has this key and URL.
fun set_second(f: &mut Fixture, key: vector<u8>, url: vector<u8>) {
    let urls = vector[b"https://seal.example".to_string(), url.to_string()];
    set_seal(f, 1, vector[@0x1, @0x2], vector[bytes(96, 1), key], urls);
}

fun set_config(f: &mut Fixture, chain_id: vector<u8>, committee_digest: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.set_config(cap, chain_id.to_string(), @0x1, committee_digest, 5, clock);
}

#[test]
fun what_is_public_may_be_empty_or_as_long_as_a_name() {
    let mut f = fixture::empty();
    set_public(&mut f, b"", b"", b"");
    set_public(&mut f, bytes(253, 97), bytes(253, 97), bytes(4_096, 1));
    f.end();
}

#[test, expected_failure(abort_code = public_config::ETextTooLong)]
fun a_longer_domain_is_refused() {
    let mut f = fixture::empty();
    set_public(&mut f, bytes(254, 97), b"", b"");
    abort
}

#[test, expected_failure(abort_code = public_config::ETextTooLong)]
fun a_longer_directory_is_refused() {
    let mut f = fixture::empty();
    set_public(&mut f, b"", bytes(254, 97), b"");
    abort
}

#[test, expected_failure(abort_code = public_config::ERootTooLarge)]
fun a_larger_root_is_refused() {
    let mut f = fixture::empty();
    set_public(&mut f, b"", b"", bytes(4_097, 1));
    abort
}

#[test]
fun one_server_or_sixteen_guard_the_keys() {
    let mut f = fixture::empty();
    set_servers(&mut f, 1, 1);
    set_servers(&mut f, 16, 16);
    f.end();
}

#[test, expected_failure(abort_code = seal_config::EBadServers)]
fun seventeen_servers_are_refused() {
    let mut f = fixture::empty();
    set_servers(&mut f, 9, 17);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadServers)]
fun no_server_is_refused() {
    let mut f = fixture::empty();
    set_servers(&mut f, 0, 0);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadServers)]
fun a_server_without_a_key_is_refused() {
    let mut f = fixture::empty();
    let url = b"https://seal.example".to_string();
    set_seal(&mut f, 1, vector[@0x1, @0x2], vector[bytes(96, 1)], vector[url, url]);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadServers)]
fun a_server_without_a_url_is_refused() {
    let mut f = fixture::empty();
    let url = b"https://seal.example".to_string();
    set_seal(&mut f, 1, vector[@0x1, @0x2], vector[bytes(96, 1), bytes(96, 2)], vector[url]);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadThreshold)]
fun a_threshold_of_zero_is_refused() {
    let mut f = fixture::empty();
    set_servers(&mut f, 0, 3);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadThreshold)]
fun a_threshold_that_is_never_reached_is_refused() {
    let mut f = fixture::empty();
    set_servers(&mut f, 4, 3);
    abort
}

/// Or one server could reach a threshold of two.
#[test, expected_failure(abort_code = seal_config::EServerListed)]
fun a_server_is_listed_once() {
    let mut f = fixture::empty();
    let url = b"https://seal.example".to_string();
    set_seal(&mut f, 2, vector[@0x1, @0x1], vector[bytes(96, 1), bytes(96, 2)], vector[url, url]);
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadPublicKey)]
fun an_empty_key_is_refused() {
    let mut f = fixture::empty();
    set_second(&mut f, b"", b"https://seal.example");
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadPublicKey)]
fun a_key_larger_than_a_point_is_refused() {
    let mut f = fixture::empty();
    set_second(&mut f, bytes(193, 1), b"https://seal.example");
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadUrl)]
fun an_empty_url_is_refused() {
    let mut f = fixture::empty();
    set_second(&mut f, bytes(96, 1), b"");
    abort
}

#[test, expected_failure(abort_code = seal_config::EBadUrl)]
fun a_longer_url_is_refused() {
    let mut f = fixture::empty();
    set_second(&mut f, bytes(96, 1), bytes(254, 97));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EBadConfig)]
fun an_empty_chain_id_is_refused() {
    let mut f = fixture::empty();
    set_config(&mut f, b"", bytes(32, 7));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EBadConfig)]
fun a_chain_id_of_65_bytes_is_refused() {
    let mut f = fixture::empty();
    set_config(&mut f, bytes(65, 97), bytes(32, 7));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EBadConfig)]
fun a_committee_digest_of_another_length_is_refused() {
    let mut f = fixture::empty();
    set_config(&mut f, b"chain", bytes(31, 7));
    abort
}

/// Enclaves register with the old configuration until the new one is due.
#[test]
fun another_configuration_waits_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    f.advance(DELAY_MS);
    set_config(&mut f, b"another", bytes(32, 8));
    f.advance(DELAY_MS - 1);
    let enclave = f.registered(fixture::operator(), 70);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun another_configuration_counts_after_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    f.advance(DELAY_MS);
    set_config(&mut f, b"another", bytes(32, 8));
    f.advance(DELAY_MS);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

/// Whoever chooses the key servers chooses who opens the state, also the first time.
#[test]
fun what_is_configured_waits_the_delay_also_the_first_time() {
    let mut f = fixture::with_delay(DELAY_MS);
    set_servers(&mut f, 1, 1);
    set_public(&mut f, b"apps.example", b"", b"");
    let (registry, cap, clock) = f.registry();
    registry.set_market(cap, @0x77, clock);
    f.advance(DELAY_MS - 1);
    assert_configured(&mut f, false);
    f.advance(1);
    assert_configured(&mut f, true);
    f.end();
}

fun assert_configured(f: &mut Fixture, is_expected: bool) {
    let (registry, _, clock) = f.registry();
    let now_ms = clock.timestamp_ms();
    assert_eq!(registry.seal_config_for_testing(now_ms).is_some(), is_expected);
    assert_eq!(registry.market_for_testing(now_ms) == option::some(@0x77.to_id()), is_expected);
    let none = b"".to_string();
    let apps = public_config::new(b"apps.example".to_string(), none, vector[]);
    assert_eq!(registry.public_config_for_testing(now_ms) == option::some(apps), is_expected);
}
