/// Reads Binary Canonical Serialization, value by value from the front.
module sui::bcs;

use sui::address;

/// There are not so many bytes.
const EOutOfRange: u64 = 0;
/// The byte is neither 0 nor 1.
const ENotBool: u64 = 1;
/// A length has more than five bytes.
const ELenOutOfRange: u64 = 2;

/// The most bytes of a length, less one.
const MAX_LENGTH_BYTES: u64 = 4;
/// The largest tag of an enum.
const MAX_TAG: u64 = 0xFFFF_FFFF;

/// What is not read yet, last byte first.
public struct BCS has copy, drop, store {
    bytes: vector<u8>,
}

public fun to_bytes<T>(value: &T): vector<u8> {
    std::bcs::to_bytes(value)
}

public fun new(mut bytes: vector<u8>): BCS {
    bytes.reverse();
    BCS { bytes }
}

public fun into_remainder_bytes(bcs: BCS): vector<u8> {
    let BCS { mut bytes } = bcs;
    bytes.reverse();
    bytes
}

/// @throws `EOutOfRange`
public fun peel_address(bcs: &mut BCS): address {
    assert!(bcs.bytes.length() >= address::length(), EOutOfRange);
    let mut bytes = vector[];
    while (bytes.length() < address::length()) bytes.push_back(bcs.bytes.pop_back());
    address::from_bytes(bytes)
}

/// @throws `EOutOfRange`, `ENotBool`
public fun peel_bool(bcs: &mut BCS): bool {
    let value = bcs.peel_u8();
    assert!(value <= 1, ENotBool);
    value == 1
}

/// @throws `EOutOfRange`
public fun peel_u8(bcs: &mut BCS): u8 {
    assert!(!bcs.bytes.is_empty(), EOutOfRange);
    bcs.bytes.pop_back()
}

/// @throws `EOutOfRange`
public fun peel_u16(bcs: &mut BCS): u16 { bcs.peel_integer!<u16>(2) }

/// @throws `EOutOfRange`
public fun peel_u32(bcs: &mut BCS): u32 { bcs.peel_integer!<u32>(4) }

/// @throws `EOutOfRange`
public fun peel_u64(bcs: &mut BCS): u64 { bcs.peel_integer!<u64>(8) }

/// @throws `EOutOfRange`
public fun peel_u128(bcs: &mut BCS): u128 { bcs.peel_integer!<u128>(16) }

/// @throws `EOutOfRange`
public fun peel_u256(bcs: &mut BCS): u256 { bcs.peel_integer!<u256>(32) }

/// How many elements follow. @throws `ELenOutOfRange`
public fun peel_vec_length(bcs: &mut BCS): u64 {
    let (mut total, mut shift, mut count) = (0u64, 0u8, 0u64);
    loop {
        assert!(count <= MAX_LENGTH_BYTES, ELenOutOfRange);
        let byte = bcs.bytes.pop_back() as u64;
        count = count + 1;
        total = total | ((byte & 0x7f) << shift);
        if (byte & 0x80 == 0) return total;
        shift = shift + 7;
    }
}

/// A vector whose elements `peel` reads.
public macro fun peel_vec<$T>($bcs: &mut BCS, $peel: |&mut BCS| -> $T): vector<$T> {
    let bcs = $bcs;
    let length = bcs.peel_vec_length();
    let mut elements = vector[];
    while (elements.length() < length) elements.push_back($peel(bcs));
    elements
}

public fun peel_vec_address(bcs: &mut BCS): vector<address> { bcs.peel_vec!(|bcs| bcs.peel_address()) }

public fun peel_vec_bool(bcs: &mut BCS): vector<bool> { bcs.peel_vec!(|bcs| bcs.peel_bool()) }

public fun peel_vec_u8(bcs: &mut BCS): vector<u8> { bcs.peel_vec!(|bcs| bcs.peel_u8()) }

public fun peel_vec_vec_u8(bcs: &mut BCS): vector<vector<u8>> { bcs.peel_vec!(|bcs| bcs.peel_vec_u8()) }

public fun peel_vec_u16(bcs: &mut BCS): vector<u16> { bcs.peel_vec!(|bcs| bcs.peel_u16()) }

public fun peel_vec_u32(bcs: &mut BCS): vector<u32> { bcs.peel_vec!(|bcs| bcs.peel_u32()) }

public fun peel_vec_u64(bcs: &mut BCS): vector<u64> { bcs.peel_vec!(|bcs| bcs.peel_u64()) }

public fun peel_vec_u128(bcs: &mut BCS): vector<u128> { bcs.peel_vec!(|bcs| bcs.peel_u128()) }

public fun peel_vec_u256(bcs: &mut BCS): vector<u256> { bcs.peel_vec!(|bcs| bcs.peel_u256()) }

/// The variant of an enum. @throws `EOutOfRange`
public fun peel_enum_tag(bcs: &mut BCS): u32 {
    let tag = bcs.peel_vec_length();
    assert!(tag <= MAX_TAG, EOutOfRange);
    tag as u32
}

/// An option whose value `peel` reads.
public macro fun peel_option<$T>($bcs: &mut BCS, $peel: |&mut BCS| -> $T): Option<$T> {
    let bcs = $bcs;
    if (bcs.peel_bool()) option::some($peel(bcs)) else option::none()
}

public fun peel_option_address(bcs: &mut BCS): Option<address> { bcs.peel_option!(|bcs| bcs.peel_address()) }

public fun peel_option_bool(bcs: &mut BCS): Option<bool> { bcs.peel_option!(|bcs| bcs.peel_bool()) }

public fun peel_option_u8(bcs: &mut BCS): Option<u8> { bcs.peel_option!(|bcs| bcs.peel_u8()) }

public fun peel_option_u16(bcs: &mut BCS): Option<u16> { bcs.peel_option!(|bcs| bcs.peel_u16()) }

public fun peel_option_u32(bcs: &mut BCS): Option<u32> { bcs.peel_option!(|bcs| bcs.peel_u32()) }

public fun peel_option_u64(bcs: &mut BCS): Option<u64> { bcs.peel_option!(|bcs| bcs.peel_u64()) }

public fun peel_option_u128(bcs: &mut BCS): Option<u128> { bcs.peel_option!(|bcs| bcs.peel_u128()) }

public fun peel_option_u256(bcs: &mut BCS): Option<u256> { bcs.peel_option!(|bcs| bcs.peel_u256()) }

/// An integer of `$length` bytes, the lowest first.
macro fun peel_integer<$T>($bcs: &mut BCS, $length: u64): $T {
    let bcs = $bcs;
    let length = $length;
    assert!(bcs.bytes.length() >= length, EOutOfRange);
    let (mut value, mut count): ($T, u64) = (0, 0);
    while (count < length) {
        value = value | ((bcs.bytes.pop_back() as $T) << ((8 * count) as u8));
        count = count + 1;
    };
    value
}
