/// What an order costs, and what was paid for orders so far. It goes to the host of the leader, who pays for the gas of
/// what the operator states.
module daasvader::fees;

use daasvader::timelock::{Self, Timelocked};
use sui::balance::{Self, Balance};
use sui::sui::SUI;

/// The fee is more than 0.1 SUI.
const EFeeTooHigh: u64 = 0;
/// What the namespace's owner has paid in is less than the fee.
const EFeeUnpaid: u64 = 1;

const MAX_FEE: u64 = 100_000_000;

public struct Fees has store {
    /// In MIST, of each order.
    fee: Timelocked<u64>,
    collected: Balance<SUI>,
}

/// Nothing, until a fee is proposed.
public(package) fun new(): Fees {
    Fees { fee: timelock::of(0), collected: balance::zero() }
}

/// Proposes what an order shall cost.
///
/// Returns when it takes effect.
///
/// @throws `EFeeTooHigh`
public(package) fun propose(self: &mut Fees, fee: u64, delay_ms: u64, now_ms: u64): u64 {
    assert!(fee <= MAX_FEE, EFeeTooHigh);
    self.fee.propose(fee, delay_ms, now_ms)
}

public(package) fun fee(self: &Fees, now_ms: u64): u64 {
    self.fee.value(now_ms).destroy_some()
}

/// Takes the fee of one order out of what its owner paid in.
///
/// @throws `EFeeUnpaid`
public(package) fun charge(self: &mut Fees, paid_in: &mut Balance<SUI>, now_ms: u64) {
    let fee = self.fee(now_ms);
    assert!(paid_in.value() >= fee, EFeeUnpaid);
    self.collected.join(paid_in.split(fee));
}

public(package) fun collected(self: &Fees): u64 {
    self.collected.value()
}

public(package) fun take_collected(self: &mut Fees): Balance<SUI> {
    self.collected.withdraw_all()
}
