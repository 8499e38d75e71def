/// Conversions of addresses.
#[defines_primitive(address)]
module sui::address;

public use fun sui::object::id_from_address as address.to_id;

/// Bytes in an address.
const LENGTH: u64 = 32;

/// The bytes or the text are not an address.
const EAddressParseError: u64 = 0;

/// @throws `EAddressParseError` unless there are 32 bytes
public native fun from_bytes(bytes: vector<u8>): address;
public native fun to_u256(a: address): u256;
public native fun from_u256(n: u256): address;

public fun to_bytes(a: address): vector<u8> {
    std::bcs::to_bytes(&a)
}

/// Reads 64 hexadecimal digits without `0x`.
///
/// @throws `EAddressParseError`
public fun from_ascii_bytes(bytes: &vector<u8>): address {
    assert!(bytes.length() == 2 * LENGTH, EAddressParseError);
    let mut parsed = vector[];
    let mut index = 0;
    while (index < 2 * LENGTH) {
        parsed.push_back((digit(bytes[index]) << 4) | digit(bytes[index + 1]));
        index = index + 2;
    };
    from_bytes(parsed)
}

public fun length(): u64 {
    LENGTH
}

/// The value of `0`-`9`, `a`-`f` or `A`-`F`.
fun digit(character: u8): u8 {
    if (character >= 48 && character <= 57) character - 48
    else if (character >= 65 && character <= 70) character - 55
    else if (character >= 97 && character <= 102) character - 87
    else abort EAddressParseError
}
