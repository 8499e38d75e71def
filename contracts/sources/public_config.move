/// Where the cluster's applications are to be found, and who certifies them.
module daasvader::public_config;

use std::string::String;

/// A text is longer than 253 bytes.
const ETextTooLong: u64 = 0;
/// The root certificate is larger than 4 KiB.
const ERootTooLarge: u64 = 1;

/// As long as a DNS name may be.
const MAX_TEXT_LENGTH: u64 = 253;
const MAX_ROOT_LENGTH: u64 = 4_096;

public struct PublicConfig has copy, drop, store {
    /// Domain under which every application gets a name; empty without one.
    apps_domain: String,
    /// URL of the ACME directory that certificates come from; empty without one.
    acme_directory: String,
    /// DER of the root that the directory's own certificate chains to; empty for the public ones.
    acme_root: vector<u8>,
}

/// @throws `ETextTooLong`, `ERootTooLarge`
public(package) fun new(apps_domain: String, acme_directory: String, acme_root: vector<u8>): PublicConfig {
    assert!(apps_domain.length() <= MAX_TEXT_LENGTH, ETextTooLong);
    assert!(acme_directory.length() <= MAX_TEXT_LENGTH, ETextTooLong);
    assert!(acme_root.length() <= MAX_ROOT_LENGTH, ERootTooLarge);
    PublicConfig { apps_domain, acme_directory, acme_root }
}
