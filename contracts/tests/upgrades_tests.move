#[test_only]
/// An upgrade of the package is proposed in public, waits, and is then made by its digest and no other.
module daasvader::upgrades_tests;

use daasvader::fixture::{Self, Fixture, bytes};
use daasvader::upgrades;
use std::unit_test::{assert_eq, destroy};
use sui::package::{Self, UpgradeReceipt};

const DELAY_MS: u64 = 8 * 86_400_000;

fun propose(f: &mut Fixture, digest: vector<u8>) {
    let (registry, cap, clock) = f.registry();
    registry.propose_upgrade(cap, digest, clock);
}

fun withdraw(f: &mut Fixture) {
    let (registry, cap, _) = f.registry();
    registry.withdraw_upgrade(cap);
}

/// Authorizes an upgrade and does what Sui does with the ticket.
fun upgrade(f: &mut Fixture, digest: vector<u8>): UpgradeReceipt {
    let (registry, cap, clock) = f.registry();
    let ticket = registry.authorize_upgrade(cap, digest, clock);
    assert_eq!(*ticket.digest(), digest);
    assert_eq!(ticket.policy(), package::compatible_policy());
    package::test_upgrade(ticket)
}

fun commit(f: &mut Fixture, receipt: UpgradeReceipt) {
    let (registry, _, _) = f.registry();
    registry.commit_upgrade(receipt);
}

#[test]
fun an_upgrade_that_waited_is_made() {
    let mut f = fixture::with_delay(DELAY_MS);
    let before = f.its_registry().package();
    assert_eq!(before.version(), 1);
    propose(&mut f, bytes(32, 1));
    f.advance(DELAY_MS);
    let receipt = upgrade(&mut f, bytes(32, 1));
    let made = receipt.package().to_address();
    commit(&mut f, receipt);
    let after = f.its_registry().package();
    assert_eq!(after.version(), 2);
    assert_eq!(after.current(), made);
    assert_eq!(after.original(), before.original());
    assert!(after.current() != after.original());
    f.end();
}

#[test]
fun without_delay_one_upgrade_follows_the_other() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    let receipt = upgrade(&mut f, bytes(32, 1));
    commit(&mut f, receipt);
    propose(&mut f, bytes(32, 2));
    let receipt = upgrade(&mut f, bytes(32, 2));
    commit(&mut f, receipt);
    assert_eq!(f.its_registry().package().version(), 3);
    f.end();
}

#[test, expected_failure(abort_code = upgrades::ENotYet)]
fun an_upgrade_is_not_made_before_its_time() {
    let mut f = fixture::with_delay(DELAY_MS);
    propose(&mut f, bytes(32, 1));
    f.advance(DELAY_MS - 1);
    let _receipt = upgrade(&mut f, bytes(32, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun an_upgrade_that_nobody_proposed_is_not_made() {
    let mut f = fixture::empty();
    let _receipt = upgrade(&mut f, bytes(32, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun another_upgrade_than_the_proposed_one_is_not_made() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    let _receipt = upgrade(&mut f, bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun an_upgrade_is_made_once() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    let receipt = upgrade(&mut f, bytes(32, 1));
    commit(&mut f, receipt);
    let _receipt = upgrade(&mut f, bytes(32, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun an_upgrade_that_was_withdrawn_is_not_made() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    withdraw(&mut f);
    let _receipt = upgrade(&mut f, bytes(32, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun nothing_is_withdrawn_twice() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    withdraw(&mut f);
    withdraw(&mut f);
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotProposed)]
fun another_proposal_takes_the_place_of_the_first() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(32, 1));
    propose(&mut f, bytes(32, 2));
    let _receipt = upgrade(&mut f, bytes(32, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::ENotYet)]
fun another_proposal_waits_the_whole_delay() {
    let mut f = fixture::with_delay(DELAY_MS);
    propose(&mut f, bytes(32, 1));
    f.advance(DELAY_MS);
    propose(&mut f, bytes(32, 2));
    f.advance(DELAY_MS - 1);
    let _receipt = upgrade(&mut f, bytes(32, 2));
    abort
}

#[test, expected_failure(abort_code = upgrades::EBadDigest)]
fun a_digest_of_another_length_is_refused() {
    let mut f = fixture::empty();
    propose(&mut f, bytes(31, 1));
    abort
}

#[test, expected_failure(abort_code = upgrades::EWrongReceipt)]
fun the_receipt_of_another_package_is_refused() {
    let mut f = fixture::empty();
    let mut other = fixture::other();
    propose(&mut f, bytes(32, 1));
    propose(&mut other, bytes(32, 1));
    let _own = upgrade(&mut f, bytes(32, 1));
    let receipt = upgrade(&mut other, bytes(32, 1));
    commit(&mut f, receipt);
    abort
}

#[test]
fun the_cluster_takes_in_the_cap_of_its_own_package() {
    let cap = package::test_publish(@daasvader.to_id(), &mut fixture::by(@0xA, 1));
    let upgrades = upgrades::new(cap);
    assert_eq!(upgrades.package().original(), @daasvader);
    destroy(upgrades);
}
