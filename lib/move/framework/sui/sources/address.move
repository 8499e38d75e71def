/// Conversions of addresses.
#[defines_primitive(address)]
module sui::address;

public use fun sui::object::id_from_address as address.to_id;

/// Bytes in an address.
const LENGTH: u64 = 32;

#[allow(unused_const)]
/// The bytes are not an address.
const EAddressParseError: u64 = 0;

/// @throws `EAddressParseError` unless there are 32 bytes
public native fun from_bytes(bytes: vector<u8>): address;
public native fun to_u256(a: address): u256;
public native fun from_u256(n: u256): address;

public fun to_bytes(a: address): vector<u8> {
    std::bcs::to_bytes(&a)
}

public fun length(): u64 {
    LENGTH
}
