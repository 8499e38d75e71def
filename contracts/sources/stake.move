/// Stake that leaves only after a waiting time.
module daasvader::stake;

use sui::balance::{Self, Balance};
use sui::sui::SUI;

/// The amount is zero.
const EZeroAmount: u64 = 0;
/// The amount is more than is staked.
const ENotEnoughStake: u64 = 1;
/// Nothing waits to be withdrawn.
const ENothingRequested: u64 = 2;
/// The waiting time is not over.
const EStillUnbonding: u64 = 3;

/// How long stake waits after it was asked for: long enough to be slashed for what it secured.
const UNBONDING_MS: u64 = 7 * 24 * 3_600_000;

public struct Stake has store {
    bonded: Balance<SUI>,
    unbonding: Balance<SUI>,
    /// When `unbonding` may leave.
    unbonds_at_ms: u64,
}

public(package) fun new(bonded: Balance<SUI>): Stake {
    Stake { bonded, unbonding: balance::zero(), unbonds_at_ms: 0 }
}

/// @throws `EZeroAmount`
public(package) fun add(self: &mut Stake, amount: Balance<SUI>) {
    assert!(amount.value() > 0, EZeroAmount);
    self.bonded.join(amount);
}

/// Starts the waiting time of `amount`, and again that of whatever waits already.
///
/// @throws `EZeroAmount`, `ENotEnoughStake`
public(package) fun unbond(self: &mut Stake, amount: u64, now_ms: u64) {
    assert!(amount > 0, EZeroAmount);
    assert!(amount <= self.bonded.value(), ENotEnoughStake);
    self.unbonding.join(self.bonded.split(amount));
    self.unbonds_at_ms = now_ms + UNBONDING_MS;
}

/// Gives what has waited long enough.
///
/// @throws `ENothingRequested`, `EStillUnbonding`
public(package) fun withdraw(self: &mut Stake, now_ms: u64): Balance<SUI> {
    assert!(self.unbonding.value() > 0, ENothingRequested);
    assert!(now_ms >= self.unbonds_at_ms, EStillUnbonding);
    self.unbonding.withdraw_all()
}

/// Takes half of everything, also of what waits to leave; a MIST that does not divide stays.
public(package) fun slash_half(self: &mut Stake): Balance<SUI> {
    let mut taken = take_half(&mut self.bonded);
    taken.join(take_half(&mut self.unbonding));
    taken
}

/// How long stake waits before it leaves.
public(package) fun unbonding_ms(): u64 {
    UNBONDING_MS
}

public(package) fun bonded(self: &Stake): u64 {
    self.bonded.value()
}

public(package) fun total(self: &Stake): u64 {
    self.bonded.value() + self.unbonding.value()
}

public(package) fun destroy_empty(self: Stake) {
    let Stake { bonded, unbonding, .. } = self;
    bonded.destroy_zero();
    unbonding.destroy_zero();
}

fun take_half(balance: &mut Balance<SUI>): Balance<SUI> {
    let half = balance.value() / 2;
    balance.split(half)
}
