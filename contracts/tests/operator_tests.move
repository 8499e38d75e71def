#[test_only]
/// Who may act as the operator, and when. Every statement needs an act, so what is refused here states nothing.
module daasvader::operator_tests;

use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fixture::{Self, Fixture, by};
use daasvader::lead;
use daasvader::operator;
use daasvader::seal_policy;
use std::unit_test::{assert_eq, destroy};

const STRANGER: address = @0x5;
const SECOND_HOST: address = @0xB06;
const MINUTE_MS: u64 = 60_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

/// Somebody with an enclave who tries the operator's functions on `f`.
public struct Caller {
    f: Fixture,
    enclave: Enclave,
    sender: address,
}

fun operator(): Caller {
    let (f, enclave) = with_identity();
    Caller { f, enclave, sender: fixture::operator() }
}

/// Somebody else with the enclave that leads.
fun stranger(): Caller {
    let (f, enclave) = with_identity();
    Caller { f, enclave, sender: STRANGER }
}

/// The operator of a genuine enclave that nobody seated.
fun unseated(): Caller {
    let (mut f, seated) = with_identity();
    let enclave = f.registered(STRANGER, 70);
    destroy(seated);
    Caller { f, enclave, sender: STRANGER }
}

/// The operator, after another enclave took the seat and before it takes the lead.
fun replaced(): Caller {
    let (mut f, enclave) = with_identity();
    let second = f.registered(STRANGER, 70);
    f.seat(&second, fixture::host());
    destroy(second);
    Caller { f, enclave, sender: fixture::operator() }
}

/// The operator, after the image was retired.
fun retired(): Caller {
    let (mut f, enclave) = with_identity();
    retire(&mut f, b"v1");
    Caller { f, enclave, sender: fixture::operator() }
}

/// The operator, after the same image was listed anew for an older format of state than the cluster's.
fun outdated(): Caller {
    let mut f = fixture::configured();
    f.propose(b"v2", 9, 2);
    let enclave = f.registered_as(fixture::operator(), 9, fixture::ca(), 70);
    f.seat(&enclave, fixture::host());
    f.lead(&enclave, fixture::operator());
    set_identity(&mut f, &enclave);
    retire(&mut f, b"v2");
    f.propose(b"v3", 9, 1);
    Caller { f, enclave, sender: fixture::operator() }
}

/// The operator, after the seat was revoked.
fun revoked(): Caller {
    let (mut f, enclave) = with_identity();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, fixture::host(), clock);
    Caller { f, enclave, sender: fixture::operator() }
}

/// The operator of another cluster, with its enclave in front of this registry.
fun foreign(): Caller {
    let (f, own) = with_identity();
    let (other, enclave) = fixture::other_seated();
    destroy(own);
    other.end();
    Caller { f, enclave, sender: fixture::operator() }
}

/// The operator of the enclave in a seat that does not lead.
fun follower(): Caller {
    let (mut f, first) = with_identity();
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, SECOND_HOST, clock);
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, SECOND_HOST);
    destroy(first);
    Caller { f, enclave, sender: STRANGER }
}

fun with_identity(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    set_identity(&mut f, &enclave);
    (f, enclave)
}

fun set_identity(f: &mut Fixture, enclave: &Enclave) {
    let act = f.act(enclave);
    let (registry, _, clock) = f.registry();
    daasvader::identity::set_identity(registry, &act, enclave, clock);
}

fun retire(f: &mut Fixture, version: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, version.to_string(), false, clock);
}

fun end(f: Fixture, enclave: Enclave) {
    f.end_all(enclave)
}

fun act(caller: Caller) {
    act_at(caller, 1, MINUTE_MS)
}

/// Acts in a term, at most until so long after now.
fun act_at(caller: Caller, term: u64, ahead_ms: u64) {
    let Caller { mut f, enclave, sender } = caller;
    let (registry, _, clock) = f.registry();
    let act = operator::act(registry, &enclave, term, clock.timestamp_ms() + ahead_ms, clock, &by(sender, 90));
    assert_eq!(act.registry_id(), registry.id());
    assert_eq!(act.enclave_id(), object::id(&enclave));
    end(f, enclave);
}

fun take_lead(caller: Caller) {
    let Caller { mut f, enclave, sender } = caller;
    let (registry, _, clock) = f.registry();
    let term = registry.term();
    lead::take_lead(registry, &enclave, term, clock, &by(sender, 90));
    end(f, enclave);
}

fun approve(caller: Caller) {
    let Caller { mut f, enclave, sender } = caller;
    let (registry, _, clock) = f.registry();
    let mut id = registry.id().to_bytes();
    id.append(x"0000000000000001");
    seal_policy::seal_approve(id, registry, &enclave, clock, &by(sender, 90));
    end(f, enclave);
}

#[test]
fun the_operator_of_the_leader_acts() {
    act(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun nobody_else_acts_with_the_leader() {
    act(stranger())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_in_no_seat_does_not_act() {
    act(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_that_was_replaced_does_not_act() {
    act(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_enclave_whose_image_was_retired_does_not_act() {
    act(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EOldStateFormat)]
fun an_enclave_whose_image_does_not_read_the_state_does_not_act() {
    act(outdated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_whose_seat_was_revoked_does_not_act() {
    act(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_leader_of_another_cluster_does_not_act() {
    act(foreign())
}

#[test, expected_failure(abort_code = operator::ENotLeader)]
fun an_enclave_in_a_seat_that_does_not_lead_does_not_act() {
    act(follower())
}

#[test, expected_failure(abort_code = operator::ENotLeader)]
fun a_new_occupant_of_the_leaders_seat_does_not_act_before_it_takes_the_lead() {
    let (mut f, first) = fixture::seated();
    let enclave = f.registered(STRANGER, 70);
    f.seat(&enclave, fixture::host());
    destroy(first);
    act(Caller { f, enclave, sender: STRANGER })
}

#[test, expected_failure(abort_code = operator::ENotLeader)]
fun an_enclave_that_gave_up_the_lead_does_not_act() {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    act(Caller { f, enclave, sender: fixture::operator() })
}

#[test, expected_failure(abort_code = operator::EWrongTerm)]
fun an_act_of_an_earlier_term_does_nothing() {
    act_at(operator(), 0, MINUTE_MS)
}

#[test, expected_failure(abort_code = operator::EWrongTerm)]
fun an_act_of_a_term_to_come_does_nothing() {
    act_at(operator(), 2, MINUTE_MS)
}

/// The same enclave in a later term: what it signed in the first one, held back since, does nothing.
#[test, expected_failure(abort_code = operator::EWrongTerm)]
fun an_act_of_an_earlier_term_of_the_same_enclave_does_nothing() {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    f.lead(&enclave, fixture::operator());
    act_at(Caller { f, enclave, sender: fixture::operator() }, 1, MINUTE_MS)
}

#[test]
fun an_act_counts_in_its_last_moment() {
    act_at(operator(), 1, 0)
}

#[test, expected_failure(abort_code = operator::ETooLate)]
fun an_act_does_nothing_after_its_last_moment() {
    let Caller { mut f, enclave, sender } = operator();
    let (registry, _, clock) = f.registry();
    operator::act(registry, &enclave, 1, clock.timestamp_ms() - 1, clock, &by(sender, 90));
    abort
}

#[test]
fun an_act_is_signed_for_five_minutes_at_most() {
    act_at(operator(), 1, 5 * MINUTE_MS)
}

#[test, expected_failure(abort_code = operator::ETooFar)]
fun an_act_that_could_be_held_back_for_longer_does_nothing() {
    act_at(operator(), 1, 5 * MINUTE_MS + 1)
}

#[test, expected_failure(abort_code = operator::ETooFar)]
fun no_last_moment_is_too_far_to_be_refused() {
    let Caller { mut f, enclave, sender } = operator();
    let (registry, _, clock) = f.registry();
    operator::act(registry, &enclave, 1, MAX_U64, clock, &by(sender, 90));
    abort
}

#[test]
fun the_operator_of_a_seated_enclave_takes_the_lead() {
    let Caller { mut f, enclave, sender } = operator();
    let act = f.act(&enclave);
    let (registry, _, _) = f.registry();
    lead::give_up_lead(registry, &act);
    take_lead(Caller { f, enclave, sender })
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun nobody_else_takes_the_lead_for_an_enclave() {
    take_lead(stranger())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_in_no_seat_does_not_take_the_lead() {
    take_lead(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_that_was_replaced_does_not_take_the_lead() {
    take_lead(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_enclave_whose_image_was_retired_does_not_take_the_lead() {
    take_lead(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EOldStateFormat)]
fun an_enclave_whose_image_does_not_read_the_state_does_not_take_the_lead() {
    take_lead(outdated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_whose_seat_was_revoked_does_not_take_the_lead() {
    take_lead(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_take_the_lead() {
    take_lead(foreign())
}

#[test]
fun the_leaders_operator_gets_the_keys_of_the_state() {
    approve(operator())
}

/// A standby enclave has to read the state before it can lead.
#[test]
fun the_operator_of_an_enclave_in_another_seat_gets_the_keys_of_the_state() {
    approve(follower())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun nobody_else_gets_the_keys_of_the_state() {
    approve(stranger())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_in_no_seat_gets_no_keys() {
    approve(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_that_was_replaced_gets_no_keys() {
    approve(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun an_enclave_whose_image_was_retired_gets_no_keys() {
    approve(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EOldStateFormat)]
fun an_enclave_whose_image_does_not_read_the_state_gets_no_keys() {
    approve(outdated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_whose_seat_was_revoked_gets_no_keys() {
    approve(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_gets_no_keys() {
    approve(foreign())
}
