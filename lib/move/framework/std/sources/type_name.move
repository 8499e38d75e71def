/// Types as values.
module std::type_name;

use std::ascii::String;

/// A primitive type or a vector has no module.
const ENonModuleType: u64 = 0;

const ADDRESS_DIGITS: u64 = 64;
const COLON: u8 = 58;
/// The `v` of `vector`, which no address begins with.
const VECTOR: u8 = 118;

/// The type's source syntax, with addresses of 64 hexadecimal digits and no `0x`.
public struct TypeName has copy, drop, store {
    name: String,
}

/// Names each package by the version that first defined the type.
public native fun with_defining_ids<T>(): TypeName;

/// Names each package by its first version.
public native fun with_original_ids<T>(): TypeName;

/// The id of the version that first defined the type. @throws `ENonModuleType`
public native fun defining_id<T>(): address;

/// The id of the first version of the type's package. @throws `ENonModuleType`
public native fun original_id<T>(): address;

public fun as_string(self: &TypeName): &String {
    &self.name
}

public fun into_string(self: TypeName): String {
    self.name
}

/// The address in a type's name, 64 hexadecimal digits; only for types that a module defines.
public fun address_string(self: &TypeName): String {
    assert!(!self.is_primitive(), ENonModuleType);
    self.part(0, ADDRESS_DIGITS)
}

/// The name of the module that defines the type.
public fun module_string(self: &TypeName): String {
    assert!(!self.is_primitive(), ENonModuleType);
    let bytes = self.name.as_bytes();
    let start = ADDRESS_DIGITS + 2;
    let mut end = start;
    while (bytes[end] != COLON) end = end + 1;
    self.part(start, end)
}

/// Whether no module defines the type: only then does its name have no `::` after an address.
public fun is_primitive(self: &TypeName): bool {
    let bytes = self.name.as_bytes();
    bytes.length() <= ADDRESS_DIGITS || bytes[ADDRESS_DIGITS] != COLON || bytes[0] == VECTOR
}

fun part(self: &TypeName, start: u64, end: u64): String {
    let bytes = self.name.as_bytes();
    let mut text = vector[];
    let mut index = start;
    while (index < end) {
        text.push_back(bytes[index]);
        index = index + 1;
    };
    std::ascii::string(text)
}
