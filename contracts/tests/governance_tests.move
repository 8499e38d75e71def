#[test_only]
/// Every function of the admin: only the cluster's own admin calls it, and no package that is older than the registry.
module daasvader::governance_tests;

use daasvader::enclave_registry::{Self, AdminCap, Enclave, EnclaveRegistry};
use daasvader::fixture::{Self, Fixture, bytes, pcr};
use daasvader::gate;
use daasvader::identity;
use std::unit_test::destroy;
use sui::clock::Clock;

/// A cluster in which every function of the admin succeeds.
fun ready(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, cap, clock) = f.registry();
    identity::set_identity(registry, &act, &enclave, clock);
    registry.propose_upgrade(cap, bytes(32, 1), clock);
    (f, enclave)
}

/// The registry with the capability of another cluster.
macro fun foreign($call: |&mut EnclaveRegistry, &AdminCap, &Clock|) {
    let (mut f, enclave) = ready();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    $call(registry, cap, clock);
    other.end();
    f.end_all(enclave);
}

/// The registry as it is after a later package migrated it.
macro fun migrated($call: |&mut EnclaveRegistry, &AdminCap, &Clock|) {
    let (mut f, enclave) = ready();
    f.its_registry_mut().set_version_for_testing(gate::version() + 1);
    let (registry, cap, clock) = f.registry();
    $call(registry, cap, clock);
    f.end_all(enclave);
}

/// The registry as it is after the package was upgraded to this version.
macro fun upgraded($call: |&mut EnclaveRegistry, &AdminCap, &Clock|) {
    let (mut f, enclave) = ready();
    f.its_registry_mut().set_version_for_testing(gate::version() - 1);
    let (registry, cap, clock) = f.registry();
    $call(registry, cap, clock);
    f.end_all(enclave);
}

fun propose_measurement(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.propose_measurement(cap, b"v9".to_string(), pcr(9), pcr(2), pcr(3), bytes(32, 9), 1, clock);
}

fun retire_measurement(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.retire_measurement(cap, b"v1".to_string(), true, clock);
}

fun set_config(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.set_config(cap, fixture::chain_id(), @0x1, bytes(32, 7), 5, clock);
}

fun set_public_config(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    let none = b"".to_string();
    registry.set_public_config(cap, none, none, vector[], clock);
}

fun set_seal_config(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    let url = b"https://seal.example".to_string();
    registry.set_seal_config(cap, 1, vector[@0x1], vector[bytes(96, 1)], vector[url], clock);
}

fun set_market(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.set_market(cap, @0x77, clock);
}

fun appoint_host(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.appoint_host(cap, @0x5, clock);
}

fun revoke_seat(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.revoke_seat(cap, fixture::host(), clock);
}

fun begin_anew(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.begin_anew(cap, clock);
}

fun accept_state(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.accept_state(cap, 1, bytes(32, 1), clock);
}

fun propose_upgrade(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    registry.propose_upgrade(cap, bytes(32, 2), clock);
}

fun withdraw_upgrade(registry: &mut EnclaveRegistry, cap: &AdminCap, _clock: &Clock) {
    registry.withdraw_upgrade(cap);
}

fun authorize_upgrade(registry: &mut EnclaveRegistry, cap: &AdminCap, clock: &Clock) {
    destroy(registry.authorize_upgrade(cap, bytes(32, 1), clock));
}

#[test]
fun a_new_package_calls_propose_measurement_before_the_migration() {
    upgraded!(|registry, cap, clock| propose_measurement(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_proposes_no_image() {
    foreign!(|registry, cap, clock| propose_measurement(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_proposes_no_image() {
    migrated!(|registry, cap, clock| propose_measurement(registry, cap, clock))
}

#[test]
fun a_new_package_calls_retire_measurement_before_the_migration() {
    upgraded!(|registry, cap, clock| retire_measurement(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_retires_no_image() {
    foreign!(|registry, cap, clock| retire_measurement(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_retires_no_image() {
    migrated!(|registry, cap, clock| retire_measurement(registry, cap, clock))
}

#[test]
fun a_new_package_calls_set_config_before_the_migration() {
    upgraded!(|registry, cap, clock| set_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_configures_nothing() {
    foreign!(|registry, cap, clock| set_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_configures_nothing() {
    migrated!(|registry, cap, clock| set_config(registry, cap, clock))
}

#[test]
fun a_new_package_calls_set_public_config_before_the_migration() {
    upgraded!(|registry, cap, clock| set_public_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_makes_nothing_public() {
    foreign!(|registry, cap, clock| set_public_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_makes_nothing_public() {
    migrated!(|registry, cap, clock| set_public_config(registry, cap, clock))
}

#[test]
fun a_new_package_calls_set_seal_config_before_the_migration() {
    upgraded!(|registry, cap, clock| set_seal_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_chooses_no_key_servers() {
    foreign!(|registry, cap, clock| set_seal_config(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_chooses_no_key_servers() {
    migrated!(|registry, cap, clock| set_seal_config(registry, cap, clock))
}

#[test]
fun a_new_package_calls_set_market_before_the_migration() {
    upgraded!(|registry, cap, clock| set_market(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_sets_no_market() {
    foreign!(|registry, cap, clock| set_market(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_sets_no_market() {
    migrated!(|registry, cap, clock| set_market(registry, cap, clock))
}

#[test]
fun a_new_package_calls_appoint_host_before_the_migration() {
    upgraded!(|registry, cap, clock| appoint_host(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_appoints_nobody() {
    foreign!(|registry, cap, clock| appoint_host(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_appoints_nobody() {
    migrated!(|registry, cap, clock| appoint_host(registry, cap, clock))
}

#[test]
fun a_new_package_calls_revoke_seat_before_the_migration() {
    upgraded!(|registry, cap, clock| revoke_seat(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_revokes_no_seat() {
    foreign!(|registry, cap, clock| revoke_seat(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_revokes_no_seat() {
    migrated!(|registry, cap, clock| revoke_seat(registry, cap, clock))
}

#[test]
fun a_new_package_calls_begin_anew_before_the_migration() {
    upgraded!(|registry, cap, clock| begin_anew(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_begins_nothing_anew() {
    foreign!(|registry, cap, clock| begin_anew(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_begins_nothing_anew() {
    migrated!(|registry, cap, clock| begin_anew(registry, cap, clock))
}

#[test]
fun a_new_package_calls_accept_state_before_the_migration() {
    upgraded!(|registry, cap, clock| accept_state(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_accepts_no_state() {
    foreign!(|registry, cap, clock| accept_state(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_accepts_no_state() {
    migrated!(|registry, cap, clock| accept_state(registry, cap, clock))
}

#[test]
fun a_new_package_calls_propose_upgrade_before_the_migration() {
    upgraded!(|registry, cap, clock| propose_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_proposes_no_upgrade() {
    foreign!(|registry, cap, clock| propose_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_proposes_no_upgrade() {
    migrated!(|registry, cap, clock| propose_upgrade(registry, cap, clock))
}

#[test]
fun a_new_package_calls_withdraw_upgrade_before_the_migration() {
    upgraded!(|registry, cap, clock| withdraw_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_withdraws_no_upgrade() {
    foreign!(|registry, cap, clock| withdraw_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_withdraws_no_upgrade() {
    migrated!(|registry, cap, clock| withdraw_upgrade(registry, cap, clock))
}

#[test]
fun a_new_package_calls_authorize_upgrade_before_the_migration() {
    upgraded!(|registry, cap, clock| authorize_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_authorizes_no_upgrade() {
    foreign!(|registry, cap, clock| authorize_upgrade(registry, cap, clock))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_authorizes_no_upgrade() {
    migrated!(|registry, cap, clock| authorize_upgrade(registry, cap, clock))
}

#[test]
fun the_admin_migrates_the_registry_once_the_package_is_upgraded() {
    upgraded!(|registry, cap, _clock| {
        registry.migrate(cap);
        assert!(registry.is_current());
    })
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun a_registry_that_was_migrated_is_not_migrated_again() {
    upgraded!(|registry, cap, _clock| {
        registry.migrate(cap);
        registry.migrate(cap);
    })
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_migrates_nothing() {
    foreign!(|registry, cap, _clock| registry.migrate(cap))
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_migrates_nothing() {
    migrated!(|registry, cap, _clock| registry.migrate(cap))
}
