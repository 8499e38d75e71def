/// Functions and types with type parameters.
module conformance::generics;

use std::type_name;

public struct Pair<A, B> has copy, drop, store {
    left: A,
    right: B,
}

public struct Tag<phantom T> has copy, drop, store {}

fun flip<A, B>(pair: Pair<A, B>): Pair<B, A> {
    let Pair { left, right } = pair;
    Pair { left: right, right: left }
}

#[test]
fun type_arguments_pass_through_calls() {
    let pair = flip(flip(Pair { left: 1u8, right: b"x" }));
    assert!(pair == Pair { left: 1, right: b"x" });
}

#[test]
fun a_function_calls_itself_with_other_types() {
    assert!(alternate<u8, bool>(3) == type_name::with_defining_ids<bool>());
    assert!(alternate<u8, bool>(4) == type_name::with_defining_ids<u8>());
}

#[test]
fun types_have_names() {
    let name = type_name::with_defining_ids<Pair<vector<u8>, Tag<address>>>().into_string();
    let module_name =
        b"0000000000000000000000000000000000000000000000000000000000000000::generics::";
    let mut expected = module_name;
    expected.append(b"Pair<vector<u8>,");
    expected.append(module_name);
    expected.append(b"Tag<address>>");
    assert!(name.into_bytes() == expected);
}

#[test]
fun original_and_defining_names_agree() {
    assert!(type_name::with_original_ids<Pair<u8, UID>>() == type_name::with_defining_ids<Pair<u8, UID>>());
}

#[test]
fun phantom_types_keep_values_apart() {
    assert!(name_of(&Tag<u8> {}) != name_of(&Tag<u16> {}));
}

#[test]
fun comparison_works_on_any_type() {
    assert!(same(1u128, 1) && !same(b"a", b"b") && same(Tag<u8> {}, Tag {}));
}

fun alternate<A, B>(depth: u64): type_name::TypeName {
    if (depth == 0) type_name::with_defining_ids<A>() else alternate<B, A>(depth - 1)
}

fun name_of<T>(_: &Tag<T>): type_name::TypeName {
    type_name::with_defining_ids<T>()
}

fun same<T: copy + drop>(left: T, right: T): bool {
    left == right && &left == &right
}

#[test]
fun the_package_of_a_type() {
    assert!(type_name::defining_id<UID>() == @0x2 && type_name::original_id<UID>() == @0x2);
}

#[test]
fun a_primitive_type_has_no_package() {
    type_name::defining_id<u8>();
}

#[test]
fun a_vector_has_no_first_package() {
    type_name::original_id<vector<UID>>();
}
