/// Natives of the two libraries that need no chain.
module conformance::library;

use std::bcs;
use std::hash;
use sui::address;

public struct Record has copy, drop {
    flag: bool,
    small: u16,
    large: u256,
    name: std::string::String,
    who: address,
    maybe: Option<u32>,
    bytes: vector<vector<u8>>,
}

#[test]
fun values_are_encoded() {
    let record = Record {
        flag: true,
        small: 0x0102,
        large: 1 << 255,
        name: b"h\xc3\xa9".to_string(),
        who: @0xa,
        maybe: option::some(5),
        bytes: vector[b"", b"z"],
    };
    let mut expected = x"010201";
    expected.append(x"0000000000000000000000000000000000000000000000000000000000000080");
    expected.append(x"0368c3a9");
    expected.append(x"000000000000000000000000000000000000000000000000000000000000000a");
    expected.append(x"0105000000");
    expected.append(x"0200017a");
    assert!(bcs::to_bytes(&record) == expected);
}

#[test]
fun long_vectors_have_long_length_prefixes() {
    let mut items = vector[];
    let mut i = 0;
    while (i < 200) {
        items.push_back(true);
        i = i + 1;
    };
    let bytes = bcs::to_bytes(&items);
    assert!(bytes.length() == 202 && bytes[0] == 0xc8 && bytes[1] == 1);
}

#[test]
fun hashes_are_the_standard_ones() {
    assert!(
        hash::sha2_256(b"abc") == x"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert!(
        hash::sha3_256(b"abc") == x"3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    );
}

#[test]
fun addresses_are_numbers() {
    let address = address::from_u256(0xabcdef);
    assert!(address.to_u256() == 0xabcdef && address == @0xabcdef);
    assert!(address::from_bytes(address.to_bytes()) == address);
    assert!(address::from_u256(0xffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff).to_bytes()[0] == 255);
}

#[test]
fun text_must_be_utf8() {
    assert!(b"\xc3".try_to_string().is_none() && b"\xed\xa0\x80".try_to_string().is_none());
    assert!(b"\xf0\x9f\x98\x80".try_to_string().is_some() && b"\xf8\x88\x80\x80\x80".try_to_string().is_none());
    b"\xff".to_string();
}

#[test]
fun text_is_cut_at_characters() {
    let text = b"a\xc3\xa9b".to_string();
    assert!(text.substring(1, 3) == b"\xc3\xa9".to_string() && text.substring(4, 4).is_empty());
    text.substring(1, 2);
}

#[test]
fun text_is_not_cut_past_its_end() {
    b"abc".to_string().substring(1, 4);
}

#[test]
fun text_is_searched() {
    let text = b"one two two".to_string();
    assert!(text.index_of(&b"two".to_string()) == 4);
    assert!(text.index_of(&b"three".to_string()) == 11 && text.index_of(&b"".to_string()) == 0);
}

#[test]
fun ascii_is_checked() {
    assert!(b"~".to_ascii_string().length() == 1);
    b"\x80".to_ascii_string();
}

#[test]
fun numbers_are_written_in_decimal() {
    assert!(0u64.to_string() == b"0".to_string());
    assert!(18_446_744_073_709_551_615u64.to_string() == b"18446744073709551615".to_string());
}
