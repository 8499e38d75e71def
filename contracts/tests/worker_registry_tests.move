#[test_only]
/// Registering workers, and what the admin sets.
module daasvader::worker_registry_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, bytes, sui, token};
use daasvader::gate;
use daasvader::join_vectors as vectors;
use daasvader::worker_registry::{Self, WorkerCap};
use daasvader::worker_scene::{Self as scene, Scene};
use std::string::String;
use std::unit_test::{assert_eq, destroy};

const PENDING: u8 = 0;
/// Longer than stake waits to leave.
const DELAY_MS: u64 = 8 * 86_400_000;

// By both functions that register

/// Registers `worker-2` by the function that gives the capability.
fun cap_of(s: &mut Scene, seal_token: String, identity_key: vector<u8>, amount: u64): WorkerCap {
    s.register_with(b"worker-2", seal_token, identity_key, amount)
}

/// Registers `worker-2` by the function that sends it.
fun register(s: &mut Scene, seal_token: String, identity_key: vector<u8>, amount: u64) {
    s.stake_and_register(b"worker-2", seal_token, identity_key, amount)
}

fun key(digit: u8): vector<u8> {
    bytes(32, digit)
}

#[test]
fun the_whole_coin_is_the_stake() {
    let mut s = scene::pending();
    register(&mut s, token(b"b"), key(2), sui(9) + 1);
    assert_eq!(s.status(), PENDING);
    assert_eq!(s.staked(), sui(5));
    assert_eq!(s.workers().stake_of(b"worker-2".to_string()), sui(9) + 1);
    assert_eq!(s.workers().status_of(b"worker-2".to_string()), PENDING);
    assert_eq!(s.counter(), 0);
    assert_eq!(s.workers().active_count(), 0);
    s.end();
}

#[test]
fun the_greatest_stake_is_counted() {
    let s = scene::staked_with(18_446_744_073_709_551_615);
    assert_eq!(s.staked(), 18_446_744_073_709_551_615);
    s.end();
}

#[test]
fun whoever_registers_gets_the_capability() {
    let mut s = scene::active();
    let cap = cap_of(&mut s, token(b"b"), key(2), sui(5));
    let (mut s, old) = s.take_cap(cap);
    s.leave();
    assert_eq!(s.workers().status_of(b"worker-2".to_string()), 5);
    assert_eq!(s.status(), 1);
    destroy(old);
    s.end();
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun less_than_the_minimum_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"b"), key(2), sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun less_than_the_minimum_does_not_register() {
    register(&mut scene::pending(), token(b"b"), key(2), sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun an_empty_coin_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"b"), key(2), 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun an_empty_coin_does_not_register() {
    register(&mut scene::pending(), token(b"b"), key(2), 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_seal_token_in_capitals_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"B"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_seal_token_in_capitals_does_not_register() {
    register(&mut scene::pending(), token(b"B"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_short_seal_token_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), bytes(63, 97).to_string(), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadSealToken)]
fun a_short_seal_token_does_not_register() {
    register(&mut scene::pending(), bytes(63, 97).to_string(), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun the_seal_token_of_another_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"a"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun the_seal_token_of_another_does_not_register() {
    register(&mut scene::pending(), token(b"a"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadIdentityKey)]
fun a_short_identity_key_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"b"), bytes(31, 2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadIdentityKey)]
fun a_short_identity_key_does_not_register() {
    register(&mut scene::pending(), token(b"b"), bytes(31, 2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadIdentityKey)]
fun a_long_identity_key_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"b"), bytes(33, 2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadIdentityKey)]
fun a_long_identity_key_does_not_register() {
    register(&mut scene::pending(), token(b"b"), bytes(33, 2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EIdentityKeyUsed)]
fun the_identity_key_of_another_gives_no_capability() {
    let _cap = cap_of(&mut scene::pending(), token(b"b"), vectors::identity_key(), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EIdentityKeyUsed)]
fun the_identity_key_of_another_does_not_register() {
    register(&mut scene::pending(), token(b"b"), vectors::identity_key(), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENodeIdTaken)]
fun a_node_id_is_taken_once() {
    scene::pending().stake_and_register(b"worker-1", token(b"b"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENodeIdTaken)]
fun a_node_id_gets_one_capability() {
    let _cap = scene::pending().register(b"worker-1", b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ENodeIdTaken)]
fun the_node_id_of_a_worker_that_left_stays_taken() {
    let _cap = scene::paid_out().register(b"worker-1", b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadNodeId)]
fun a_node_id_with_a_dot_is_refused() {
    scene::pending().stake_and_register(b"worker.2", token(b"b"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadNodeId)]
fun a_node_id_of_64_characters_is_refused() {
    let _cap = scene::pending().register(bytes(64, 97), b"b");
    abort
}

#[test, expected_failure(abort_code = worker_registry::ESealTokenUsed)]
fun a_seal_token_that_was_replaced_stays_used() {
    let mut s = scene::pending();
    s.refresh(b"b");
    let _cap = s.register(b"worker-2", b"a");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EIdentityKeyUsed)]
fun an_identity_key_that_was_replaced_stays_used() {
    let mut s = scene::slashed();
    s.reinstate(b"b", sui(5));
    register(&mut s, token(b"c"), vectors::identity_key(), sui(5));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_gives_no_capability() {
    let _cap = scene::outdated().register(b"worker-2", b"b");
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_registers_nobody() {
    register(&mut scene::outdated(), token(b"b"), key(2), sui(5));
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_has_no_status() {
    scene::pending().workers().status_of(b"nobody".to_string());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_has_no_stake() {
    scene::pending().workers().stake_of(b"nobody".to_string());
    abort
}

#[test, expected_failure(abort_code = worker_registry::EUnknownWorker)]
fun an_unknown_worker_has_no_counter() {
    scene::pending().workers().counter_of(b"nobody".to_string());
    abort
}

// The admin

fun propose_min_stake(f: &mut Fixture, amount: u64) {
    let (workers, registry, cap, clock) = f.administered();
    workers.propose_min_stake(registry, cap, amount, clock);
}

fun min_stake(f: &mut Fixture): u64 {
    let (workers, clock) = f.workers();
    workers.min_stake(clock)
}

fun register_in(f: &mut Fixture, node_id: vector<u8>, digit: vector<u8>, amount: u64) {
    let ctx = &mut fixture::by(@0x9, 70 + (digit[0] as u64));
    let payment = fixture::pay(amount, ctx);
    let (workers, clock) = f.workers();
    workers.stake_and_register_worker(payment, node_id.to_string(), token(digit), key(digit[0]), clock, ctx);
}

#[test]
fun another_minimum_holds_after_the_delay_and_for_new_workers() {
    let mut f = fixture::with_delay(DELAY_MS);
    register_in(&mut f, b"worker-1", b"a", sui(5));
    propose_min_stake(&mut f, sui(7));
    register_in(&mut f, b"worker-2", b"b", sui(5));
    f.advance(DELAY_MS - 1);
    assert_eq!(min_stake(&mut f), sui(5));
    f.advance(1);
    assert_eq!(min_stake(&mut f), sui(7));
    register_in(&mut f, b"worker-3", b"c", sui(7));
    let (workers, _) = f.workers();
    assert_eq!(workers.stake_of(b"worker-1".to_string()), sui(5));
    f.end();
}

#[test]
fun the_minimum_has_extremes() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, 1);
    register_in(&mut f, b"worker-1", b"a", 1);
    propose_min_stake(&mut f, sui(1_000_000));
    assert_eq!(min_stake(&mut f), sui(1_000_000));
    f.end();
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun the_old_minimum_is_not_enough_after_the_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    propose_min_stake(&mut f, sui(7));
    f.advance(DELAY_MS);
    register_in(&mut f, b"worker-1", b"a", sui(7) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EStakeTooSmall)]
fun a_lower_minimum_waits_too() {
    let mut f = fixture::with_delay(DELAY_MS);
    propose_min_stake(&mut f, 1);
    f.advance(DELAY_MS - 1);
    register_in(&mut f, b"worker-1", b"a", sui(5) - 1);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadMinStake)]
fun the_minimum_is_not_zero() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, 0);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadMinStake)]
fun the_minimum_is_at_most_a_million_sui() {
    let mut f = fixture::empty();
    propose_min_stake(&mut f, sui(1_000_000) + 1);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_does_not_propose_the_minimum() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (_, _, cap, _) = other.administered();
    let (workers, registry, _, clock) = f.administered();
    workers.propose_min_stake(registry, cap, sui(7), clock);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_minimum_of_another_clusters_workers_is_not_proposed() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (workers, _) = other.workers();
    let (_, registry, cap, clock) = f.administered();
    workers.propose_min_stake(registry, cap, sui(7), clock);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_proposes_no_minimum() {
    let mut f = fixture::empty();
    set_version(&mut f, 2);
    propose_min_stake(&mut f, sui(7));
    abort
}

// Upgrades

fun set_version(f: &mut Fixture, version: u64) {
    let (workers, _) = f.workers();
    workers.set_version_for_testing(version);
}

fun migrate(f: &mut Fixture) {
    let (workers, registry, cap, _) = f.administered();
    workers.migrate(registry, cap);
}

#[test]
fun the_new_package_works_before_and_after_the_migration() {
    let mut f = fixture::empty();
    set_version(&mut f, 0);
    register_in(&mut f, b"worker-1", b"a", sui(5));
    migrate(&mut f);
    register_in(&mut f, b"worker-2", b"b", sui(5));
    f.end();
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun the_registry_is_not_migrated_twice() {
    let mut f = fixture::empty();
    set_version(&mut f, 0);
    migrate(&mut f);
    migrate(&mut f);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_migrate_back() {
    let mut f = fixture::empty();
    set_version(&mut f, 2);
    migrate(&mut f);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_does_not_migrate() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (_, _, cap, _) = other.administered();
    let (workers, registry, _, _) = f.administered();
    workers.migrate(registry, cap);
    abort
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_workers_of_another_cluster_are_not_migrated() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    let (workers, _) = other.workers();
    let (_, registry, cap, _) = f.administered();
    workers.migrate(registry, cap);
    abort
}
