/// What the scheduler holds of each owner of namespaces: it is the owner's room, hour and money that an order takes,
/// whoever sent it.
module daasvader::owners;

use daasvader::hourly::{Self, Hourly};
use sui::balance::{Self, Balance};
use sui::sui::SUI;
use sui::table::{Self, Table};

/// How many requests may be open.
const MAX_OPEN: u64 = 32;
/// How many events an hour an owner causes.
const MAX_EVENTS: u64 = 1_200;
/// The same where each makes room: whoever used up the hour with orders can still take them back.
const MAX_REMOVALS: u64 = 2_400;

public struct Owners has store {
    /// They stay: an hour that is forgotten would begin anew.
    rows: Table<address, Owner>,
}

public struct Owner has store {
    /// Requests that are not done.
    open: u64,
    hour: Hourly,
    /// Paid in and not used.
    fees: Balance<SUI>,
}

public(package) fun new(ctx: &mut TxContext): Owners {
    Owners { rows: table::new(ctx) }
}

/// An owner's row, which is made when there is none.
public(package) fun of(self: &mut Owners, owner: address): &mut Owner {
    if (!self.rows.contains(owner)) {
        self.rows.add(owner, Owner { open: 0, hour: hourly::new(), fees: balance::zero() });
    };
    &mut self.rows[owner]
}

/// In MIST.
public(package) fun fees_of(self: &Owners, owner: address): u64 {
    if (self.rows.contains(owner)) self.rows[owner].fees.value() else 0
}

/// Counts an event of this hour.
///
/// @throws `hourly::ETooManyThisHour`
public(package) fun count_event(self: &mut Owner, is_removal: bool, now_ms: u64) {
    self.hour.spend(1, if (is_removal) MAX_REMOVALS else MAX_EVENTS, now_ms)
}

public(package) fun has_room(self: &Owner): bool {
    self.open < MAX_OPEN
}

public(package) fun add_open(self: &mut Owner) {
    self.open = self.open + 1;
}

public(package) fun remove_open(self: &mut Owner) {
    self.open = self.open - 1;
}

public(package) fun fees(self: &mut Owner): &mut Balance<SUI> {
    &mut self.fees
}
