#[test_only]
module daasvader::timelock_tests;

use daasvader::timelock;
use std::unit_test::{assert_eq, destroy};

const DELAY_MS: u64 = 10;

#[test]
fun only_the_very_first_value_takes_effect_at_once() {
    let mut value = timelock::new<u64>();
    assert_eq!(value.value(100), option::none());
    assert_eq!(value.propose(1, DELAY_MS, 100), 100);
    assert_eq!(value.value(100), option::some(1));
    assert_eq!(value.propose(2, DELAY_MS, 100), 110);
    assert_eq!(value.value(109), option::some(1));
    assert_eq!(value.value(110), option::some(2));
    destroy(value);
}

#[test]
fun the_first_value_may_have_to_wait_too() {
    let mut value = timelock::waiting<u64>();
    assert_eq!(value.propose(1, DELAY_MS, 100), 110);
    assert_eq!(value.value(109), option::none());
    assert_eq!(value.value(110), option::some(1));
    destroy(value);
}

#[test]
fun every_value_after_one_from_the_start_waits() {
    let mut value = timelock::of(1);
    assert_eq!(value.value(0), option::some(1));
    value.propose(2, DELAY_MS, 100);
    assert_eq!(value.value(109), option::some(1));
    assert_eq!(value.value(110), option::some(2));
    destroy(value);
}

/// Or a proposal that waited could be exchanged in its last moment.
#[test]
fun another_proposal_waits_the_whole_delay_again() {
    let mut value = timelock::of(1);
    value.propose(2, DELAY_MS, 100);
    value.propose(3, DELAY_MS, 109);
    assert_eq!(value.value(118), option::some(1));
    assert_eq!(value.value(119), option::some(3));
    destroy(value);
}

#[test]
fun a_value_that_is_due_is_not_lost_to_the_next_proposal() {
    let mut value = timelock::of(1);
    value.propose(2, DELAY_MS, 100);
    value.propose(3, DELAY_MS, 110);
    assert_eq!(value.value(119), option::some(2));
    assert_eq!(value.value(120), option::some(3));
    destroy(value);
}
