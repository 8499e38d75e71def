/// Fields that are added to an object at run time, each an object of its own.
module sui::dynamic_field;

/// There is a field of that name.
const EFieldAlreadyExists: u64 = 0;
#[allow(unused_const)]
/// There is no field of that name.
const EFieldDoesNotExist: u64 = 1;
#[allow(unused_const)]
/// The field has another type of value.
const EFieldTypeMismatch: u64 = 2;

/// A field as it is stored; its id is a hash of parent, name and the name's type.
public struct Field<Name: copy + drop + store, Value: store> has key {
    id: UID,
    name: Name,
    value: Value,
}

/// @throws `EFieldAlreadyExists`
public fun add<Name: copy + drop + store, Value: store>(object: &mut UID, name: Name, value: Value) {
    let parent = object.to_address();
    let id = hash_type_and_key(parent, name);
    assert!(!has_child_object(parent, id), EFieldAlreadyExists);
    add_child_object(parent, Field { id: object::new_uid_from_hash(id), name, value })
}

/// @throws `EFieldDoesNotExist`, `EFieldTypeMismatch`
public fun borrow<Name: copy + drop + store, Value: store>(object: &UID, name: Name): &Value {
    let id = hash_type_and_key(object.to_address(), name);
    &borrow_child_object<Field<Name, Value>>(object, id).value
}

/// @throws `EFieldDoesNotExist`, `EFieldTypeMismatch`
public fun borrow_mut<Name: copy + drop + store, Value: store>(object: &mut UID, name: Name): &mut Value {
    let id = hash_type_and_key(object.to_address(), name);
    &mut borrow_child_object_mut<Field<Name, Value>>(object, id).value
}

/// @throws `EFieldDoesNotExist`, `EFieldTypeMismatch`
public fun remove<Name: copy + drop + store, Value: store>(object: &mut UID, name: Name): Value {
    let parent = object.to_address();
    let field = hash_type_and_key(parent, name);
    let Field { id, name: _, value } = remove_child_object<Field<Name, Value>>(parent, field);
    id.delete();
    value
}

public fun exists_<Name: copy + drop + store>(object: &UID, name: Name): bool {
    let parent = object.to_address();
    has_child_object(parent, hash_type_and_key(parent, name))
}

public fun exists_with_type<Name: copy + drop + store, Value: store>(object: &UID, name: Name): bool {
    let parent = object.to_address();
    has_child_object_with_ty<Field<Name, Value>>(parent, hash_type_and_key(parent, name))
}

/// The id of a field that holds another object's id, and that id.
public(package) fun holder<Name: copy + drop + store>(object: &UID, name: Name): (&UID, address) {
    let field = hash_type_and_key(object.to_address(), name);
    let Field { id, name: _, value } = borrow_child_object<Field<Name, ID>>(object, field);
    (id, value.to_address())
}

public(package) fun holder_mut<Name: copy + drop + store>(object: &mut UID, name: Name): (&mut UID, address) {
    let field = hash_type_and_key(object.to_address(), name);
    let Field { id, name: _, value } = borrow_child_object_mut<Field<Name, ID>>(object, field);
    (id, value.to_address())
}

public(package) native fun hash_type_and_key<K: copy + drop + store>(parent: address, k: K): address;
public(package) native fun add_child_object<Child: key>(parent: address, child: Child);
public(package) native fun borrow_child_object<Child: key>(object: &UID, id: address): &Child;
public(package) native fun borrow_child_object_mut<Child: key>(object: &mut UID, id: address): &mut Child;
public(package) native fun remove_child_object<Child: key>(parent: address, id: address): Child;
public(package) native fun has_child_object(parent: address, id: address): bool;
public(package) native fun has_child_object_with_ty<Child: key>(parent: address, id: address): bool;
