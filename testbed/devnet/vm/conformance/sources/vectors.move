/// Vectors: instructions, faults and the library on top of them.
module conformance::vectors;

#[test]
fun borrowing_past_the_end_is_a_fault() {
    let items = vector[1, 2, 3];
    let _ = items[items.length()];
}

#[test]
fun borrowing_far_past_the_end_is_a_fault() {
    let items = vector[1u8];
    // Not more: the real VM as WebAssembly has indexes of 32 bits.
    let _ = items[0xffff_ffff];
}

#[test]
fun borrowing_mutably_past_the_end_is_a_fault() {
    let mut items = vector[1u8];
    *&mut items[1] = 2;
}

#[test]
fun popping_from_an_empty_vector_is_a_fault() {
    let mut items = vector<u64>[];
    items.pop_back();
}

#[test]
fun destroying_a_vector_with_elements_is_a_fault() {
    vector[true].destroy_empty();
}

#[test]
fun swapping_past_the_end_is_a_fault() {
    let mut items = vector[1, 2];
    items.swap(0, 2);
}

#[test]
fun removing_past_the_end_aborts() {
    vector[1].remove(1);
}

#[test]
fun swapping_an_element_with_itself_keeps_it() {
    let mut items = vector[1, 2];
    items.swap(1, 1);
    assert!(items == vector[1, 2]);
}

#[test]
fun elements_are_pushed_and_popped() {
    let mut items = vector[];
    items.push_back(1u256);
    items.push_back(2);
    assert!(items.pop_back() == 2 && items.length() == 1);
}

#[test]
fun the_library_moves_elements() {
    let mut items = vector[1, 2, 3, 4];
    assert!(items.remove(1) == 2 && items.swap_remove(0) == 1);
    items.insert(9, 1);
    items.append(vector[7, 8]);
    items.reverse();
    assert!(items == vector[8, 7, 3, 9, 4]);
}

#[test]
fun the_library_searches() {
    let items = vector[b"a", b"b", b"c"];
    let (found, index) = items.index_of(&b"c");
    assert!(found && index == 2 && !items.contains(&b"d"));
    assert!(items.find_index!(|item| item == &b"b") == option::some(1));
}

#[test]
fun macros_run_over_elements() {
    let mut sum = 0;
    vector[1, 2, 3].map!(|n| n * n).do!(|n| sum = sum + n);
    abort sum
}

#[test]
fun comparing_looks_at_length_and_elements() {
    assert!(vector[1, 2] != vector[1] && vector[1, 2] != vector[2, 1] && vector<u8>[] == b"");
}

#[test]
fun constants_are_copied_each_time() {
    let mut first = letters();
    first.push_back(100);
    assert!(letters().length() == 3 && first.length() == 4);
}

fun letters(): vector<u8> {
    b"abc"
}
