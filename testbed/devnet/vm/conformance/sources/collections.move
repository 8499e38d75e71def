/// Small maps and sets, and reading BCS.
module conformance::collections;

use sui::bcs;
use sui::vec_map;
use sui::vec_set;

#[test]
fun a_map_keeps_its_order() {
    let mut map = vec_map::from_keys_values(vector[3u8, 1, 2], vector[b"c", b"a", b"b"]);
    *(&mut map[&1]) = b"A";
    assert!(map[&1] == b"A" && map.try_get(&9).is_none() && map.size() == 3);
    let (key, value) = map.remove(&3);
    assert!(key == 3 && value == b"c");
    let (keys, values) = map.into_keys_values();
    assert!(keys == vector[1, 2] && values == vector[b"A", b"b"]);
}

#[test]
fun a_map_has_a_key_once() {
    let mut map = vec_map::empty();
    map.insert(1u64, 1u8);
    map.insert(1, 2);
}

#[test]
fun a_map_without_the_key() {
    let map = vec_map::empty<u64, u8>();
    map.get(&1);
}

#[test]
fun a_set_has_a_key_once() {
    let mut set = vec_set::from_keys(vector[@0x2, @0x1]);
    assert!(set.contains(&@0x1) && set.keys() == &vector[@0x2, @0x1]);
    set.remove(&@0x2);
    assert!(set.into_keys() == vector[@0x1]);
    vec_set::from_keys(vector[1u8, 1]);
}

#[test]
fun bcs_is_read_from_the_front() {
    let mut bytes = bcs::new(x"01ff00020304000000050a0b01070080");
    assert!(bytes.peel_bool() && bytes.peel_u16() == 255 && bytes.peel_u8() == 2);
    assert!(bytes.peel_u32() == 0x0403);
}

#[test]
fun bcs_of_compounds() {
    let parts = vector[vector[1u8, 2], vector[], vector[3]];
    let mut bytes = bcs::new(bcs::to_bytes(&parts));
    assert!(bytes.peel_vec_vec_u8() == parts && bytes.into_remainder_bytes().is_empty());
    let mut option = bcs::new(bcs::to_bytes(&option::some(7u128)));
    assert!(option.peel_option_u128() == option::some(7));
    let mut wide = bcs::new(bcs::to_bytes(&(1u256 << 255)));
    assert!(wide.peel_u256() == 1 << 255);
    let mut account = bcs::new(bcs::to_bytes(&@0xab));
    assert!(account.peel_address() == @0xab);
}

#[test]
fun bcs_that_ends_early() {
    bcs::new(x"0102").peel_u32();
}

#[test]
fun bcs_of_a_length_without_end() {
    bcs::new(x"8080808080808001").peel_vec_length();
}
