/// The right to upgrade a package.
module sui::package;

use std::ascii::String;
use std::type_name;
use sui::types;

public use fun burn_publisher as Publisher.burn;
public use fun published_module as Publisher.module_;
public use fun published_package as Publisher.package;
public use fun upgrade_package as UpgradeCap.package;
public use fun upgrade_policy as UpgradeCap.policy;
public use fun authorize_upgrade as UpgradeCap.authorize;
public use fun commit_upgrade as UpgradeCap.commit;
public use fun ticket_package as UpgradeTicket.package;
public use fun ticket_policy as UpgradeTicket.policy;
public use fun ticket_digest as UpgradeTicket.digest;
public use fun receipt_cap as UpgradeReceipt.cap;
public use fun receipt_package as UpgradeReceipt.package;

/// The value given for a `Publisher` is no one-time witness.
const ENotOneTimeWitness: u64 = 0;
/// The cap allows less than what is asked for.
const ETooPermissive: u64 = 1;
/// The cap has authorised an upgrade that is not committed.
const EAlreadyAuthorized: u64 = 2;
/// The cap has authorised no upgrade.
const ENotAuthorized: u64 = 3;
/// The receipt belongs to another cap.
const EWrongUpgradeCap: u64 = 4;

/// Everything may change that no user of the old version can notice.
const COMPATIBLE: u8 = 0;
/// What is there stays; more may come.
const ADDITIVE: u8 = 128;
/// Only the versions of dependencies change.
const DEP_ONLY: u8 = 192;

/// Proves that its owner published the module that is named in it.
public struct Publisher has key, store {
    id: UID,
    package: String,
    module_name: String,
}

public struct UpgradeCap has key, store {
    id: UID,
    /// The newest version, or 0x0 while an upgrade goes on.
    package: ID,
    /// 1 for the first version.
    version: u64,
    /// The most that an upgrade may change.
    policy: u8,
}

/// Permits one upgrade to the bytecode with this digest, in this transaction.
public struct UpgradeTicket {
    cap: ID,
    package: ID,
    policy: u8,
    digest: vector<u8>,
}

/// Must be committed to the cap before the transaction ends.
public struct UpgradeReceipt {
    cap: ID,
    package: ID,
}

/// @throws `ENotOneTimeWitness`
public fun claim<OTW: drop>(otw: OTW, ctx: &mut TxContext): Publisher {
    assert!(types::is_one_time_witness(&otw), ENotOneTimeWitness);
    let name = type_name::with_original_ids<OTW>();
    Publisher { id: object::new(ctx), package: name.address_string(), module_name: name.module_string() }
}

/// Claims a publisher for the sender. @throws `ENotOneTimeWitness`
public fun claim_and_keep<OTW: drop>(otw: OTW, ctx: &mut TxContext) {
    transfer::public_transfer(claim(otw, ctx), ctx.sender())
}

public fun burn_publisher(self: Publisher) {
    let Publisher { id, .. } = self;
    id.delete();
}

/// Whether the publisher published the package, in its first version, of a type.
public fun from_package<T>(self: &Publisher): bool {
    type_name::with_original_ids<T>().address_string() == self.package
}

/// Whether the publisher published the module of a type.
public fun from_module<T>(self: &Publisher): bool {
    let name = type_name::with_original_ids<T>();
    name.address_string() == self.package && name.module_string() == self.module_name
}

public fun published_module(self: &Publisher): &String { &self.module_name }

public fun published_package(self: &Publisher): &String { &self.package }

public fun upgrade_package(cap: &UpgradeCap): ID { cap.package }

public fun version(cap: &UpgradeCap): u64 { cap.version }

public fun upgrade_policy(cap: &UpgradeCap): u8 { cap.policy }

public fun ticket_package(ticket: &UpgradeTicket): ID { ticket.package }

public fun ticket_policy(ticket: &UpgradeTicket): u8 { ticket.policy }

public fun ticket_digest(ticket: &UpgradeTicket): &vector<u8> { &ticket.digest }

public fun receipt_cap(receipt: &UpgradeReceipt): ID { receipt.cap }

public fun receipt_package(receipt: &UpgradeReceipt): ID { receipt.package }

public fun compatible_policy(): u8 { COMPATIBLE }

public fun additive_policy(): u8 { ADDITIVE }

public fun dep_only_policy(): u8 { DEP_ONLY }

/// @throws `ETooPermissive`
public entry fun only_additive_upgrades(cap: &mut UpgradeCap) { cap.restrict(ADDITIVE) }

/// @throws `ETooPermissive`
public entry fun only_dep_upgrades(cap: &mut UpgradeCap) { cap.restrict(DEP_ONLY) }

/// Gives up the right for ever.
public entry fun make_immutable(cap: UpgradeCap) {
    let UpgradeCap { id, .. } = cap;
    id.delete();
}

/// @throws `EAlreadyAuthorized`, `ETooPermissive`
public fun authorize_upgrade(cap: &mut UpgradeCap, policy: u8, digest: vector<u8>): UpgradeTicket {
    let none = @0x0.to_id();
    assert!(cap.package != none, EAlreadyAuthorized);
    assert!(policy >= cap.policy, ETooPermissive);
    let package = cap.package;
    cap.package = none;
    UpgradeTicket { cap: object::id(cap), package, policy, digest }
}

/// @throws `EWrongUpgradeCap`, `ENotAuthorized`
public fun commit_upgrade(cap: &mut UpgradeCap, receipt: UpgradeReceipt) {
    let UpgradeReceipt { cap: cap_id, package } = receipt;
    assert!(object::id(cap) == cap_id, EWrongUpgradeCap);
    assert!(cap.package == @0x0.to_id(), ENotAuthorized);
    cap.package = package;
    cap.version = cap.version + 1;
}

fun restrict(cap: &mut UpgradeCap, policy: u8) {
    assert!(cap.policy <= policy, ETooPermissive);
    cap.policy = policy;
}

#[test_only]
/// The cap that publishing a package of that id would give.
public fun test_publish(package: ID, ctx: &mut TxContext): UpgradeCap {
    UpgradeCap { id: object::new(ctx), package, version: 1, policy: COMPATIBLE }
}

#[test_only]
/// What the command `Upgrade` makes of a ticket; the new package's id is made of the cap's and the old one's.
public fun test_upgrade(ticket: UpgradeTicket): UpgradeReceipt {
    let UpgradeTicket { cap, package, policy: _, digest: _ } = ticket;
    let mut bytes = cap.to_bytes();
    bytes.append(package.to_bytes());
    UpgradeReceipt { cap, package: object::id_from_bytes(sui::hash::blake2b256(&bytes)) }
}
