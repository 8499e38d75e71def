#[test_only]
module daasvader::gate_tests;

use daasvader::gate;
use std::unit_test::assert_eq;

const MAX_U64: u64 = 18_446_744_073_709_551_615;

#[test]
fun a_package_changes_objects_of_its_version_and_of_the_one_before() {
    gate::check(gate::version());
    gate::check(gate::version() - 1);
    assert!(gate::is_current(gate::version()));
    assert!(!gate::is_current(gate::version() - 1));
    assert!(!gate::is_current(gate::version() + 1));
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun a_package_changes_no_object_of_a_later_version() {
    gate::check(gate::version() + 1);
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun no_version_is_too_great_to_be_compared() {
    gate::check(MAX_U64);
}

#[test]
fun what_is_behind_is_migrated() {
    let mut version = gate::version() - 1;
    gate::migrate(&mut version);
    assert_eq!(version, gate::version());
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun nothing_is_migrated_twice() {
    let mut version = gate::version() - 1;
    gate::migrate(&mut version);
    gate::migrate(&mut version);
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun an_old_package_migrates_nothing_back() {
    let mut version = gate::version() + 1;
    gate::migrate(&mut version);
}

#[test]
fun two_versions_of_the_package_work_until_the_object_is_migrated() {
    // Version 5 was published over 4: objects are of 4.
    gate::check_for_testing(4, 4);
    gate::check_for_testing(5, 4);
}

#[test, expected_failure(abort_code = gate::EMigrateFirst)]
fun a_package_two_versions_on_waits_for_the_migration() {
    gate::check_for_testing(6, 4);
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_version_before_ends_with_the_migration() {
    gate::check_for_testing(4, 5);
}
