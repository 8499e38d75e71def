#[test_only]
/// What a cluster is made of, and what it is not made with.
module daasvader::cluster_tests;

use daasvader::cluster;
use daasvader::enclave_registry;
use daasvader::fixture::{Self, by, bytes};
use daasvader::public_config;
use daasvader::upgrades;
use std::unit_test::assert_eq;
use sui::package::{Self, UpgradeCap};

const DAY_MS: u64 = 86_400_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

fun own_cap(): UpgradeCap {
    package::test_publish(@daasvader.to_id(), &mut by(@0xA, 1))
}

fun create(cap: UpgradeCap, delay_ms: u64, cluster_cidr: vector<u8>, service_cidr: vector<u8>, domain: vector<u8>) {
    cluster::create_cluster(
        cap,
        delay_ms,
        cluster_cidr.to_string(),
        service_cidr.to_string(),
        domain.to_string(),
        b"https://acme.example/directory".to_string(),
        b"",
        &mut by(@0xA, 2),
    );
}

fun create_with_cap(cap: UpgradeCap) {
    create(cap, 0, b"10.42.0.0/16", b"10.43.0.0/16", b"apps.example");
}

fun create_with_delay(delay_ms: u64) {
    create(own_cap(), delay_ms, b"10.42.0.0/16", b"10.43.0.0/16", b"apps.example");
}

#[test]
fun a_cluster_is_made_with_the_cap_of_its_package() {
    create_with_cap(own_cap())
}

#[test]
fun a_cluster_may_have_no_domain_for_applications() {
    create(own_cap(), 0, b"10.42.0.0/16", b"10.43.0.0/16", b"")
}

#[test]
fun the_log_begins_with_the_cluster_and_its_public_configuration() {
    let f = fixture::empty();
    let (_, seq) = f.its_registry().next_event();
    assert_eq!(seq, 3);
    f.end();
}

#[test, expected_failure(abort_code = upgrades::EWrongUpgradeCap)]
fun the_cap_of_another_package_is_refused() {
    create_with_cap(package::test_publish(@0xDAA5.to_id(), &mut by(@0xA, 1)))
}

/// Whoever restricted it wants no compatible upgrades: the cluster could never make one.
#[test, expected_failure(abort_code = upgrades::EWrongUpgradeCap)]
fun a_cap_that_permits_only_additions_is_refused() {
    let mut cap = own_cap();
    cap.only_additive_upgrades();
    create_with_cap(cap)
}

#[test, expected_failure(abort_code = upgrades::EWrongUpgradeCap)]
fun a_cap_that_permits_only_other_dependencies_is_refused() {
    let mut cap = own_cap();
    cap.only_dep_upgrades();
    create_with_cap(cap)
}

#[test]
fun a_delay_is_zero_or_longer_than_stake_takes_to_leave() {
    create_with_delay(0);
    create_with_delay(7 * DAY_MS + 1);
    create_with_delay(90 * DAY_MS);
}

#[test, expected_failure(abort_code = enclave_registry::EDelayTooShort)]
fun a_delay_in_which_stake_cannot_leave_is_refused() {
    create_with_delay(7 * DAY_MS)
}

#[test, expected_failure(abort_code = enclave_registry::EDelayTooShort)]
fun a_delay_of_a_moment_is_refused() {
    create_with_delay(1)
}

#[test, expected_failure(abort_code = enclave_registry::EDelayTooLong)]
fun a_delay_of_more_than_90_days_is_refused() {
    create_with_delay(90 * DAY_MS + 1)
}

#[test, expected_failure(abort_code = enclave_registry::EDelayTooLong)]
fun no_delay_is_too_long_to_be_refused() {
    create_with_delay(MAX_U64)
}

#[test, expected_failure(abort_code = enclave_registry::EBadRange)]
fun an_empty_range_of_pods_is_refused() {
    create(own_cap(), 0, b"", b"10.43.0.0/16", b"")
}

#[test, expected_failure(abort_code = enclave_registry::EBadRange)]
fun a_longer_range_of_services_is_refused() {
    create(own_cap(), 0, b"10.42.0.0/16", bytes(254, 49), b"")
}

#[test, expected_failure(abort_code = public_config::ETextTooLong)]
fun a_longer_domain_is_refused() {
    create(own_cap(), 0, b"10.42.0.0/16", b"10.43.0.0/16", bytes(254, 97))
}

#[test, expected_failure(abort_code = public_config::ERootTooLarge)]
fun a_larger_root_is_refused() {
    let none = b"".to_string();
    cluster::create_cluster(
        own_cap(),
        0,
        fixture::cluster_cidr(),
        fixture::service_cidr(),
        none,
        none,
        bytes(4_097, 1),
        &mut by(@0xA, 2),
    );
}
