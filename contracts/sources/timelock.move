/// A value that changes only after a public delay.
module daasvader::timelock;

public struct Timelocked<T: copy + drop + store> has store {
    current: Option<T>,
    pending: Option<T>,
    /// When `pending` becomes `current`.
    effective_at_ms: u64,
    /// Whether the next value has to wait.
    waits: bool,
}

/// No value yet; only the very first takes effect at once.
public(package) fun new<T: copy + drop + store>(): Timelocked<T> {
    Timelocked { current: option::none(), pending: option::none(), effective_at_ms: 0, waits: false }
}

/// No value yet; the first waits as every other does.
public(package) fun waiting<T: copy + drop + store>(): Timelocked<T> {
    Timelocked { current: option::none(), pending: option::none(), effective_at_ms: 0, waits: true }
}

/// A value in effect from the start; every other one waits.
public(package) fun of<T: copy + drop + store>(value: T): Timelocked<T> {
    Timelocked { current: option::some(value), pending: option::none(), effective_at_ms: 0, waits: true }
}

/// Proposes a value, in place of another that still waits.
///
/// Returns when it takes effect.
public(package) fun propose<T: copy + drop + store>(
    self: &mut Timelocked<T>,
    value: T,
    delay_ms: u64,
    now_ms: u64,
): u64 {
    self.settle(now_ms);
    self.effective_at_ms = if (self.waits) now_ms + delay_ms else now_ms;
    self.waits = true;
    self.pending = option::some(value);
    self.settle(now_ms);
    self.effective_at_ms
}

/// The value in effect now.
public(package) fun value<T: copy + drop + store>(self: &Timelocked<T>, now_ms: u64): Option<T> {
    if (self.is_due(now_ms)) self.pending else self.current
}

fun settle<T: copy + drop + store>(self: &mut Timelocked<T>, now_ms: u64) {
    if (self.is_due(now_ms)) {
        self.current = self.pending;
        self.pending = option::none();
    }
}

fun is_due<T: copy + drop + store>(self: &Timelocked<T>, now_ms: u64): bool {
    self.pending.is_some() && self.effective_at_ms <= now_ms
}
