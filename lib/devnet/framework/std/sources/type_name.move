/// Types as values.
module std::type_name;

use std::ascii::String;

/// The type's source syntax, with addresses of 64 hexadecimal digits and no `0x`.
public struct TypeName has copy, drop, store {
    name: String,
}

/// Names each package by the version that first defined the type.
public native fun with_defining_ids<T>(): TypeName;

/// Names each package by its first version.
public native fun with_original_ids<T>(): TypeName;

public fun as_string(self: &TypeName): &String {
    &self.name
}

public fun into_string(self: TypeName): String {
    self.name
}
