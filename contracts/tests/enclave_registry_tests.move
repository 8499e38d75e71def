#[test_only]
/// What a document must say so that an enclave is registered, and when the enclave is deleted.
module daasvader::enclave_registry_tests;

use daasvader::binding;
use daasvader::enclave_registry::{Self, Enclave, EnclaveKeys, Pcr};
use daasvader::fixture::{Self, Fixture, by, bytes, pcr, pcrs};
use std::string::String;
use std::unit_test::assert_eq;

const STRANGER: address = @0x5;
const WEEK_MS: u64 = 7 * 86_400_000;

/// One entry of this is spoiled by each test of a refusal.
public struct Attempt has drop {
    age_ms: u64,
    ahead_ms: u64,
    pcrs: vector<Pcr>,
    bound_operator: address,
    bound_ranges: vector<String>,
    keys: EnclaveKeys,
    nonce: Option<vector<u8>>,
}

fun good(): Attempt {
    Attempt {
        age_ms: 0,
        ahead_ms: 0,
        pcrs: pcrs(pcr(1), pcr(2), pcr(3)),
        bound_operator: fixture::operator(),
        bound_ranges: vector[fixture::cluster_cidr(), fixture::service_cidr()],
        keys: fixture::keys(fixture::ca()),
        nonce: option::none(),
    }
}

/// Registers as `operator` with evidence that is valid but for what the attempt changes.
fun try(f: &mut Fixture, attempt: Attempt): Enclave {
    let ctx = &mut by(fixture::operator(), 50);
    let Attempt { age_ms, ahead_ms, pcrs, bound_operator, bound_ranges, keys, nonce } = attempt;
    let (registry, _, clock) = f.registry();
    let user_data = fixture::user_data_in(
        registry.id(),
        bound_operator,
        fixture::ca(),
        bound_ranges[0],
        bound_ranges[1],
    );
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

fun try_good(attempt: Attempt) {
    let mut f = fixture::configured();
    let enclave = try(&mut f, attempt);
    f.end_all(enclave);
}

fun close(f: &mut Fixture, enclave: Enclave, sender: address) {
    let (registry, _, clock) = f.registry();
    registry.close_enclave(enclave, clock, &by(sender, 61));
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
fun a_key_of_another_length_is_refused() {
    let mut attempt = good();
    attempt.keys = enclave_registry::keys_for_testing(bytes(31, 4), bytes(32, 5), bytes(32, 6), bytes(16, 8));
    try_good(attempt);
}

#[test, expected_failure(abort_code = binding::EBadLength)]
fun a_boot_id_of_another_length_is_refused() {
    let mut attempt = good();
    attempt.keys = enclave_registry::keys_for_testing(bytes(32, 4), bytes(32, 5), bytes(32, 6), bytes(17, 8));
    try_good(attempt);
}

#[test]
fun anybody_opens_a_registration_and_closes_it() {
    let mut f = fixture::empty();
    let (registry, _, _) = f.registry();
    registry.open_registration(&mut by(STRANGER, 1));
    let ticket = registry.new_ticket(&mut by(STRANGER, 2));
    enclave_registry::close_ticket(ticket);
    f.end();
}

#[test]
fun a_genuine_document_registers() {
    try_good(good())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongNonce)]
fun a_document_for_another_ticket_is_refused() {
    let mut attempt = good();
    attempt.nonce = option::some(bytes(32, 1));
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_operator_is_refused() {
    let mut attempt = good();
    attempt.bound_operator = STRANGER;
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_ca_is_refused() {
    let mut attempt = good();
    attempt.keys = fixture::keys(fixture::ca() + 1);
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_range_of_pods_is_refused() {
    let mut attempt = good();
    attempt.bound_ranges = vector[b"10.44.0.0/16".to_string(), fixture::service_cidr()];
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongUserData)]
fun a_document_bound_to_another_range_of_services_is_refused() {
    let mut attempt = good();
    attempt.bound_ranges = vector[fixture::cluster_cidr(), b"10.44.0.0/16".to_string()];
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun a_document_with_other_pcrs_is_refused() {
    let mut attempt = good();
    attempt.pcrs = pcrs(pcr(1), pcr(2), pcr(9));
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EDebugMode)]
fun a_document_of_debug_mode_is_refused() {
    let mut attempt = good();
    attempt.pcrs = pcrs(pcr(0), pcr(2), pcr(3));
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EMissingPcr)]
fun a_document_without_a_pcr_is_refused() {
    let mut attempt = good();
    attempt.pcrs.pop_back();
    try_good(attempt);
}

#[test]
fun pcrs_are_found_by_index_wherever_they_stand() {
    let mut attempt = good();
    attempt.pcrs.reverse();
    attempt.pcrs.insert(enclave_registry::pcr_for_testing(8, pcr(1)), 0);
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EMissingPcr)]
fun the_position_of_a_pcr_means_nothing() {
    let mut attempt = good();
    // A list without its zero PCR0, as some protocol versions give it.
    attempt.pcrs = vector[
        enclave_registry::pcr_for_testing(1, pcr(1)),
        enclave_registry::pcr_for_testing(2, pcr(2)),
        enclave_registry::pcr_for_testing(3, pcr(3)),
    ];
    try_good(attempt);
}

#[test]
fun a_document_of_five_minutes_is_accepted() {
    let mut attempt = good();
    attempt.age_ms = 300_000;
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EDocumentTooOld)]
fun an_older_document_is_refused() {
    let mut attempt = good();
    attempt.age_ms = 300_001;
    try_good(attempt);
}

#[test]
fun clocks_may_differ_by_half_a_minute() {
    let mut attempt = good();
    attempt.ahead_ms = 30_000;
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::EDocumentFromFuture)]
fun a_document_from_the_future_is_refused() {
    let mut attempt = good();
    attempt.ahead_ms = 30_001;
    try_good(attempt);
}

#[test, expected_failure(abort_code = enclave_registry::ENoConfig)]
fun nobody_registers_before_a_configuration_is_set() {
    let mut f = fixture::empty();
    f.propose(b"v1", 1, 1);
    let _enclave = f.registered(fixture::operator(), 70);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun a_ticket_of_another_cluster_is_refused() {
    let mut other = fixture::other();
    let ctx = &mut by(fixture::operator(), 90);
    let (registry, _, _) = other.registry();
    let ticket = registry.new_ticket(ctx);
    let mut f = fixture::configured();
    let evidence = enclave_registry::evidence_for_testing(
        0, pcrs(pcr(1), pcr(2), pcr(3)), option::none(), option::none(),
    );
    let (registry, _, clock) = f.registry();
    let _enclave = registry.register(ticket, evidence, fixture::keys(5), clock, ctx);
    abort
}

#[test]
fun an_enclave_registers_with_the_clusters_ca() {
    let (mut f, first) = with_identity();
    let second = f.registered(STRANGER, 70);
    std::unit_test::destroy(second);
    f.end_all(first);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCa)]
fun an_enclave_that_made_another_ca_is_not_registered() {
    let (mut f, _first) = with_identity();
    let _second = f.registered_as(STRANGER, 1, fixture::ca() + 1, 70);
    abort
}

fun with_identity(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, _, clock) = f.registry();
    daasvader::identity::set_identity(registry, &act, &enclave, clock);
    (f, enclave)
}

#[test]
fun its_operator_deletes_an_enclave_at_once() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 70);
    close(&mut f, enclave, fixture::operator());
    f.end();
}

#[test]
fun anybody_deletes_an_enclave_after_a_week() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 70);
    f.advance(WEEK_MS);
    close(&mut f, enclave, STRANGER);
    f.end();
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun nobody_else_deletes_an_enclave_before() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 70);
    f.advance(WEEK_MS - 1);
    close(&mut f, enclave, STRANGER);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ESeated)]
fun an_enclave_in_a_seat_is_not_deleted() {
    let (mut f, enclave) = fixture::seated();
    f.advance(WEEK_MS);
    close(&mut f, enclave, fixture::operator());
    abort
}

#[test]
fun an_enclave_that_was_replaced_is_deleted() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    f.seat(&second, fixture::host());
    close(&mut f, first, fixture::operator());
    f.end_all(second);
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_is_not_deleted() {
    let mut f = fixture::configured();
    let (_other, enclave) = fixture::other_seated();
    close(&mut f, enclave, fixture::operator());
    abort
}
