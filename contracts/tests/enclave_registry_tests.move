#[test_only]
module daasvader::enclave_registry_tests;

use daasvader::binding;
use daasvader::enclave_registry::{Self, Enclave, EnclaveKeys, EnclaveRegistry, Pcr};
use daasvader::fixture::{Self, Fixture, by, bytes, pcr, pcrs};
use daasvader::measurement;
use std::unit_test::{assert_eq, destroy};

const STRANGER: address = @0x5;
const DAY_MS: u64 = 86_400_000;

/// One entry of this is spoiled by each test of a refusal.
public struct Attempt has drop {
    age_ms: u64,
    ahead_ms: u64,
    pcrs: vector<Pcr>,
    bound_operator: address,
    keys: EnclaveKeys,
    nonce: Option<vector<u8>>,
}

fun good(): Attempt {
    Attempt {
        age_ms: 0,
        ahead_ms: 0,
        pcrs: pcrs(pcr(1), pcr(2), pcr(3)),
        bound_operator: fixture::operator(),
        keys: fixture::keys(),
        nonce: option::none(),
    }
}

/// Registers as `operator` with evidence that is valid but for what the attempt changes.
fun try(f: &mut Fixture, attempt: Attempt): Enclave {
    let ctx = &mut by(fixture::operator(), 50);
    let Attempt { age_ms, ahead_ms, pcrs, bound_operator, keys, nonce } = attempt;
    let user_data = f.user_data(bound_operator);
    let (registry, _, clock) = f.registry();
    let ticket = registry.new_ticket(ctx);
    let own_nonce = ticket.ticket_nonce();
    let evidence = enclave_registry::evidence_for_testing(
        clock.timestamp_ms() + ahead_ms - age_ms,
        pcrs,
        option::some(user_data),
        option::some(nonce.destroy_or!(own_nonce)),
    );
    registry.register(ticket, evidence, keys, clock, ctx)
}

fun seat(registry: &mut EnclaveRegistry, enclave: &Enclave, f_clock: &sui::clock::Clock, sender: address) {
    registry.take_seat(enclave, f_clock, &by(sender, 60));
}

#[test]
fun binding_has_the_bytes_of_the_shared_vector() {
    let binding = binding::new(
        fixture::chain_id(),
        @0x1111111111111111111111111111111111111111111111111111111111111111,
        @0x2222222222222222222222222222222222222222222222222222222222222222,
        @0x3333333333333333333333333333333333333333333333333333333333333333,
        bytes(32, 0x44),
        bytes(32, 0x55),
        bytes(32, 0x66),
        bytes(32, 0x77),
        0x0102030405060708,
        bytes(16, 0x88),
        fixture::cluster_cidr(),
        fixture::service_cidr(),
    );
    assert_eq!(
        binding.user_data(),
        x"af5d7cc58d7bf6d2cea86e40c05cbec66752c23af0110d0f506d35b2cc7489fc",
    );
}

#[test, expected_failure(abort_code = binding::EBadLength)]
fun binding_refuses_a_short_hash() {
    let short = bytes(31, 1);
    let hash = bytes(32, 1);
    let range = fixture::cluster_cidr();
    binding::new(
        fixture::chain_id(), @0x1, @0x2, @0x3, short, hash, hash, hash, 1, bytes(16, 1), range, range,
    );
}

#[test, expected_failure(abort_code = binding::EBadLength)]
fun binding_refuses_a_long_boot_id() {
    let hash = bytes(32, 1);
    let range = fixture::cluster_cidr();
    binding::new(
        fixture::chain_id(), @0x1, @0x2, @0x3, hash, hash, hash, hash, 1, bytes(17, 1), range, range,
    );
}

#[test]
fun a_cluster_goes_from_registration_to_the_seat() {
    let (mut f, enclave) = fixture::seated();
    let (registry, _, clock) = f.registry();
    assert_eq!(registry.seat(), option::some(object::id(&enclave)));
    assert_eq!(registry.epoch(), 1);
    registry.assert_operator(&enclave, clock, &by(fixture::operator(), 9));
    f.end_all(enclave);
}

#[test]
fun entry_functions_create_a_cluster_and_a_ticket() {
    enclave_registry::create_cluster(0, &mut by(@0xA, 0));
    let mut f = fixture::empty();
    let (registry, _, _) = f.registry();
    registry.open_registration(&mut by(STRANGER, 1));
    f.end();
}

#[test, expected_failure(abort_code = enclave_registry::EDelayTooLong)]
fun a_delay_of_more_than_90_days_is_refused() {
    enclave_registry::create_cluster(91 * DAY_MS, &mut by(@0xA, 0));
}

#[test]
fun anyone_may_register_but_only_the_seat_operates() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.seat(), option::some(object::id(&first)));
    destroy(second);
    f.end_all(first);
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_registered_enclave_that_is_not_seated_is_no_operator() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    registry.assert_operator(&enclave, clock, &by(STRANGER, 71));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun another_sender_is_no_operator() {
    let (mut f, enclave) = fixture::seated();
    let (registry, _, clock) = f.registry();
    registry.assert_operator(&enclave, clock, &by(STRANGER, 71));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_is_no_operator() {
    let (_f, enclave) = fixture::seated();
    let (mut other, _other_enclave) = other_cluster();
    let (registry, _, clock) = other.registry();
    registry.assert_operator(&enclave, clock, &by(fixture::operator(), 71));
    abort
}

/// A second cluster, whose ids differ because its transactions do.
fun other_cluster(): (Fixture, Enclave) {
    let mut f = fixture::other();
    f.configure();
    let enclave = f.registered(fixture::operator(), 80);
    let (registry, _, clock) = f.registry();
    registry.take_seat(&enclave, clock, &by(fixture::host(), 81));
    (f, enclave)
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_operator_whose_measurement_was_retired_is_none() {
    let (mut f, enclave) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), clock);
    registry.assert_operator(&enclave, clock, &by(fixture::operator(), 71));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_operator_whose_seat_was_revoked_is_none() {
    let (mut f, enclave) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    registry.assert_operator(&enclave, clock, &by(fixture::operator(), 71));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_new_enclave_in_the_seat_fences_off_the_old_one() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    seat(registry, &second, clock, fixture::host());
    assert_eq!(registry.epoch(), 2);
    registry.assert_operator(&second, clock, &by(STRANGER, 71));
    registry.assert_operator(&first, clock, &by(fixture::operator(), 72));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun only_the_host_seats() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, STRANGER);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun nobody_seats_before_a_host_is_appointed() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v1".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    registry.set_config(cap, fixture::chain_id(), @0xDAA5, bytes(32, 7), 4, clock);
    let enclave = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_is_not_seated_twice() {
    let (mut f, enclave) = fixture::seated();
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, fixture::host());
    abort
}

/// Or what it signed in its first time, held back by the host, would count in its second.
#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_that_was_replaced_is_not_seated_again() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    seat(registry, &second, clock, fixture::host());
    seat(registry, &first, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_older_than_the_seated_one_is_not_seated() {
    let mut f = fixture::configured();
    let older = f.registered(fixture::operator(), 70);
    let newer = f.registered(STRANGER, 71);
    let (registry, _, clock) = f.registry();
    seat(registry, &newer, clock, fixture::host());
    seat(registry, &older, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_whose_seat_was_revoked_is_not_seated_again() {
    let (mut f, enclave) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    registry.appoint_host(cap, fixture::host(), clock);
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_enclave_whose_measurement_was_retired_is_not_seated() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), clock);
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_is_not_seated() {
    let (_other, enclave) = other_cluster();
    let mut f = fixture::configured();
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_dismissed_host_does_not_seat() {
    let (mut f, enclave) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test]
fun after_a_revocation_a_new_host_waits_the_delay() {
    let mut f = fixture::with_delay(DAY_MS);
    f.configure();
    f.advance(DAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    registry.appoint_host(cap, fixture::host(), clock);
    f.advance(DAY_MS);
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, fixture::host());
    assert_eq!(registry.epoch(), 2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_host_appointed_after_a_revocation_does_not_seat_early() {
    let mut f = fixture::with_delay(DAY_MS);
    f.configure();
    f.advance(DAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    registry.appoint_host(cap, fixture::host(), clock);
    f.advance(DAY_MS - 1);
    let (registry, _, clock) = f.registry();
    seat(registry, &enclave, clock, fixture::host());
    abort
}

#[test]
fun the_old_host_seats_until_the_new_one_is_due() {
    let mut f = fixture::with_delay(DAY_MS);
    f.configure();
    f.advance(DAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, STRANGER, clock);
    seat(registry, &enclave, clock, fixture::host());
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun a_measurement_is_not_in_effect_before_the_delay() {
    let mut f = fixture::with_delay(DAY_MS);
    f.configure();
    f.advance(DAY_MS - 1);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

#[test]
fun two_measurements_overlap() {
    let mut f = fixture::configured();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v2".to_string(), pcr(9), pcr(2), pcr(3), clock, &by(@0xA, 1));
    let enclave = try(&mut f, {
        let mut attempt = good();
        attempt.pcrs = pcrs(pcr(9), pcr(2), pcr(3));
        attempt
    });
    let other = try(&mut f, good());
    destroy(other);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongNonce)]
fun a_document_for_another_ticket_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.nonce = option::some(bytes(32, 1));
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_operator_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.bound_operator = STRANGER;
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_range_of_pods_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.keys = fixture::keys_in(b"10.44.0.0/16".to_string(), fixture::service_cidr());
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_range_of_services_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.keys = fixture::keys_in(fixture::cluster_cidr(), b"10.44.0.0/16".to_string());
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun a_document_with_other_pcrs_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.pcrs = pcrs(pcr(1), pcr(2), pcr(9));
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EDebugMode)]
fun a_document_of_debug_mode_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.pcrs = pcrs(pcr(0), pcr(2), pcr(3));
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EMissingPcr)]
fun a_document_without_a_pcr_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.pcrs.pop_back();
        attempt
    });
    abort
}

#[test]
fun a_document_of_five_minutes_is_accepted() {
    let mut f = fixture::configured();
    let enclave = try(&mut f, {
        let mut attempt = good();
        attempt.age_ms = 300_000;
        attempt
    });
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::EDocumentTooOld)]
fun an_older_document_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.age_ms = 300_001;
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EDocumentFromFuture)]
fun a_document_from_the_future_is_refused() {
    let mut f = fixture::configured();
    let _enclave = try(&mut f, {
        let mut attempt = good();
        attempt.ahead_ms = 30_001;
        attempt
    });
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENoConfig)]
fun nobody_registers_before_a_configuration_is_set() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v1".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    let _enclave = try(&mut f, good());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun a_ticket_of_another_cluster_is_refused() {
    let (mut other, _other_enclave) = other_cluster();
    let ctx = &mut by(fixture::operator(), 90);
    let (registry, _, _) = other.registry();
    let ticket = registry.new_ticket(ctx);
    let mut f = fixture::configured();
    let evidence = enclave_registry::evidence_for_testing(
        0, pcrs(pcr(1), pcr(2), pcr(3)), option::none(), option::none(),
    );
    let (registry, _, clock) = f.registry();
    let _enclave = registry.register(ticket, evidence, fixture::keys(), clock, ctx);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_proposes_nothing() {
    let (mut other, _enclave) = other_cluster();
    let mut f = fixture::configured();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    registry.propose_measurement(cap, b"v2".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_retires_nothing() {
    let (mut other, _enclave) = other_cluster();
    let mut f = fixture::configured();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), clock);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_configures_nothing() {
    let (mut other, _enclave) = other_cluster();
    let mut f = fixture::configured();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    registry.set_config(cap, fixture::chain_id(), @0x1, bytes(32, 7), 4, clock);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_appoints_nobody() {
    let (mut other, _enclave) = other_cluster();
    let mut f = fixture::configured();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    registry.appoint_host(cap, STRANGER, clock);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_revokes_nothing() {
    let (mut other, _enclave) = other_cluster();
    let mut f = fixture::configured();
    let (_, cap, _) = other.registry();
    let (registry, _, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EBadConfig)]
fun a_committee_digest_of_another_length_is_refused() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.set_config(cap, fixture::chain_id(), @0x1, bytes(31, 7), 4, clock);
    abort
}

#[test, expected_failure(abort_code = measurement::EBadPcr)]
fun a_pcr_of_another_length_is_refused() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v1".to_string(), pcr(1), bytes(47, 2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test, expected_failure(abort_code = measurement::EDebugMode)]
fun a_zero_pcr0_is_refused() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v1".to_string(), pcr(0), pcr(2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test, expected_failure(abort_code = measurement::EVersionTaken)]
fun a_version_is_proposed_once() {
    let mut f = fixture::configured();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v1".to_string(), pcr(9), pcr(2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test, expected_failure(abort_code = measurement::EImageListed)]
fun an_image_is_listed_once() {
    let mut f = fixture::configured();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v2".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test]
fun a_retired_image_is_proposed_again_under_another_version() {
    let mut f = fixture::configured();
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), clock);
    registry.propose_measurement(cap, b"v2".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    f.end();
}

#[test]
fun pcrs_are_found_by_index_wherever_they_stand() {
    let mut f = fixture::configured();
    let mut attempt = good();
    attempt.pcrs.reverse();
    attempt.pcrs.insert(enclave_registry::pcr_for_testing(8, pcr(1)), 0);
    let enclave = try(&mut f, attempt);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::EMissingPcr)]
fun the_position_of_a_pcr_means_nothing() {
    let mut f = fixture::configured();
    let mut attempt = good();
    // A list without its zero PCR0, as some protocol versions give it.
    attempt.pcrs = vector[
        enclave_registry::pcr_for_testing(1, pcr(1)),
        enclave_registry::pcr_for_testing(2, pcr(2)),
        enclave_registry::pcr_for_testing(3, pcr(3)),
    ];
    let _enclave = try(&mut f, attempt);
    abort
}

#[test, expected_failure(abort_code = measurement::EBadVersion)]
fun an_empty_version_is_refused() {
    let mut f = fixture::empty();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"".to_string(), pcr(1), pcr(2), pcr(3), clock, &by(@0xA, 1));
    abort
}

#[test, expected_failure(abort_code = measurement::EUnknownVersion)]
fun an_unknown_version_is_not_retired() {
    let mut f = fixture::configured();
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v9".to_string(), clock);
    abort
}

fun propose_many(f: &mut Fixture, count: u8) {
    let mut i = 0u8;
    while (i < count) {
        let (registry, cap, clock) = f.registry();
        let version = vector[97 + i].to_string();
        registry.propose_measurement(cap, version, pcr(100 + i), pcr(2), pcr(3), clock, &by(@0xA, 1));
        i = i + 1;
    }
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
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"c".to_string(), clock);
    registry.propose_measurement(cap, b"new".to_string(), pcr(9), pcr(2), pcr(3), clock, &by(@0xA, 1));
    f.end();
}
