/// Which version of the package may change an object that is shared.
///
/// An object carries the version of the package that it was made or migrated by. After an upgrade the package before
/// and the new one both work, so that nobody has to change over in the same moment; `migrate` ends that.
module daasvader::gate;

/// The object was migrated by a newer version of the package: call that one.
const EOldPackage: u64 = 0;
/// The object is two or more versions behind: the admin has to migrate it first.
const EMigrateFirst: u64 = 1;
/// The object has this package's version.
const ENothingToMigrate: u64 = 2;

/// Of this package; each upgrade raises it by one.
const VERSION: u64 = 1;

/// What a new object carries.
public(package) fun version(): u64 {
    VERSION
}

/// Passes when the object is of this version or of the one before.
///
/// @throws `EOldPackage`, `EMigrateFirst`
public(package) fun check(version: u64) {
    check_as(VERSION, version)
}

/// Whether the object is of this very version.
public(package) fun is_current(version: u64): bool {
    VERSION == version
}

/// Brings an object to this version, so that older packages change it no more.
///
/// @throws `EOldPackage`, `ENothingToMigrate`
public(package) fun migrate(version: &mut u64) {
    assert!(VERSION >= *version, EOldPackage);
    assert!(VERSION > *version, ENothingToMigrate);
    *version = VERSION;
}

fun check_as(own: u64, version: u64) {
    assert!(own >= version, EOldPackage);
    assert!(own - version <= 1, EMigrateFirst);
}

/// As `check`, in a package of another version.
#[test_only]
public fun check_for_testing(own: u64, version: u64) {
    check_as(own, version)
}
