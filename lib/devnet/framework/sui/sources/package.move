/// The right to upgrade a package.
module sui::package;

/// The cap has authorised an upgrade that is not committed.
const EAlreadyAuthorized: u64 = 2;
/// The cap has authorised no upgrade.
const ENotAuthorized: u64 = 3;
/// The receipt belongs to another cap.
const EWrongUpgradeCap: u64 = 4;
/// The cap allows less than what is asked for.
const ETooPermissive: u64 = 1;

public struct UpgradeCap has key, store {
    id: UID,
    package: ID,
    version: u64,
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
