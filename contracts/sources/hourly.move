/// How much of something was used in this hour, so that one identity cannot flood a log.
module daasvader::hourly;

/// The limit of this hour is used up: try again in the next one.
const ETooManyThisHour: u64 = 0;

const HOUR_MS: u64 = 3_600_000;

public struct Hourly has copy, drop, store {
    /// Hours since 1970.
    hour: u64,
    /// What was used in it.
    used: u64,
}

public(package) fun new(): Hourly {
    Hourly { hour: 0, used: 0 }
}

/// Uses an amount of what the limit allows in the hour of `now_ms`.
///
/// @throws `ETooManyThisHour`
public(package) fun spend(self: &mut Hourly, amount: u64, limit: u64, now_ms: u64) {
    let hour = now_ms / HOUR_MS;
    if (self.hour != hour) {
        self.hour = hour;
        self.used = 0;
    };
    // Subtracting cannot overflow: what is used is within a limit, though maybe not within this one.
    assert!(self.used <= limit && amount <= limit - self.used, ETooManyThisHour);
    self.used = self.used + amount;
}
