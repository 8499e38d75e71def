/// Names of namespaces, and whose they are.
///
/// A user's first namespace is named after the own address and needs nothing further. Each further one is the first with
/// a suffix, and counts while its owner has claimed it.
module daasvader::namespaces;

use daasvader::grammar;
use std::string::String;

/// `u-` and the 32 bytes of the address in base32 take 2 + 52 characters.
const BASE32: vector<u8> = b"abcdefghijklmnopqrstuvwxyz234567";
const FIRST_LENGTH: u64 = 54;
/// A hyphen and up to 8 characters.
const MAX_SUFFIX_LENGTH: u64 = 9;
const HYPHEN: u8 = 0x2d;

const ROLE_ADMIN: u8 = 3;
const ROLE_SUPER: u8 = 4;

/// How many further namespaces count.
const MAX_OF_ADMIN: u64 = 4;
const MAX_OF_SUPER: u64 = 16;

/// The first namespace of a Sui address: `u-` and its bytes in base32 (RFC 4648, lower case, unpadded).
public(package) fun first_of(user: address): String {
    let digits = BASE32;
    let mut text = b"u-";
    let mut bits = 0u8;
    let mut buffer = 0u16;
    user.to_bytes().do!(|byte| {
        buffer = (buffer << 8) | (byte as u16);
        bits = bits + 8;
        while (bits >= 5) {
            bits = bits - 5;
            text.push_back(digits[((buffer >> bits) & 31) as u64]);
            // What was written goes, so that the next shift has room.
            buffer = buffer & ((1u16 << bits) - 1);
        };
    });
    if (bits > 0) text.push_back(digits[((buffer << (5 - bits)) & 31) as u64]);
    text.to_string()
}

/// A namespace without its suffix; empty when it is nobody's, because it is no label or too short.
public(package) fun without_suffix(namespace: &String): String {
    if (namespace.length() < FIRST_LENGTH || !grammar::is_dns_label(namespace.as_bytes())) b"".to_string()
    else namespace.substring(0, FIRST_LENGTH)
}

/// Whether a namespace is the first one of the user's with a suffix.
public(package) fun is_further(namespace: &String, user: address): bool {
    let length = namespace.length();
    length > FIRST_LENGTH + 1 && length <= FIRST_LENGTH + MAX_SUFFIX_LENGTH &&
    namespace.as_bytes()[FIRST_LENGTH] == HYPHEN &&
    without_suffix(namespace) == first_of(user)
}

/// Whether a namespace has no suffix, given that it is somebody's.
public(package) fun is_first(namespace: &String): bool {
    namespace.length() == FIRST_LENGTH
}

/// How many further namespaces a role has; of more that were claimed only the first ones count.
public(package) fun most_for(role: u8): u64 {
    if (role >= ROLE_SUPER) MAX_OF_SUPER else if (role >= ROLE_ADMIN) MAX_OF_ADMIN else 0
}
