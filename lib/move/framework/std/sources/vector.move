/// Growable arrays. The eight basic operations are bytecode instructions.
#[defines_primitive(vector)]
module std::vector;

public use fun std::string::utf8 as vector.to_string;
public use fun std::string::try_utf8 as vector.try_to_string;
public use fun std::ascii::string as vector.to_ascii_string;
public use fun std::ascii::try_string as vector.try_to_ascii_string;

/// The index is past the end.
const EINDEX_OUT_OF_BOUNDS: u64 = 0x20000;

#[bytecode_instruction]
public native fun empty<Element>(): vector<Element>;

#[bytecode_instruction]
public native fun length<Element>(v: &vector<Element>): u64;

#[bytecode_instruction, syntax(index)]
public native fun borrow<Element>(v: &vector<Element>, i: u64): &Element;

#[bytecode_instruction]
public native fun push_back<Element>(v: &mut vector<Element>, e: Element);

#[bytecode_instruction, syntax(index)]
public native fun borrow_mut<Element>(v: &mut vector<Element>, i: u64): &mut Element;

#[bytecode_instruction]
public native fun pop_back<Element>(v: &mut vector<Element>): Element;

#[bytecode_instruction]
public native fun destroy_empty<Element>(v: vector<Element>);

#[bytecode_instruction]
public native fun swap<Element>(v: &mut vector<Element>, i: u64, j: u64);

/// A vector of one element.
public fun singleton<Element>(e: Element): vector<Element> {
    let mut v = empty();
    v.push_back(e);
    v
}

public fun is_empty<Element>(v: &vector<Element>): bool {
    v.length() == 0
}

/// Whether some element equals `e`.
public fun contains<Element>(v: &vector<Element>, e: &Element): bool {
    let (found, _) = v.index_of(e);
    found
}

/// The first index whose element equals `e`, with whether there is one.
public fun index_of<Element>(v: &vector<Element>, e: &Element): (bool, u64) {
    let mut i = 0;
    while (i < v.length()) {
        if (&v[i] == e) return (true, i);
        i = i + 1;
    };
    (false, 0)
}

/// Turns the order of the elements round.
public fun reverse<Element>(v: &mut vector<Element>) {
    let len = v.length();
    let mut i = 0;
    while (i < len / 2) {
        v.swap(i, len - 1 - i);
        i = i + 1;
    }
}

/// Moves every element of `other` to the end of `lhs`, in order.
public fun append<Element>(lhs: &mut vector<Element>, mut other: vector<Element>) {
    other.reverse();
    while (!other.is_empty()) lhs.push_back(other.pop_back());
    other.destroy_empty();
}

/// Takes out element `i` and closes the gap, keeping the order.
public fun remove<Element>(v: &mut vector<Element>, mut i: u64): Element {
    let len = v.length();
    assert!(i < len, EINDEX_OUT_OF_BOUNDS);
    while (i + 1 < len) {
        v.swap(i, i + 1);
        i = i + 1;
    };
    v.pop_back()
}

/// Puts `e` before element `i`; `i` may be the length.
public fun insert<Element>(v: &mut vector<Element>, e: Element, mut i: u64) {
    let len = v.length();
    assert!(i <= len, EINDEX_OUT_OF_BOUNDS);
    v.push_back(e);
    while (i < len) {
        v.swap(i, len);
        i = i + 1;
    }
}

/// Takes out element `i` and puts the last one in its place.
public fun swap_remove<Element>(v: &mut vector<Element>, i: u64): Element {
    assert!(!v.is_empty(), EINDEX_OUT_OF_BOUNDS);
    let last = v.length() - 1;
    v.swap(i, last);
    v.pop_back()
}

/// Runs `f` on each element from the first, taking the vector apart.
public macro fun do<$T, $R: drop>($v: vector<$T>, $f: |$T| -> $R) {
    let mut v = $v;
    v.reverse();
    while (!v.is_empty()) $f(v.pop_back());
    v.destroy_empty();
}

/// Runs `f` on a reference to each element from the first.
public macro fun do_ref<$T, $R: drop>($v: &vector<$T>, $f: |&$T| -> $R) {
    let v = $v;
    let mut i = 0;
    while (i < v.length()) {
        $f(&v[i]);
        i = i + 1;
    }
}

/// Runs `f` on a mutable reference to each element from the first.
public macro fun do_mut<$T, $R: drop>($v: &mut vector<$T>, $f: |&mut $T| -> $R) {
    let v = $v;
    let mut i = 0;
    while (i < v.length()) {
        $f(&mut v[i]);
        i = i + 1;
    }
}

/// The vector of what `f` gives for each element.
public macro fun map<$T, $U>($v: vector<$T>, $f: |$T| -> $U): vector<$U> {
    let v = $v;
    let mut result = vector[];
    v.do!(|e| result.push_back($f(e)));
    result
}

/// The results of `f` over all elements, which stay.
public macro fun map_ref<$T, $U>($v: &vector<$T>, $f: |&$T| -> $U): vector<$U> {
    let v = $v;
    let mut result = vector[];
    v.do_ref!(|e| result.push_back($f(e)));
    result
}

/// The elements for which `f` holds, in order.
public macro fun filter<$T: drop>($v: vector<$T>, $f: |&$T| -> bool): vector<$T> {
    let v = $v;
    let mut result = vector[];
    v.do!(|e| if ($f(&e)) result.push_back(e));
    result
}

/// Whether `f` holds for some element.
public macro fun any<$T>($v: &vector<$T>, $f: |&$T| -> bool): bool {
    let v = $v;
    'any: {
        v.do_ref!(|e| if ($f(e)) return 'any true);
        false
    }
}

/// Whether `f` holds for every element.
public macro fun all<$T>($v: &vector<$T>, $f: |&$T| -> bool): bool {
    let v = $v;
    'all: {
        v.do_ref!(|e| if (!$f(e)) return 'all false);
        true
    }
}

/// The index of the first element for which `f` holds.
public macro fun find_index<$T>($v: &vector<$T>, $f: |&$T| -> bool): Option<u64> {
    let v = $v;
    'find_index: {
        let mut i = 0;
        while (i < v.length()) {
            if ($f(&v[i])) return 'find_index option::some(i);
            i = i + 1;
        };
        option::none()
    }
}
