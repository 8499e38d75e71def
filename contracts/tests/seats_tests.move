#[test_only]
/// Who fills a seat, with which enclave, and how a seat is lost.
module daasvader::seats_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture};
use daasvader::seats;
use std::unit_test::{assert_eq, destroy};

const STRANGER: address = @0x5;
const SECOND_HOST: address = @0xB06;
const DELAY_MS: u64 = 8 * 86_400_000;

fun appoint(f: &mut Fixture, host: address) {
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, host, clock);
}

fun revoke(f: &mut Fixture, host: address) {
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, host, clock);
}

/// A cluster with a delay, whose first host and measurement are in effect.
fun delayed(): Fixture {
    let mut f = fixture::with_delay(DELAY_MS);
    f.configure();
    f.advance(DELAY_MS);
    f
}

#[test]
fun a_cluster_goes_from_registration_to_the_seat() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 70);
    let other = f.registered(STRANGER, 71);
    f.seat(&enclave, fixture::host());
    let (registry, _, _) = f.registry();
    assert_eq!(registry.seat_of(fixture::host()), option::some(object::id(&enclave)));
    assert_eq!(registry.seat_of(STRANGER), option::none());
    assert_eq!(registry.epoch(), 1);
    destroy(other);
    f.end_all(enclave);
}

#[test]
fun each_host_fills_its_own_seat() {
    let (mut f, first) = fixture::seated();
    appoint(&mut f, SECOND_HOST);
    let second = f.registered(STRANGER, 70);
    f.seat(&second, SECOND_HOST);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.seat_of(fixture::host()), option::some(object::id(&first)));
    assert_eq!(registry.seat_of(SECOND_HOST), option::some(object::id(&second)));
    assert_eq!(registry.epoch(), 2);
    destroy(second);
    f.end_all(first);
}

#[test]
fun a_host_seats_the_enclave_that_it_paid_for() {
    let mut f = fixture::configured();
    let enclave = f.registered_at(fixture::host(), fixture::operator(), 70);
    f.seat(&enclave, fixture::host());
    let (registry, _, _) = f.registry();
    assert_eq!(registry.seat_of(fixture::host()), option::some(object::id(&enclave)));
    f.end_all(enclave);
}

/// Its fees would go to the wrong host, and the right one could not seat it any more.
#[test, expected_failure(abort_code = enclave_registry::EOtherHost)]
fun a_host_does_not_seat_the_enclave_of_another() {
    let mut f = fixture::configured();
    appoint(&mut f, SECOND_HOST);
    let enclave = f.registered_at(fixture::host(), fixture::operator(), 70);
    f.seat(&enclave, SECOND_HOST);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun only_a_host_seats() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, STRANGER);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun nobody_seats_before_a_host_is_appointed() {
    let mut f = fixture::empty();
    f.propose(b"v1", 1, 1);
    let (registry, cap, clock) = f.registry();
    registry.set_config(cap, fixture::chain_id(), @0xDAA5, fixture::bytes(32, 7), 4, clock);
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_is_not_seated_twice() {
    let (mut f, enclave) = fixture::seated();
    f.seat(&enclave, fixture::host());
    abort
}

/// Or what it signed in its first time, held back by the host, would count in its second.
#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_that_was_replaced_is_not_seated_again() {
    let (mut f, first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    f.seat(&second, fixture::host());
    f.seat(&first, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_is_not_moved_to_another_seat() {
    let (mut f, enclave) = fixture::seated();
    appoint(&mut f, SECOND_HOST);
    f.seat(&enclave, SECOND_HOST);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_older_than_any_seated_one_is_not_seated() {
    let mut f = fixture::configured();
    appoint(&mut f, SECOND_HOST);
    let older = f.registered(fixture::operator(), 70);
    let newer = f.registered(STRANGER, 71);
    f.seat(&newer, fixture::host());
    f.seat(&older, SECOND_HOST);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotNewer)]
fun an_enclave_whose_seat_was_revoked_is_not_seated_again() {
    let (mut f, enclave) = fixture::seated();
    revoke(&mut f, fixture::host());
    appoint(&mut f, fixture::host());
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_enclave_whose_measurement_was_retired_is_not_seated() {
    let mut f = fixture::configured();
    let enclave = f.registered(STRANGER, 70);
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v1".to_string(), false, clock);
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EOldStateFormat)]
fun an_enclave_that_does_not_read_the_state_is_not_seated() {
    let mut f = fixture::configured();
    f.propose(b"v2", 9, 2);
    let newer = f.registered_as(fixture::operator(), 9, fixture::ca(), 70);
    f.seat(&newer, fixture::host());
    f.lead(&newer, fixture::operator());
    let older = f.registered(STRANGER, 71);
    f.seat(&older, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCa)]
fun an_enclave_that_registered_with_another_ca_before_there_was_one_is_not_seated() {
    let (mut f, enclave) = fixture::seated();
    let late = f.registered_as(STRANGER, 1, fixture::ca() + 1, 70);
    let act = f.act(&enclave);
    let (registry, _, clock) = f.registry();
    daasvader::identity::set_identity(registry, &act, &enclave, clock);
    f.seat(&late, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_is_not_seated() {
    let (_other, enclave) = fixture::other_seated();
    let mut f = fixture::configured();
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_dismissed_host_does_not_seat() {
    let (mut f, _first) = fixture::seated();
    let second = f.registered(STRANGER, 70);
    revoke(&mut f, fixture::host());
    f.seat(&second, fixture::host());
    abort
}

#[test]
fun a_revocation_empties_the_seat_and_raises_the_epoch() {
    let (mut f, enclave) = fixture::seated();
    revoke(&mut f, fixture::host());
    let (registry, _, _) = f.registry();
    assert_eq!(registry.seat_of(fixture::host()), option::none());
    assert_eq!(registry.leader(), option::none());
    assert_eq!(registry.leading_host(), option::none());
    assert_eq!(registry.epoch(), 2);
    f.end_all(enclave);
}

#[test]
fun a_revocation_leaves_the_other_seats_and_who_leads() {
    let (mut f, enclave) = fixture::seated();
    appoint(&mut f, SECOND_HOST);
    let second = f.registered(STRANGER, 70);
    f.seat(&second, SECOND_HOST);
    revoke(&mut f, SECOND_HOST);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.leader(), option::some(object::id(&enclave)));
    assert_eq!(registry.leading_host(), option::some(fixture::host()));
    f.act(&enclave);
    destroy(second);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = seats::EUnknownHost)]
fun a_host_is_revoked_once() {
    let (mut f, _enclave) = fixture::seated();
    revoke(&mut f, fixture::host());
    revoke(&mut f, fixture::host());
    abort
}

#[test]
fun the_first_host_is_appointed_at_once() {
    let mut f = delayed();
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, fixture::host());
    f.end_all(enclave);
}

#[test]
fun a_further_host_waits_the_delay() {
    let mut f = delayed();
    appoint(&mut f, SECOND_HOST);
    f.advance(DELAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, SECOND_HOST);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_further_host_does_not_seat_early() {
    let mut f = delayed();
    appoint(&mut f, SECOND_HOST);
    f.advance(DELAY_MS - 1);
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, SECOND_HOST);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_revocation_drops_an_appointment_that_waits() {
    let mut f = delayed();
    appoint(&mut f, SECOND_HOST);
    revoke(&mut f, SECOND_HOST);
    f.advance(DELAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, SECOND_HOST);
    abort
}

#[test]
fun a_host_appointed_again_seats_after_the_delay() {
    let mut f = delayed();
    revoke(&mut f, fixture::host());
    appoint(&mut f, fixture::host());
    f.advance(DELAY_MS);
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, fixture::host());
    f.end_all(enclave);
}

/// Also when no host is left: the first appointment is the only one that does not wait.
#[test, expected_failure(abort_code = enclave_registry::ENotHost)]
fun a_host_appointed_again_does_not_seat_early() {
    let mut f = delayed();
    revoke(&mut f, fixture::host());
    appoint(&mut f, fixture::host());
    f.advance(DELAY_MS - 1);
    let enclave = f.registered(fixture::operator(), 70);
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = seats::EHostAppointed)]
fun a_host_has_one_seat() {
    let mut f = fixture::configured();
    appoint(&mut f, fixture::host());
    abort
}

#[test, expected_failure(abort_code = seats::EHostAppointed)]
fun a_host_that_waits_is_not_appointed_again() {
    let mut f = delayed();
    appoint(&mut f, SECOND_HOST);
    appoint(&mut f, SECOND_HOST);
    abort
}

#[test]
fun there_are_five_seats_and_a_revoked_one_makes_room() {
    let mut f = fixture::configured();
    vector[@0x11, @0x12, @0x13, @0x14].do!(|host| appoint(&mut f, host));
    revoke(&mut f, @0x12);
    appoint(&mut f, @0x15);
    f.end();
}

#[test, expected_failure(abort_code = seats::ETooManySeats)]
fun there_is_no_sixth_seat_and_those_that_wait_count() {
    let mut f = delayed();
    vector[@0x11, @0x12, @0x13, @0x14, @0x15].do!(|host| appoint(&mut f, host));
    abort
}
