/// Strings of the characters 0x00 to 0x7f.
module std::ascii;

/// A byte is not an ASCII character.
const EInvalidASCIICharacter: u64 = 0x10000;

public struct String has copy, drop, store {
    bytes: vector<u8>,
}

/// @throws `EInvalidASCIICharacter`
public fun string(bytes: vector<u8>): String {
    assert!(is_ascii(&bytes), EInvalidASCIICharacter);
    String { bytes }
}

public fun try_string(bytes: vector<u8>): Option<String> {
    if (is_ascii(&bytes)) option::some(String { bytes }) else option::none()
}

public fun as_bytes(string: &String): &vector<u8> {
    &string.bytes
}

public fun into_bytes(string: String): vector<u8> {
    let String { bytes } = string;
    bytes
}

public fun length(string: &String): u64 {
    string.bytes.length()
}

fun is_ascii(bytes: &vector<u8>): bool {
    bytes.all!(|byte| *byte <= 0x7f)
}
