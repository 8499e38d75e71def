/// Natives at their edges: each is called with what it takes, with the least, and with what it refuses.
module conformance::natives;

use std::ascii;
use std::bcs;
use std::hash;
use std::string;
use std::type_name;
use std::unit_test;
use sui::address;
use sui::ed25519;
use sui::types;

public struct Empty has copy, drop {}
public struct Nest<T> has copy, drop { inner: vector<Option<T>> }
public struct Sealed { value: u8 }
public enum Choice has copy, drop { None, One(u8), Both { left: u256, right: bool } }

#[test]
fun every_width_is_encoded_from_its_lowest_byte() {
    assert!(bcs::to_bytes(&0x01u8) == x"01");
    assert!(bcs::to_bytes(&0x0102u16) == x"0201");
    assert!(bcs::to_bytes(&0x01020304u32) == x"04030201");
    assert!(bcs::to_bytes(&0x0102030405060708u64) == x"0807060504030201");
    assert!(bcs::to_bytes(&0x0102030405060708090a0b0c0d0e0f10u128) == x"100f0e0d0c0b0a090807060504030201");
    let mut expected = x"ff";
    let mut i = 0;
    while (i < 31) {
        expected.push_back(0);
        i = i + 1;
    };
    assert!(bcs::to_bytes(&0xffu256) == expected);
}

#[test]
fun the_largest_of_every_width_is_all_ones() {
    assert!(bcs::to_bytes(&255u8) == x"ff");
    assert!(bcs::to_bytes(&65535u16) == x"ffff");
    assert!(bcs::to_bytes(&4294967295u32) == x"ffffffff");
    assert!(bcs::to_bytes(&18446744073709551615u64) == x"ffffffffffffffff");
    assert!(bcs::to_bytes(&340282366920938463463374607431768211455u128) == x"ffffffffffffffffffffffffffffffff");
    let largest = 115792089237316195423570985008687907853269984665640564039457584007913129639935u256;
    assert!(bcs::to_bytes(&largest) == x"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
}

#[test]
fun an_empty_struct_is_one_byte() { assert!(bcs::to_bytes(&Empty {}) == x"00") }

#[test]
fun truth_is_one_byte() { assert!(bcs::to_bytes(&true) == x"01" && bcs::to_bytes(&false) == x"00") }

#[test]
fun an_empty_vector_is_its_length() { assert!(bcs::to_bytes(&vector<u256>[]) == x"00") }

#[test]
fun nested_types_are_encoded() {
    let nest = Nest { inner: vector[option::none(), option::some(vector[1u16]), option::some(vector[])] };
    assert!(bcs::to_bytes(&nest) == x"0300010101000100");
}

#[test]
fun variants_are_encoded() {
    assert!(bcs::to_bytes(&Choice::None) == x"00");
    assert!(bcs::to_bytes(&Choice::One(7)) == x"0107");
    assert!(bcs::to_bytes(&Choice::Both { left: 0, right: true }).length() == 34);
    assert!(bcs::to_bytes(&vector[Choice::One(1), Choice::None]) == x"02010100");
}

#[test]
fun lengths_take_as_many_bytes_as_they_need() {
    assert!(bcs::to_bytes(&zeros(127)).length() == 128);
    assert!(bcs::to_bytes(&zeros(128)).length() == 130);
    assert!(bcs::to_bytes(&zeros(16383)).length() == 16385);
    assert!(bcs::to_bytes(&zeros(16384)).length() == 16387);
}

#[test]
fun addresses_are_encoded_as_they_are() {
    assert!(bcs::to_bytes(&@0x1) == x"0000000000000000000000000000000000000000000000000000000000000001");
}

#[test]
fun nothing_has_a_hash() {
    assert!(hash::sha2_256(b"") == x"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(hash::sha3_256(b"") == x"a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
}

#[test]
fun long_input_has_a_hash() {
    let twice = hash::sha2_256(hash::sha3_256(zeros(1000)));
    abort number(twice)
}

#[test]
fun sha2_of_a_block() { abort number(hash::sha2_256(zeros(64))) }

#[test]
fun sha3_of_a_block() { abort number(hash::sha3_256(zeros(136))) }

#[test]
fun too_short_bytes_are_no_address() { address::from_bytes(x"0001"); }

#[test]
fun too_long_bytes_are_no_address() { address::from_bytes(zeros(33)); }

#[test]
fun no_bytes_are_no_address() { address::from_bytes(b""); }

#[test]
fun the_largest_number_is_an_address() {
    let largest = 115792089237316195423570985008687907853269984665640564039457584007913129639935u256;
    assert!(address::from_u256(largest).to_u256() == largest);
    assert!(address::from_u256(0) == @0x0);
    assert!(address::from_bytes(address::from_u256(largest).to_bytes()) == address::from_u256(largest));
}

#[test]
fun an_overlong_sequence_is_no_text() { string::utf8(x"c080"); }

#[test]
fun a_surrogate_is_no_text() { string::utf8(x"eda080"); }

#[test]
fun beyond_unicode_is_no_text() { string::utf8(x"f4908080"); }

#[test]
fun half_a_character_is_no_text() { string::utf8(x"61c3"); }

#[test]
fun the_last_of_unicode_is_text() { assert!(string::utf8(x"f48fbfbf").length() == 4) }

#[test]
fun text_is_tried() {
    assert!(string::try_utf8(x"ff").is_none() && string::try_utf8(b"").is_some());
    assert!(ascii::try_string(x"80").is_none() && ascii::try_string(b"a").is_some());
}

#[test]
fun text_is_not_cut_inside_a_character() { b"h\xc3\xa9llo".to_string().sub_string(0, 2); }

#[test]
fun text_is_not_cut_backwards() { b"hello".to_string().sub_string(3, 2); }

#[test]
fun a_cut_starts_at_a_character() { b"h\xc3\xa9llo".to_string().sub_string(2, 4); }

#[test]
fun cuts_may_be_empty_and_whole() {
    let text = b"h\xc3\xa9".to_string();
    assert!(text.sub_string(0, 0) == b"".to_string() && text.sub_string(3, 3) == b"".to_string());
    assert!(text.sub_string(0, 3) == text && text.sub_string(1, 3) == b"\xc3\xa9".to_string());
}

#[test]
fun nothing_is_found_at_the_start() { assert!(b"abc".to_string().index_of(&b"".to_string()) == 0) }

#[test]
fun what_is_absent_is_found_at_the_end() {
    assert!(b"abc".to_string().index_of(&b"cd".to_string()) == 3);
    assert!(b"".to_string().index_of(&b"a".to_string()) == 0);
    assert!(b"aab".to_string().index_of(&b"ab".to_string()) == 1);
    assert!(b"\xc3\xa9a".to_string().index_of(&b"a".to_string()) == 2);
}

#[test]
fun primitive_types_have_names() {
    assert!(name<u8>() == b"u8" && name<u16>() == b"u16" && name<u32>() == b"u32" && name<u64>() == b"u64");
    assert!(name<u128>() == b"u128" && name<u256>() == b"u256");
    assert!(name<bool>() == b"bool" && name<address>() == b"address");
    assert!(name<vector<vector<u8>>>() == b"vector<vector<u8>>");
}

#[test]
fun the_name_of_a_nested_type() { abort number(hash::sha2_256(name<Nest<vector<Nest<Choice>>>>())) }

#[test]
fun the_name_of_a_framework_type() { abort number(hash::sha2_256(name<Option<sui::coin::Coin<sui::sui::SUI>>>())) }

#[test]
fun names_agree() {
    assert!(type_name::with_original_ids<Choice>() == type_name::with_defining_ids<Choice>());
}

#[test]
fun a_witness_is_told_from_other_types() {
    assert!(!types::is_one_time_witness(&Empty {}));
    assert!(!types::is_one_time_witness(&true));
    assert!(!types::is_one_time_witness(&vector[1u8]));
}

#[test]
fun anything_is_destroyed() {
    unit_test::destroy(Sealed { value: 1 });
    unit_test::destroy(vector[Sealed { value: 2 }]);
}

fun name<T>(): vector<u8> { type_name::with_defining_ids<T>().into_string().into_bytes() }

/// The first seven bytes as a number, to end with.
fun number(bytes: vector<u8>): u64 {
    let mut sum = 0u64;
    let mut i = 0;
    while (i < 7) {
        sum = (sum << 8) | (bytes[i] as u64);
        i = i + 1;
    };
    sum
}

fun zeros(count: u64): vector<u8> {
    let mut bytes = vector[];
    while (bytes.length() < count) bytes.push_back(0);
    bytes
}

fun is_signed(signature: vector<u8>, key: vector<u8>, message: vector<u8>): bool {
    ed25519::ed25519_verify(&signature, &key, &message)
}

#[test]
fun a_signature_holds_for_its_key_and_message() {
    let key = x"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    let signature = x"826d388801756aa414c6a674847ac6c4d03307582a0b1cdd09fd7f368c2494624af2cc68082f1e6760c80fb612107efe05327c44c75ba882d2d99f16f023f909";
    assert!(is_signed(signature, key, b"message"));
    assert!(!is_signed(signature, key, b"messagf"));
    assert!(!is_signed(signature, key, b""));
    let mut other = signature;
    *(&mut other[0]) = 0x83;
    assert!(!is_signed(other, key, b"message"));
}

#[test]
fun a_signature_or_key_of_another_length_does_not_hold() {
    let key = x"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    let mut signature = x"826d388801756aa414c6a674847ac6c4d03307582a0b1cdd09fd7f368c2494624af2cc68082f1e6760c80fb612107efe05327c44c75ba882d2d99f16f023f909";
    assert!(!is_signed(signature, x"8a88", b"message"));
    assert!(!is_signed(x"", key, b"message"));
    signature.push_back(0);
    assert!(!is_signed(signature, key, b"message"));
}

#[test]
fun the_neutral_point_signs_everything() {
    let neutral = x"0100000000000000000000000000000000000000000000000000000000000000";
    let mut signature = neutral;
    signature.append(x"0000000000000000000000000000000000000000000000000000000000000000");
    assert!(is_signed(signature, neutral, b"message"));
    // A scalar that is not reduced: the group's order.
    let mut unreduced = neutral;
    unreduced.append(x"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    assert!(!is_signed(unreduced, neutral, b"message"));
}
