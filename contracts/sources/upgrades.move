/// The right to upgrade this package, which the cluster itself holds: what is proposed waits in public.
module daasvader::upgrades;

use std::type_name;
use sui::address;
use sui::package::{Self, UpgradeCap, UpgradeReceipt, UpgradeTicket};

/// The capability is for another package, for an upgraded one, or permits less than a compatible upgrade.
const EWrongUpgradeCap: u64 = 0;
/// The digest is not 32 bytes.
const EBadDigest: u64 = 1;
/// No upgrade to this digest is proposed.
const ENotProposed: u64 = 2;
/// The upgrade that is proposed still waits.
const ENotYet: u64 = 3;
/// The receipt is of another package's upgrade.
const EWrongReceipt: u64 = 4;

const DIGEST_LENGTH: u64 = 32;

/// Where the package is.
public struct Package has copy, drop, store {
    /// Of the first version: types and events are named by it.
    original: address,
    /// Of the newest version: this one is to be called.
    current: address,
    /// 1 for the first version.
    version: u64,
}

public struct Proposal has copy, drop, store {
    /// Of the modules and dependencies, as Sui computes it for an upgrade.
    digest: vector<u8>,
    effective_at_ms: u64,
}

public struct Upgrades has store {
    cap: UpgradeCap,
    package: Package,
    proposal: Option<Proposal>,
    /// What was authorized last; that upgrade is committed in the same transaction.
    authorized: vector<u8>,
}

/// Takes in the capability of this package, in its first version.
///
/// @throws `EWrongUpgradeCap`
public(package) fun new(cap: UpgradeCap): Upgrades {
    let own = type_name::with_original_ids<Upgrades>().address_string();
    assert!(cap.package().to_address() == address::from_ascii_bytes(own.as_bytes()), EWrongUpgradeCap);
    assert!(cap.version() == 1 && cap.policy() == package::compatible_policy(), EWrongUpgradeCap);
    with_cap(cap)
}

/// Proposes the upgrade to a digest, in place of one that was proposed before.
///
/// @throws `EBadDigest`
public(package) fun propose(self: &mut Upgrades, digest: vector<u8>, effective_at_ms: u64) {
    assert!(digest.length() == DIGEST_LENGTH, EBadDigest);
    self.proposal = option::some(Proposal { digest, effective_at_ms });
}

/// Takes the proposal back.
///
/// @throws `ENotProposed`
public(package) fun withdraw(self: &mut Upgrades): vector<u8> {
    assert!(self.proposal.is_some(), ENotProposed);
    self.proposal.extract().digest
}

/// Permits the upgrade that is in effect, once.
///
/// @throws `ENotProposed`, `ENotYet`
public(package) fun authorize(self: &mut Upgrades, digest: vector<u8>, now_ms: u64): UpgradeTicket {
    assert!(self.proposal.is_some_and!(|proposal| proposal.digest == digest), ENotProposed);
    assert!(self.proposal.extract().effective_at_ms <= now_ms, ENotYet);
    self.authorized = digest;
    self.cap.authorize(package::compatible_policy(), digest)
}

/// Takes in what the upgrade made, and gives the digest of it.
///
/// @throws `EWrongReceipt`
public(package) fun commit(self: &mut Upgrades, receipt: UpgradeReceipt): vector<u8> {
    assert!(receipt.cap() == object::id(&self.cap), EWrongReceipt);
    self.cap.commit(receipt);
    self.package.current = self.cap.package().to_address();
    self.package.version = self.cap.version();
    self.authorized
}

public(package) fun package(self: &Upgrades): Package {
    self.package
}

public(package) fun original(self: &Package): address {
    self.original
}

public(package) fun current(self: &Package): address {
    self.current
}

public(package) fun version(self: &Package): u64 {
    self.version
}

fun with_cap(cap: UpgradeCap): Upgrades {
    let original = cap.package().to_address();
    let package = Package { original, current: original, version: cap.version() };
    Upgrades { cap, package, proposal: option::none(), authorized: vector[] }
}

/// Of a package at any address: in tests this one is at 0x0, which Sui takes for an upgrade that goes on.
#[test_only]
public fun for_testing(ctx: &mut TxContext): Upgrades {
    with_cap(package::test_publish(@0xDAA5.to_id(), ctx))
}
