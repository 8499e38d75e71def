#[test_only]
/// For which keys the key servers answer. Who asks for them is in `operator_tests`.
module daasvader::seal_policy_tests;

use daasvader::anchor;
use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, by, bytes};
use daasvader::gate;
use daasvader::identity;
use daasvader::seal_policy;

const DAY_MS: u64 = 86_400_000;

fun with_identity(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, &enclave, clock);
    (f, enclave)
}

fun anchored(): (Fixture, Enclave) {
    let (mut f, enclave) = with_identity();
    anchor(&mut f, &enclave, 1, 10);
    (f, enclave)
}

fun anchor(f: &mut Fixture, enclave: &Enclave, generation: u64, position: u64) {
    let act = f.act(enclave);
    let (registry, _, clock) = f.registry();
    anchor::anchor_state(registry, &act, generation, position, bytes(32, 1), 1, clock);
}

/// Makes the next generation due.
fun ask_turn(f: &mut Fixture) {
    f.propose(b"v2", 9, 1);
    let (registry, cap, clock) = f.registry();
    registry.retire_measurement(cap, b"v2".to_string(), true, clock);
}

fun approve_generation(f: &mut Fixture, enclave: &Enclave, generation: vector<u8>) {
    let mut id = f.its_registry().id().to_bytes();
    id.append(generation);
    approve(f, enclave, id);
}

fun approve(f: &mut Fixture, enclave: &Enclave, id: vector<u8>) {
    let (registry, _, clock) = f.registry();
    seal_policy::seal_approve(id, registry, enclave, clock, &by(fixture::operator(), 90));
}

#[test]
fun before_any_anchor_the_generation_is_the_identitys() {
    let (mut f, enclave) = with_identity();
    approve_generation(&mut f, &enclave, x"0000000000000001");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun before_any_anchor_no_turn_is_due() {
    let (mut f, enclave) = with_identity();
    ask_turn(&mut f);
    approve_generation(&mut f, &enclave, x"0000000000000002");
    abort
}

#[test]
fun the_anchors_generation_passes() {
    let (mut f, enclave) = anchored();
    approve_generation(&mut f, &enclave, x"0000000000000001");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun the_next_generation_does_not_pass_before_it_is_due() {
    let (mut f, enclave) = anchored();
    f.advance(90 * DAY_MS - 1);
    approve_generation(&mut f, &enclave, x"0000000000000002");
    abort
}

#[test]
fun the_next_generation_and_the_old_one_pass_while_a_turn_is_due() {
    let (mut f, enclave) = anchored();
    f.advance(90 * DAY_MS);
    approve_generation(&mut f, &enclave, x"0000000000000001");
    approve_generation(&mut f, &enclave, x"0000000000000002");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun the_generation_after_the_next_does_not_pass() {
    let (mut f, enclave) = anchored();
    ask_turn(&mut f);
    approve_generation(&mut f, &enclave, x"0000000000000003");
    abort
}

#[test]
fun the_new_generation_passes_once_it_is_anchored() {
    let (mut f, enclave) = anchored();
    ask_turn(&mut f);
    anchor(&mut f, &enclave, 2, 11);
    approve_generation(&mut f, &enclave, x"0000000000000002");
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun the_old_generation_does_not_pass_once_the_new_one_is_anchored() {
    let (mut f, enclave) = anchored();
    ask_turn(&mut f);
    anchor(&mut f, &enclave, 2, 11);
    approve_generation(&mut f, &enclave, x"0000000000000001");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun no_generation_passes_without_an_identity() {
    let (mut f, enclave) = fixture::seated();
    approve_generation(&mut f, &enclave, x"0000000000000000");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun the_keys_of_an_identity_end_with_it() {
    let (mut f, enclave) = anchored();
    let (registry, cap, clock) = f.registry();
    registry.begin_anew(cap, clock);
    approve_generation(&mut f, &enclave, x"0000000000000001");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun no_generation_is_too_great_to_be_refused() {
    let (mut f, enclave) = anchored();
    approve_generation(&mut f, &enclave, x"ffffffffffffffff");
    abort
}

/// Big endian: read the other way this is generation 1.
#[test, expected_failure(abort_code = seal_policy::EWrongGeneration)]
fun the_generation_is_big_endian() {
    let (mut f, enclave) = anchored();
    approve_generation(&mut f, &enclave, x"0100000000000000");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongId)]
fun an_id_without_a_generation_is_refused() {
    let (mut f, enclave) = anchored();
    approve_generation(&mut f, &enclave, x"");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongId)]
fun an_id_with_more_behind_the_generation_is_refused() {
    let (mut f, enclave) = anchored();
    approve_generation(&mut f, &enclave, x"000000000000000100");
    abort
}

#[test, expected_failure(abort_code = seal_policy::EWrongId)]
fun an_empty_id_is_refused() {
    let (mut f, enclave) = anchored();
    approve(&mut f, &enclave, x"");
    abort
}

/// Or the enclave of one cluster would get the keys of another.
#[test, expected_failure(abort_code = seal_policy::EWrongId)]
fun the_id_of_another_cluster_is_refused() {
    let (mut f, enclave) = anchored();
    let (other, _other_enclave) = fixture::other_seated();
    let mut id = other.its_registry().id().to_bytes();
    id.append(x"0000000000000001");
    approve(&mut f, &enclave, id);
    abort
}

#[test, expected_failure(abort_code = seal_policy::ENotCurrent)]
fun an_old_package_approves_nothing() {
    let (mut f, enclave) = anchored();
    f.its_registry_mut().set_version_for_testing(gate::version() + 1);
    approve_generation(&mut f, &enclave, x"0000000000000001");
    abort
}

#[test, expected_failure(abort_code = seal_policy::ENotCurrent)]
fun a_new_package_approves_nothing_before_the_registry_is_migrated() {
    let (mut f, enclave) = anchored();
    f.its_registry_mut().set_version_for_testing(gate::version() - 1);
    approve_generation(&mut f, &enclave, x"0000000000000001");
    abort
}
