/// What one user has with the staking pool.
module daasvader::account;

use daasvader::hourly::{Self, Hourly};
use daasvader::stake::{Self, Stake};
use std::string::String;
use sui::balance::Balance;
use sui::sui::SUI;

/// How many events an hour an account causes.
const MAX_EVENTS: u64 = 60;

public struct Account has store {
    stake: Stake,
    /// Further namespaces, in the order in which they were claimed.
    claimed: vector<String>,
    hour: Hourly,
}

public(package) fun new(bonded: Balance<SUI>): Account {
    Account { stake: stake::new(bonded), claimed: vector[], hour: hourly::new() }
}

/// Counts an event of this hour.
///
/// @throws `hourly::ETooManyThisHour`
public(package) fun count_event(self: &mut Account, now_ms: u64) {
    self.hour.spend(1, MAX_EVENTS, now_ms)
}

public(package) fun claim(self: &mut Account, namespace: String) {
    self.claimed.push_back(namespace)
}

/// Ends the claim of a namespace.
///
/// Returns whether there was one.
public(package) fun release(self: &mut Account, namespace: &String): bool {
    let (is_claimed, index) = self.claimed.index_of(namespace);
    if (is_claimed) {
        self.claimed.remove(index);
    };
    is_claimed
}

/// Whether a namespace is one of the first `most` that were claimed.
public(package) fun is_among_first(self: &Account, namespace: &String, most: u64): bool {
    let (is_claimed, index) = self.claimed.index_of(namespace);
    is_claimed && index < most
}

public(package) fun claimed(self: &Account): vector<String> {
    self.claimed
}

public(package) fun stake(self: &Account): &Stake {
    &self.stake
}

public(package) fun stake_mut(self: &mut Account): &mut Stake {
    &mut self.stake
}

/// Ends an account with nothing staked.
public(package) fun destroy(self: Account) {
    let Account { stake, .. } = self;
    stake.destroy_empty();
}
