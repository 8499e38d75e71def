#[test_only]
module daasvader::offer_tests;

use daasvader::fixture::{bytes, sui};
use daasvader::offer;
use daasvader::worker_registry;
use daasvader::worker_scene::{Self as scene, Scene};
use std::unit_test::assert_eq;

const GREATEST: u64 = 18_446_744_073_709_551_615;

/// A worker with one MIST less than 7 SUI, which count as 6.
fun nearly_seven(): Scene {
    scene::staked_with(sui(7) - 1)
}

#[test]
fun all_that_the_stake_stands_for_may_be_offered() {
    let mut s = scene::active();
    let events = s.events();
    s.offer();
    s.offer_of(0, 0, 0, b"");
    assert_eq!(s.events(), events + 2);
    s.end();
}

#[test]
fun only_whole_sui_count() {
    let mut s = nearly_seven();
    s.offer_of(24_000, 98_304, 1_536, bytes(32, 97));
    s.end();
}

#[test]
fun prices_have_no_bound() {
    let mut s = scene::active();
    s.offer_at(GREATEST, GREATEST, GREATEST);
    s.offer_at(0, 0, 0);
    s.end();
}

#[test]
fun the_greatest_stake_bounds_without_overflow() {
    let mut s = scene::staked_with(GREATEST);
    s.offer_of(18_446_744_073 * 4_000, 18_446_744_073 * 16_384, 18_446_744_073 * 256, b"moon");
    s.end();
}

#[test]
fun added_stake_allows_more() {
    let mut s = scene::active();
    s.add_stake(sui(1));
    s.offer_of(24_000, 98_304, 1_536, b"");
    s.end();
}

#[test, expected_failure(abort_code = offer::ECapacityTooLarge)]
fun more_cpu_than_the_stake_stands_for_is_not_offered() {
    nearly_seven().offer_of(24_001, 98_304, 1_536, b"");
    abort
}

#[test, expected_failure(abort_code = offer::ECapacityTooLarge)]
fun more_memory_than_the_stake_stands_for_is_not_offered() {
    nearly_seven().offer_of(24_000, 98_305, 1_536, b"");
    abort
}

#[test, expected_failure(abort_code = offer::ECapacityTooLarge)]
fun more_disk_than_the_stake_stands_for_is_not_offered() {
    nearly_seven().offer_of(24_000, 98_304, 1_537, b"");
    abort
}

#[test, expected_failure(abort_code = offer::ECapacityTooLarge)]
fun everything_is_not_offered() {
    nearly_seven().offer_of(GREATEST, GREATEST, GREATEST, b"");
    abort
}

#[test, expected_failure(abort_code = offer::ECapacityTooLarge)]
fun what_a_slash_took_stands_for_nothing() {
    let mut s = scene::slashed();
    s.reinstate(b"b", sui(5) / 2);
    s.offer_of(20_001, 0, 0, b"");
    abort
}

#[test, expected_failure(abort_code = offer::EBadRegion)]
fun a_region_has_at_most_32_characters() {
    scene::active().offer_of(0, 0, 0, bytes(33, 97));
    abort
}

#[test, expected_failure(abort_code = offer::EBadRegion)]
fun a_region_has_no_capitals() {
    scene::active().offer_of(0, 0, 0, b"EU");
    abort
}

#[test, expected_failure(abort_code = offer::EBadRegion)]
fun a_region_has_no_spaces() {
    scene::active().offer_of(0, 0, 0, b"eu west");
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_worker_that_left_offers_nothing() {
    scene::unbonding().offer();
    abort
}

#[test, expected_failure(abort_code = worker_registry::EBadTransition)]
fun a_slashed_worker_offers_nothing() {
    scene::slashed().offer();
    abort
}

#[test]
fun a_slash_ends_the_offer() {
    let mut s = scene::active();
    s.offer();
    assert!(s.workers().has_offer(b"worker-1".to_string()));
    s.slash();
    assert!(!s.workers().has_offer(b"worker-1".to_string()));
    s.end();
}
