#[test_only]
/// What hosts, enclaves and their operators call: not in a package that is older than the registry. Functions of the admin
/// are in `governance_tests`, what is stated about workers and orders beside their modules.
module daasvader::old_package_tests;

use daasvader::anchor;
use daasvader::enclave_registry::Enclave;
use daasvader::fixture::{Self, Fixture, by, bytes};
use daasvader::gate;
use daasvader::heartbeat;
use daasvader::identity;
use daasvader::lead;
use daasvader::operator::{Self, Act};
use sui::package::{Self, UpgradeReceipt};

const STRANGER: address = @0x5;

/// A cluster with a leader and its act, the moment before another package version counts.
fun acting(): (Fixture, Enclave, Act) {
    let (f, enclave) = fixture::seated();
    let act = f.act(&enclave);
    (f, enclave, act)
}

/// The registry is of a later version than this package.
fun migrate(f: &mut Fixture) {
    f.its_registry_mut().set_version_for_testing(gate::version() + 1);
}

/// The registry is of the version before this package.
fun upgrade(f: &mut Fixture) {
    f.its_registry_mut().set_version_for_testing(gate::version() - 1);
}

#[test]
fun a_new_package_runs_the_whole_cluster_before_the_migration() {
    let mut f = fixture::empty();
    upgrade(&mut f);
    f.configure();
    let enclave = f.registered(fixture::operator(), 1);
    f.seat(&enclave, fixture::host());
    f.lead(&enclave, fixture::operator());
    let act = f.act(&enclave);
    let (registry, workers, staking, scheduler, clock) = f.all();
    identity::set_identity(registry, &act, &enclave, clock);
    anchor::anchor_state(registry, &act, 1, 1, bytes(32, 1), 1, clock);
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    lead::give_up_lead(registry, &act);
    f.end_all(enclave);
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_opens_no_registration() {
    let mut f = fixture::configured();
    migrate(&mut f);
    f.its_registry().open_registration(&mut by(STRANGER, 91));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_registers_no_enclave() {
    let mut f = fixture::configured();
    migrate(&mut f);
    let _enclave = f.registered(STRANGER, 91);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_fills_no_seat() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 91);
    migrate(&mut f);
    f.seat(&enclave, fixture::host());
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_deletes_no_enclave() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 91);
    migrate(&mut f);
    let (registry, _, clock) = f.registry();
    registry.close_enclave(enclave, clock, &by(fixture::operator(), 92));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_makes_no_leader() {
    let mut f = fixture::configured();
    let enclave = f.registered(fixture::operator(), 91);
    f.seat(&enclave, fixture::host());
    migrate(&mut f);
    f.lead(&enclave, fixture::operator());
    abort
}

/// Or what it does not check the new package would not check either: an act is the same thing to both.
#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_begins_no_act() {
    let (mut f, enclave, _act) = acting();
    migrate(&mut f);
    let (registry, _, clock) = f.registry();
    operator::act(registry, &enclave, 1, clock.timestamp_ms(), clock, &by(fixture::operator(), 92));
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_gives_up_no_lead() {
    let (mut f, _enclave, act) = acting();
    migrate(&mut f);
    lead::give_up_lead(f.its_registry_mut(), &act);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_sets_no_identity() {
    let (mut f, enclave, act) = acting();
    migrate(&mut f);
    let (registry, _, clock) = f.registry();
    identity::set_identity(registry, &act, &enclave, clock);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_anchors_nothing() {
    let (mut f, _enclave, act) = acting();
    migrate(&mut f);
    let (registry, _, clock) = f.registry();
    anchor::anchor_state(registry, &act, 1, 1, bytes(32, 1), 1, clock);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_gives_no_sign_of_life() {
    let (mut f, _enclave, act) = acting();
    migrate(&mut f);
    let (registry, workers, staking, scheduler, clock) = f.all();
    heartbeat::heartbeat(registry, &act, workers, staking, scheduler, bytes(32, 1), vector[], clock);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_commits_no_upgrade() {
    let mut f = fixture::empty();
    let receipt = upgraded(&mut f);
    migrate(&mut f);
    f.its_registry_mut().commit_upgrade(receipt);
    abort
}

/// An upgrade that was made and not yet committed.
fun upgraded(f: &mut Fixture): UpgradeReceipt {
    let (registry, cap, clock) = f.registry();
    registry.propose_upgrade(cap, bytes(32, 1), clock);
    package::test_upgrade(registry.authorize_upgrade(cap, bytes(32, 1), clock))
}
