/// Fields that are added to an object at run time and whose values stay objects, with ids that the chain finds them by.
module sui::dynamic_object_field;

use sui::dynamic_field as field;

/// The name of the field that holds the object's id; the object belongs to that field.
public struct Wrapper<Name> has copy, drop, store {
    name: Name,
}

/// @throws `dynamic_field::EFieldAlreadyExists`
public fun add<Name: copy + drop + store, Value: key + store>(object: &mut UID, name: Name, value: Value) {
    let wrapper = Wrapper { name };
    field::add(object, wrapper, object::id(&value));
    let (holder, _) = field::holder(object, wrapper);
    field::add_child_object(holder.to_address(), value)
}

/// @throws `dynamic_field::EFieldDoesNotExist`, `dynamic_field::EFieldTypeMismatch`
public fun borrow<Name: copy + drop + store, Value: key + store>(object: &UID, name: Name): &Value {
    let (holder, id) = field::holder(object, Wrapper { name });
    field::borrow_child_object(holder, id)
}

/// @throws `dynamic_field::EFieldDoesNotExist`, `dynamic_field::EFieldTypeMismatch`
public fun borrow_mut<Name: copy + drop + store, Value: key + store>(object: &mut UID, name: Name): &mut Value {
    let (holder, id) = field::holder_mut(object, Wrapper { name });
    field::borrow_child_object_mut(holder, id)
}

/// @throws `dynamic_field::EFieldDoesNotExist`, `dynamic_field::EFieldTypeMismatch`
public fun remove<Name: copy + drop + store, Value: key + store>(object: &mut UID, name: Name): Value {
    let wrapper = Wrapper { name };
    let (holder, id) = field::holder(object, wrapper);
    let value = field::remove_child_object(holder.to_address(), id);
    field::remove<Wrapper<Name>, ID>(object, wrapper);
    value
}

public fun exists_<Name: copy + drop + store>(object: &UID, name: Name): bool {
    field::exists_with_type<Wrapper<Name>, ID>(object, Wrapper { name })
}

public fun exists_with_type<Name: copy + drop + store, Value: key + store>(object: &UID, name: Name): bool {
    if (!exists_(object, name)) return false;
    let (holder, id) = field::holder(object, Wrapper { name });
    field::has_child_object_with_ty<Value>(holder.to_address(), id)
}

/// The object's id.
public fun id<Name: copy + drop + store>(object: &UID, name: Name): Option<ID> {
    if (!exists_(object, name)) return option::none();
    let (_, id) = field::holder(object, Wrapper { name });
    option::some(id.to_id())
}
