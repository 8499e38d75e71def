#[test_only]
module daasvader::hourly_tests;

use daasvader::hourly;

const HOUR_MS: u64 = 3_600_000;
const MAX_U64: u64 = 18_446_744_073_709_551_615;

#[test]
fun a_limit_may_be_used_up_every_hour() {
    let mut hourly = hourly::new();
    hourly.spend(2, 3, 0);
    hourly.spend(1, 3, HOUR_MS - 1);
    hourly.spend(3, 3, HOUR_MS);
    hourly.spend(3, 3, 5 * HOUR_MS);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun an_hour_ends_only_when_the_next_begins() {
    let mut hourly = hourly::new();
    hourly.spend(3, 3, HOUR_MS);
    hourly.spend(1, 3, 2 * HOUR_MS - 1);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun more_than_the_limit_is_refused_at_once() {
    let mut hourly = hourly::new();
    hourly.spend(4, 3, HOUR_MS);
}

#[test]
fun what_is_used_counts_against_a_wider_limit_too() {
    let mut hourly = hourly::new();
    hourly.spend(3, 3, HOUR_MS);
    hourly.spend(3, 6, HOUR_MS);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun what_is_used_may_be_beyond_a_narrower_limit() {
    let mut hourly = hourly::new();
    hourly.spend(6, 6, HOUR_MS);
    hourly.spend(0, 3, HOUR_MS);
}

#[test, expected_failure(abort_code = hourly::ETooManyThisHour)]
fun no_amount_is_too_great_to_be_refused() {
    let mut hourly = hourly::new();
    hourly.spend(1, MAX_U64, HOUR_MS);
    hourly.spend(MAX_U64, MAX_U64, HOUR_MS);
}
