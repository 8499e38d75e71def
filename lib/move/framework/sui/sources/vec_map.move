/// A small map in one value, in the order in which its entries came.
module sui::vec_map;

/// There is an entry of that key.
const EKeyAlreadyExists: u64 = 0;
/// There is no entry of that key.
const EKeyDoesNotExist: u64 = 1;
/// The map still has entries.
const EMapNotEmpty: u64 = 2;
/// There are not so many entries.
const EIndexOutOfBounds: u64 = 3;
/// There is no entry to take.
const EMapEmpty: u64 = 4;
/// There are not as many keys as values.
const EUnequalLengths: u64 = 5;

public struct VecMap<K: copy, V> has copy, drop, store {
    contents: vector<Entry<K, V>>,
}

public struct Entry<K: copy, V> has copy, drop, store {
    key: K,
    value: V,
}

public fun empty<K: copy, V>(): VecMap<K, V> {
    VecMap { contents: vector[] }
}

/// @throws `EKeyAlreadyExists`
public fun insert<K: copy, V>(self: &mut VecMap<K, V>, key: K, value: V) {
    assert!(!self.contains(&key), EKeyAlreadyExists);
    self.contents.push_back(Entry { key, value })
}

/// @throws `EKeyDoesNotExist`
public fun remove<K: copy, V>(self: &mut VecMap<K, V>, key: &K): (K, V) {
    let index = self.get_idx(key);
    let Entry { key, value } = self.contents.remove(index);
    (key, value)
}

/// Takes the entry that came last. @throws `EMapEmpty`
public fun pop<K: copy, V>(self: &mut VecMap<K, V>): (K, V) {
    assert!(!self.is_empty(), EMapEmpty);
    let Entry { key, value } = self.contents.pop_back();
    (key, value)
}

#[syntax(index)]
/// @throws `EKeyDoesNotExist`
public fun get_mut<K: copy, V>(self: &mut VecMap<K, V>, key: &K): &mut V {
    let index = self.get_idx(key);
    &mut self.contents[index].value
}

#[syntax(index)]
/// @throws `EKeyDoesNotExist`
public fun get<K: copy, V>(self: &VecMap<K, V>, key: &K): &V {
    let index = self.get_idx(key);
    &self.contents[index].value
}

public fun try_get<K: copy, V: copy>(self: &VecMap<K, V>, key: &K): Option<V> {
    if (self.contains(key)) option::some(*self.get(key)) else option::none()
}

public fun contains<K: copy, V>(self: &VecMap<K, V>, key: &K): bool {
    self.get_idx_opt(key).is_some()
}

/// Entries.
public fun size<K: copy, V>(self: &VecMap<K, V>): u64 {
    self.contents.length()
}

public fun is_empty<K: copy, V>(self: &VecMap<K, V>): bool {
    self.size() == 0
}

/// @throws `EMapNotEmpty`
public fun destroy_empty<K: copy, V>(self: VecMap<K, V>) {
    let VecMap { contents } = self;
    assert!(contents.is_empty(), EMapNotEmpty);
    contents.destroy_empty()
}

public fun into_keys_values<K: copy, V>(self: VecMap<K, V>): (vector<K>, vector<V>) {
    let VecMap { contents } = self;
    let (mut keys, mut values) = (vector[], vector[]);
    contents.do!(|entry| {
        let Entry { key, value } = entry;
        keys.push_back(key);
        values.push_back(value);
    });
    (keys, values)
}

/// @throws `EUnequalLengths`, `EKeyAlreadyExists`
public fun from_keys_values<K: copy, V>(mut keys: vector<K>, mut values: vector<V>): VecMap<K, V> {
    assert!(keys.length() == values.length(), EUnequalLengths);
    keys.reverse();
    values.reverse();
    let mut map = empty();
    while (!keys.is_empty()) map.insert(keys.pop_back(), values.pop_back());
    keys.destroy_empty();
    values.destroy_empty();
    map
}

public fun keys<K: copy, V>(self: &VecMap<K, V>): vector<K> {
    self.contents.map_ref!(|entry| entry.key)
}

public fun get_idx_opt<K: copy, V>(self: &VecMap<K, V>, key: &K): Option<u64> {
    self.contents.find_index!(|entry| &entry.key == key)
}

/// @throws `EKeyDoesNotExist`
public fun get_idx<K: copy, V>(self: &VecMap<K, V>, key: &K): u64 {
    let index = self.get_idx_opt(key);
    assert!(index.is_some(), EKeyDoesNotExist);
    index.destroy_some()
}

/// @throws `EIndexOutOfBounds`
public fun get_entry_by_idx<K: copy, V>(self: &VecMap<K, V>, idx: u64): (&K, &V) {
    assert!(idx < self.size(), EIndexOutOfBounds);
    let entry = &self.contents[idx];
    (&entry.key, &entry.value)
}

/// @throws `EIndexOutOfBounds`
public fun get_entry_by_idx_mut<K: copy, V>(self: &mut VecMap<K, V>, idx: u64): (&K, &mut V) {
    assert!(idx < self.size(), EIndexOutOfBounds);
    let entry = &mut self.contents[idx];
    (&entry.key, &mut entry.value)
}

/// @throws `EIndexOutOfBounds`
public fun remove_entry_by_idx<K: copy, V>(self: &mut VecMap<K, V>, idx: u64): (K, V) {
    assert!(idx < self.size(), EIndexOutOfBounds);
    let Entry { key, value } = self.contents.remove(idx);
    (key, value)
}
