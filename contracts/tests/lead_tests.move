#[test_only]
/// Which seated enclave leads, and when another may.
module daasvader::lead_tests;

use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fixture::{Self, Fixture, by, bytes};
use daasvader::heartbeat;
use daasvader::identity;
use daasvader::lead;
use std::unit_test::{assert_eq, destroy};

const STRANGER: address = @0x5;
const SECOND_HOST: address = @0xB06;
const LEASE_MS: u64 = 60_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

/// A cluster whose first enclave leads, and another of `STRANGER` in a second seat.
fun two(): (Fixture, Enclave, Enclave) {
    let (mut f, first) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, SECOND_HOST, clock);
    let second = f.registered(STRANGER, 70);
    f.seat(&second, SECOND_HOST);
    (f, first, second)
}

fun beat(f: &mut Fixture, leader: &Enclave, in_sync: vector<address>) {
    let act = f.act(leader);
    let (registry, workers, staking, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), in_sync, clock);
}

fun give_up(f: &mut Fixture, leader: &Enclave) {
    let act = f.act(leader);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
}

fun take(f: &mut Fixture, enclave: &Enclave, expected_term: u64) {
    let (registry, _, clock) = f.registry();
    lead::take_lead(registry, enclave, expected_term, clock, &by(STRANGER, 71));
}

fun assert_leads(f: &mut Fixture, enclave: &Enclave, host: address, term: u64) {
    let (registry, _, _) = f.registry();
    assert_eq!(registry.leader(), option::some(object::id(enclave)));
    assert_eq!(registry.leading_host(), option::some(host));
    assert_eq!(registry.term(), term);
}

fun end(f: Fixture, first: Enclave, second: Enclave) {
    destroy(second);
    f.end_all(first);
}

#[test]
fun the_first_occupant_of_any_seat_takes_the_lead_at_once() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, fixture::host());
    take(&mut f, &enclave, 0);
    assert_leads(&mut f, &enclave, fixture::host(), 1);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = lead::EWrongTerm)]
fun a_term_that_is_not_reached_is_not_expected() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, fixture::host());
    take(&mut f, &enclave, 1);
    abort
}

#[test, expected_failure(abort_code = lead::EWrongTerm)]
fun no_term_is_too_great_to_be_compared() {
    let (mut f, _first, second) = two();
    take(&mut f, &second, MAX_U64);
    abort
}

/// Compare and set: of two who saw the lead vacant only one gets it.
#[test, expected_failure(abort_code = lead::EWrongTerm)]
fun of_two_that_take_a_vacant_lead_the_second_is_refused() {
    let (mut f, first, second) = two();
    give_up(&mut f, &first);
    take(&mut f, &second, 1);
    let (registry, _, clock) = f.registry();
    lead::take_lead(registry, &first, 1, clock, &by(fixture::operator(), 72));
    abort
}

#[test, expected_failure(abort_code = lead::EAlreadyLeads)]
fun the_leader_does_not_take_the_lead_again() {
    let (mut f, enclave) = fixture::seated();
    f.advance(LEASE_MS + 1);
    f.lead(&enclave, fixture::operator());
    abort
}

/// Its epoch has fenced off the old one, which can state nothing any more.
#[test]
fun a_new_occupant_of_the_leaders_seat_takes_the_lead_at_once() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    f.seat(&second, fixture::host());
    take(&mut f, &second, 1);
    assert_leads(&mut f, &second, fixture::host(), 2);
    f.act_by(&second, STRANGER);
    end(f, first, second);
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun another_seat_does_not_take_the_lead_while_the_lease_lasts() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[SECOND_HOST]);
    f.advance(LEASE_MS);
    take(&mut f, &second, 1);
    abort
}

#[test]
fun a_seat_in_sync_takes_the_lead_after_the_lease() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[fixture::host(), SECOND_HOST]);
    f.advance(LEASE_MS + 1);
    take(&mut f, &second, 1);
    assert_leads(&mut f, &second, SECOND_HOST, 2);
    end(f, first, second);
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun each_heartbeat_begins_the_lease_again() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[SECOND_HOST]);
    f.advance(LEASE_MS);
    beat(&mut f, &first, vector[SECOND_HOST]);
    f.advance(LEASE_MS);
    take(&mut f, &second, 1);
    abort
}

/// It lacks what others were told.
#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun a_seat_out_of_sync_never_takes_the_lead_from_another() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[fixture::host()]);
    f.advance(1_000 * LEASE_MS);
    take(&mut f, &second, 1);
    abort
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun only_the_last_heartbeat_tells_who_is_in_sync() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[SECOND_HOST]);
    beat(&mut f, &first, vector[]);
    f.advance(LEASE_MS + 1);
    take(&mut f, &second, 1);
    abort
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun before_the_first_heartbeat_no_other_seat_is_in_sync() {
    let (mut f, _first, second) = two();
    f.advance(LEASE_MS + 1);
    take(&mut f, &second, 1);
    abort
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun a_host_that_is_appointed_again_is_not_in_sync_from_before() {
    let (mut f, first, second) = two();
    beat(&mut f, &first, vector[SECOND_HOST]);
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, SECOND_HOST, clock);
    registry.appoint_host(cap, SECOND_HOST, clock);
    let third = f.registered(STRANGER, 73);
    f.seat(&third, SECOND_HOST);
    f.advance(LEASE_MS + 1);
    take(&mut f, &third, 1);
    destroy(second);
    abort
}

#[test, expected_failure(abort_code = lead::ELedByAnother)]
fun a_host_that_has_no_seat_yet_is_not_in_sync() {
    let (mut f, first) = fixture::seated();
    beat(&mut f, &first, vector[SECOND_HOST]);
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, SECOND_HOST, clock);
    let second = f.registered(STRANGER, 70);
    f.seat(&second, SECOND_HOST);
    f.advance(LEASE_MS + 1);
    take(&mut f, &second, 1);
    abort
}

#[test]
fun another_seat_takes_the_lead_at_once_where_it_was_given_up() {
    let (mut f, first, second) = two();
    give_up(&mut f, &first);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.leader(), option::none());
    take(&mut f, &second, 1);
    assert_leads(&mut f, &second, SECOND_HOST, 2);
    end(f, first, second);
}

#[test]
fun another_seat_takes_the_lead_at_once_where_the_leaders_was_revoked() {
    let (mut f, first, second) = two();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, fixture::host(), clock);
    take(&mut f, &second, 1);
    assert_leads(&mut f, &second, SECOND_HOST, 2);
    end(f, first, second);
}

#[test]
fun the_lead_is_given_up_once() {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    let head = registry.log_head();
    lead::give_up_lead(registry, &act);
    assert_eq!(registry.log_head(), head);
    f.end_all(enclave);
}

/// An act outlives its lead within its transaction; it does not end the lead of another.
#[test]
fun the_lead_of_another_is_not_given_up() {
    let (mut f, first, second) = two();
    let act = f.act(&first);
    give_up(&mut f, &first);
    take(&mut f, &second, 1);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    assert_leads(&mut f, &second, SECOND_HOST, 2);
    end(f, first, second);
}

#[test, expected_failure(abort_code = lead::EWrongCluster)]
fun an_act_of_another_cluster_gives_up_nothing() {
    let (mut f, _first) = fixture::seated();
    let (other, enclave) = fixture::other_seated();
    let act = other.act(&enclave);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    abort
}

#[test]
fun whoever_takes_the_lead_raises_the_format_of_the_state() {
    let (mut f, first) = fixture::seated();
    f.propose(b"v2", 9, 2);
    let second = f.registered_as(STRANGER, 9, fixture::ca(), 70);
    f.seat(&second, fixture::host());
    let (registry, _, _) = f.registry();
    assert_eq!(registry.state().format(), 1);
    take(&mut f, &second, 1);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.state().format(), 2);
    end(f, first, second);
}

/// It took its seat when the state was still of its format.
#[test, expected_failure(abort_code = enclave_registry::EOldStateFormat)]
fun a_seated_enclave_that_does_not_read_the_state_does_not_take_the_lead() {
    let (mut f, first, older) = two();
    f.propose(b"v2", 9, 2);
    let newer = f.registered_as(STRANGER, 9, fixture::ca(), 72);
    f.seat(&newer, fixture::host());
    take(&mut f, &newer, 1);
    let act = f.act_by(&newer, STRANGER);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    take(&mut f, &older, 2);
    destroy(first);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCa)]
fun an_enclave_with_another_ca_does_not_take_the_lead() {
    let (mut f, first) = fixture::seated();
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, SECOND_HOST, clock);
    let second = f.registered_as(STRANGER, 1, fixture::ca() + 1, 70);
    f.seat(&second, SECOND_HOST);
    let act = f.act(&first);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, &first, clock);
    lead::give_up_lead(registry, &act);
    take(&mut f, &second, 1);
    abort
}
