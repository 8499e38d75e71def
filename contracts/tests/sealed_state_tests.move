#[test_only]
/// The identity, the anchor and the generations of the state's key: what goes forward, what never goes back, and what an
/// admin can do about lost state.
module daasvader::sealed_state_tests;

use daasvader::anchor;
use daasvader::enclave_registry::{Self, Enclave};
use daasvader::fixture::{Self, Fixture, bytes};
use daasvader::identity;
use daasvader::operator::Act;
use daasvader::sealed_state::{Self, Anchor};
use std::unit_test::{assert_eq, destroy};

const STRANGER: address = @0x5;
const DAY_MS: u64 = 86_400_000;
const DELAY_MS: u64 = 8 * 86_400_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

fun set_identity(f: &mut Fixture, enclave: &Enclave) {
    let act = f.act(enclave);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, enclave, clock);
}

/// Anchors a digest that consists of one byte.
fun anchor(f: &mut Fixture, enclave: &Enclave, generation: u64, position: u64, digest: u8) {
    let act = f.act(enclave);
    anchor_by(f, &act, generation, position, bytes(32, digest));
}

fun anchor_by(f: &mut Fixture, act: &Act, generation: u64, position: u64, digest: vector<u8>) {
    let (registry, _, clock) = f.registry();
    anchor::anchor_state(registry, act, generation, position, digest, 1_000, clock);
}

fun begin_anew(f: &mut Fixture) {
    let (registry, cap, clock) = f.registry();
    registry.begin_anew(cap, clock);
}

fun accept(f: &mut Fixture, position: u64, digest: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.accept_state(cap, position, digest, clock);
}

fun retire_another(f: &mut Fixture) {
    f.propose(b"v2", 9, 1);
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v2".to_string(), false, clock);
}

fun anchored(f: &mut Fixture): Option<Anchor> {
    let (registry, _, clock) = f.registry();
    registry.state().anchor(clock.timestamp_ms())
}

fun assert_anchor(f: &mut Fixture, generation: u64, position: u64, digest: u8) {
    let anchor = anchored(f).destroy_some();
    assert_eq!(anchor.position(), position);
    assert_eq!(anchor.digest(), bytes(32, digest));
    let (registry, _, _) = f.registry();
    assert_eq!(registry.generation(), generation);
}

fun ca_of(f: &mut Fixture): Option<vector<u8>> {
    let (registry, _, clock) = f.registry();
    registry.state().ca_sha256(clock.timestamp_ms())
}

/// A cluster with an identity, whose leader anchored position 10.
fun anchoring(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    begin(&mut f, &enclave);
    (f, enclave)
}

fun delayed(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated_with_delay(DELAY_MS);
    begin(&mut f, &enclave);
    (f, enclave)
}

fun begin(f: &mut Fixture, enclave: &Enclave) {
    set_identity(f, enclave);
    anchor(f, enclave, 1, 10, 1);
}

#[test]
fun the_first_leaders_ca_becomes_the_clusters() {
    let (mut f, enclave) = fixture::seated();
    let (registry, _, _) = f.registry();
    assert_eq!(registry.generation(), 0);
    assert_eq!(ca_of(&mut f), option::none());
    set_identity(&mut f, &enclave);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.generation(), 1);
    assert_eq!(ca_of(&mut f), option::some(bytes(32, fixture::ca())));
    f.end_all(enclave);
}

#[test]
fun an_identity_that_is_set_again_changes_nothing() {
    let (mut f, enclave) = anchoring();
    let (registry, _, _) = f.registry();
    let head = registry.log_head();
    set_identity(&mut f, &enclave);
    let (registry, _, _) = f.registry();
    assert_eq!(registry.log_head(), head);
    assert_anchor(&mut f, 1, 10, 1);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = identity::EWrongCluster)]
fun an_act_of_another_cluster_sets_no_identity() {
    let (mut f, own) = fixture::seated();
    let (other, enclave) = fixture::other_seated();
    let act = other.act(&enclave);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, &own, clock);
    abort
}

#[test, expected_failure(abort_code = identity::EWrongEnclave)]
fun the_ca_of_an_enclave_that_does_not_act_is_not_the_clusters() {
    let (mut f, enclave) = fixture::seated();
    let other = f.registered_as(STRANGER, 1, 77, 70);
    let act = f.act(&enclave);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, &other, clock);
    abort
}

#[test]
fun the_anchor_moves_forward() {
    let (mut f, enclave) = anchoring();
    assert_anchor(&mut f, 1, 10, 1);
    anchor(&mut f, &enclave, 1, 11, 2);
    anchor(&mut f, &enclave, 1, MAX_U64, 3);
    assert_anchor(&mut f, 1, MAX_U64, 3);
    f.end_all(enclave);
}

#[test]
fun the_first_anchor_is_at_any_position() {
    let (mut f, enclave) = fixture::seated();
    set_identity(&mut f, &enclave);
    assert_eq!(anchored(&mut f), option::none());
    anchor(&mut f, &enclave, 1, 0, 1);
    assert_anchor(&mut f, 1, 0, 1);
    f.end_all(enclave);
}

#[test]
fun the_anchor_stated_again_stays() {
    let (mut f, enclave) = anchoring();
    anchor(&mut f, &enclave, 1, 10, 1);
    assert_anchor(&mut f, 1, 10, 1);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::EAnchorBack)]
fun the_anchor_does_not_go_back() {
    let (mut f, enclave) = anchoring();
    anchor(&mut f, &enclave, 1, 9, 1);
    abort
}

#[test, expected_failure(abort_code = anchor::EOtherDigest)]
fun what_is_anchored_is_not_exchanged() {
    let (mut f, enclave) = anchoring();
    anchor(&mut f, &enclave, 1, 10, 2);
    abort
}

#[test, expected_failure(abort_code = anchor::EBadDigest)]
fun an_anchor_of_another_length_is_refused() {
    let (mut f, enclave) = anchoring();
    let act = f.act(&enclave);
    anchor_by(&mut f, &act, 1, 11, bytes(31, 1));
    abort
}

#[test, expected_failure(abort_code = anchor::ENoIdentity)]
fun nothing_is_anchored_without_an_identity() {
    let (mut f, enclave) = fixture::seated();
    anchor(&mut f, &enclave, 0, 1, 1);
    abort
}

#[test, expected_failure(abort_code = anchor::EWrongCluster)]
fun an_act_of_another_cluster_anchors_nothing() {
    let (mut f, _own) = anchoring();
    let (other, enclave) = fixture::other_seated();
    let act = other.act(&enclave);
    anchor_by(&mut f, &act, 1, 11, bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun no_generation_begins_before_it_is_due() {
    let (mut f, enclave) = anchoring();
    f.advance(90 * DAY_MS - 1);
    anchor(&mut f, &enclave, 2, 11, 2);
    abort
}

#[test]
fun a_generation_begins_after_90_days() {
    let (mut f, enclave) = anchoring();
    f.advance(90 * DAY_MS);
    anchor(&mut f, &enclave, 2, 11, 2);
    assert_anchor(&mut f, 2, 11, 2);
    f.end_all(enclave);
}

#[test]
fun the_old_generation_goes_on_until_the_next_is_anchored() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 1, 11, 2);
    anchor(&mut f, &enclave, 2, 12, 3);
    assert_anchor(&mut f, 2, 12, 3);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun the_generation_does_not_go_back() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 11, 2);
    anchor(&mut f, &enclave, 1, 12, 3);
    abort
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun one_turn_is_due_at_a_time() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 11, 2);
    anchor(&mut f, &enclave, 3, 12, 3);
    abort
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun no_generation_is_left_out() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 3, 11, 2);
    abort
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun no_generation_is_too_great_to_be_refused() {
    let (mut f, enclave) = anchoring();
    anchor(&mut f, &enclave, MAX_U64, 11, 2);
    abort
}

/// A base image under the new key may be of the same point, and has another digest.
#[test]
fun the_next_generation_may_begin_where_the_last_one_is() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 10, 2);
    assert_anchor(&mut f, 2, 10, 2);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::EAnchorBack)]
fun the_next_generation_does_not_begin_before_the_last_one() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 9, 2);
    abort
}

#[test]
fun a_revoked_seat_makes_the_next_generation_due() {
    let (mut f, enclave) = anchoring();
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, STRANGER, clock);
    registry.revoke_seat(cap, STRANGER, clock);
    anchor(&mut f, &enclave, 2, 11, 2);
    assert_anchor(&mut f, 2, 11, 2);
    f.end_all(enclave);
}

/// While a turn is due the next key is given out as well, also to whoever loses the right to it before the turn is made.
#[test]
fun a_key_that_was_open_to_whoever_was_retired_is_left_too() {
    let (mut f, enclave) = anchoring();
    f.advance(90 * DAY_MS);
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 11, 2);
    anchor(&mut f, &enclave, 3, 12, 3);
    assert_anchor(&mut f, 3, 12, 3);
    f.end_all(enclave);
}

#[test]
fun a_key_that_was_open_to_whoever_was_revoked_is_left_too() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    let (registry, cap, clock) = f.registry();
    registry.appoint_host(cap, STRANGER, clock);
    registry.revoke_seat(cap, STRANGER, clock);
    anchor(&mut f, &enclave, 2, 11, 2);
    anchor(&mut f, &enclave, 3, 12, 3);
    assert_anchor(&mut f, 3, 12, 3);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun no_more_turns_are_due_than_keys_were_open() {
    let (mut f, enclave) = anchoring();
    f.advance(90 * DAY_MS);
    retire_another(&mut f);
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v2".to_string(), true, clock);
    anchor(&mut f, &enclave, 2, 11, 2);
    anchor(&mut f, &enclave, 3, 12, 3);
    anchor(&mut f, &enclave, 4, 13, 4);
    abort
}

/// Nothing is sealed yet that another key could protect better.
#[test, expected_failure(abort_code = anchor::EWrongGeneration)]
fun no_turn_is_due_before_the_first_anchor() {
    let (mut f, enclave) = fixture::seated();
    set_identity(&mut f, &enclave);
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 11, 2);
    abort
}

#[test]
fun a_cluster_without_delay_begins_anew_at_once() {
    let (mut f, enclave) = anchoring();
    begin_anew(&mut f);
    assert_eq!(ca_of(&mut f), option::none());
    set_identity(&mut f, &enclave);
    assert_eq!(anchored(&mut f), option::none());
    let (registry, _, _) = f.registry();
    assert_eq!(registry.generation(), 2);
    anchor(&mut f, &enclave, 2, 1, 2);
    assert_anchor(&mut f, 2, 1, 2);
    f.end_all(enclave);
}

#[test]
fun a_new_enclave_begins_anew_with_its_own_ca() {
    let (mut f, first) = anchoring();
    begin_anew(&mut f);
    let second = f.registered_as(fixture::operator(), 1, 77, 70);
    f.seat(&second, fixture::host());
    f.lead(&second, fixture::operator());
    set_identity(&mut f, &second);
    assert_eq!(ca_of(&mut f), option::some(bytes(32, 77)));
    destroy(second);
    f.end_all(first);
}

#[test]
fun the_identity_counts_until_the_beginning_is_due() {
    let (mut f, enclave) = delayed();
    begin_anew(&mut f);
    f.advance(DELAY_MS - 1);
    assert_eq!(ca_of(&mut f), option::some(bytes(32, fixture::ca())));
    set_identity(&mut f, &enclave);
    anchor(&mut f, &enclave, 1, 11, 2);
    f.advance(1);
    assert_eq!(ca_of(&mut f), option::none());
    set_identity(&mut f, &enclave);
    assert_eq!(ca_of(&mut f), option::some(bytes(32, fixture::ca())));
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::ENoIdentity)]
fun nothing_of_the_old_identity_is_anchored_any_more() {
    let (mut f, enclave) = anchoring();
    begin_anew(&mut f);
    anchor(&mut f, &enclave, 1, 11, 2);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCa)]
fun nobody_registers_with_another_ca_before_the_beginning_is_due() {
    let (mut f, _enclave) = delayed();
    begin_anew(&mut f);
    f.advance(DELAY_MS - 1);
    let _second = f.registered_as(fixture::operator(), 1, 77, 70);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENoIdentity)]
fun a_cluster_without_an_identity_does_not_begin_anew() {
    let (mut f, _enclave) = fixture::seated();
    begin_anew(&mut f);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENoIdentity)]
fun a_cluster_that_begins_anew_does_not_do_so_twice() {
    let (mut f, _enclave) = anchoring();
    begin_anew(&mut f);
    begin_anew(&mut f);
    abort
}

#[test]
fun an_older_state_is_accepted_at_once_without_delay() {
    let (mut f, enclave) = anchoring();
    accept(&mut f, 4, bytes(32, 7));
    assert_anchor(&mut f, 1, 4, 7);
    anchor(&mut f, &enclave, 1, 5, 8);
    assert_anchor(&mut f, 1, 5, 8);
    f.end_all(enclave);
}

#[test]
fun an_older_state_is_accepted_after_the_delay_and_once() {
    let (mut f, enclave) = delayed();
    accept(&mut f, 4, bytes(32, 7));
    f.advance(DELAY_MS - 1);
    assert_anchor(&mut f, 1, 10, 1);
    f.advance(1);
    assert_anchor(&mut f, 1, 4, 7);
    anchor(&mut f, &enclave, 1, 6, 8);
    f.advance(DELAY_MS);
    assert_anchor(&mut f, 1, 6, 8);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = anchor::EAnchorBack)]
fun the_anchor_does_not_go_back_behind_a_state_that_was_accepted() {
    let (mut f, enclave) = anchoring();
    accept(&mut f, 4, bytes(32, 7));
    anchor(&mut f, &enclave, 1, 3, 8);
    abort
}

#[test, expected_failure(abort_code = anchor::EAnchorBack)]
fun the_anchor_does_not_go_back_before_the_older_state_is_due() {
    let (mut f, enclave) = delayed();
    accept(&mut f, 4, bytes(32, 7));
    f.advance(DELAY_MS - 1);
    anchor(&mut f, &enclave, 1, 5, 8);
    abort
}

#[test]
fun a_second_word_does_not_undo_what_was_accepted() {
    let (mut f, enclave) = delayed();
    accept(&mut f, 4, bytes(32, 7));
    f.advance(DELAY_MS);
    accept(&mut f, 6, bytes(32, 8));
    assert_anchor(&mut f, 1, 4, 7);
    f.advance(DELAY_MS);
    assert_anchor(&mut f, 1, 6, 8);
    f.end_all(enclave);
}

/// Its key is the one that is in use now, whichever the state was of.
#[test]
fun an_accepted_state_is_of_the_generation_of_now() {
    let (mut f, enclave) = anchoring();
    retire_another(&mut f);
    anchor(&mut f, &enclave, 2, 11, 2);
    accept(&mut f, 4, bytes(32, 7));
    assert_anchor(&mut f, 2, 4, 7);
    f.end_all(enclave);
}

#[test]
fun what_was_accepted_ends_with_the_identity() {
    let (mut f, enclave) = delayed();
    accept(&mut f, 4, bytes(32, 7));
    begin_anew(&mut f);
    f.advance(DELAY_MS);
    set_identity(&mut f, &enclave);
    assert_eq!(anchored(&mut f), option::none());
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = enclave_registry::EBadDigest)]
fun a_state_is_accepted_by_a_whole_digest() {
    let (mut f, _enclave) = anchoring();
    accept(&mut f, 4, bytes(31, 7));
    abort
}

#[test, expected_failure(abort_code = enclave_registry::ENoIdentity)]
fun no_state_is_accepted_without_an_identity() {
    let (mut f, _enclave) = fixture::seated();
    accept(&mut f, 4, bytes(32, 7));
    abort
}

#[test]
fun the_format_of_the_state_never_falls() {
    let mut state = sealed_state::new();
    state.raise_format(2);
    state.raise_format(1);
    assert_eq!(state.format(), 2);
    destroy(state);
}
