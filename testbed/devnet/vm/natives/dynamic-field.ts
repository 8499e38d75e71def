import { deriveDynamicFieldID } from '@mysten/sui/utils';
import { abort } from '../machine.ts';
import type { NativeContext, NativeModule } from '../native.ts';
import type { Address } from '../types.ts';
import type { Reference, Value } from '../value.ts';
import { idOf } from './object.ts';

/** `sui::dynamic_field::EFieldDoesNotExist` */
const FIELD_DOES_NOT_EXIST = 1n;
/** `sui::dynamic_field::EFieldTypeMismatch` */
const FIELD_TYPE_MISMATCH = 2n;

/** Natives of `sui::dynamic_field`. */
export const DYNAMIC_FIELD: NativeModule = {
  hash_type_and_key: ([parent, key], { session, loader, typeArguments }) => {
    const bytes = loader.codec.encode(typeArguments[0]!, key!);
    session.charge(bytes.length);
    return deriveDynamicFieldID(parent as Address, typeArguments[0]!.name, bytes);
  },
  add_child_object: ([parent, child], { session, loader, typeArguments }) => {
    session.children.add(loader.codec, parent as Address, idOf(child!), typeArguments[0]!, child!);
    return undefined;
  },
  borrow_child_object: ([parent, id], context) => borrow(parent!, id as Address, context),
  borrow_child_object_mut: ([parent, id], context) => borrow(parent!, id as Address, context),
  remove_child_object: ([parent, id], context) => {
    requireChild(parent as Address, id as Address, context);
    return context.session.children.remove(context.loader, id as Address);
  },
  has_child_object: ([parent, id], context) =>
    childType(parent as Address, id as Address, context) !== undefined,
  has_child_object_with_ty: ([parent, id], context) =>
    childType(parent as Address, id as Address, context) === context.typeArguments[0]!.name,
};

/** The parent comes as a reference to its `UID { id: ID { bytes } }`. */
function borrow(parent: Value, id: Address, context: NativeContext): Reference {
  const [[address]] = (parent as Reference).value as [[Address]];
  requireChild(address, id, context);
  return context.session.children.borrow(context.loader, id);
}

function requireChild(parent: Address, id: Address, context: NativeContext): void {
  const type = childType(parent, id, context);
  if (!type) throw abort(FIELD_DOES_NOT_EXIST);
  if (type !== context.typeArguments[0]!.name) throw abort(FIELD_TYPE_MISMATCH);
}

function childType(parent: Address, id: Address, { session }: NativeContext) {
  return session.children.typeOf(parent, id, (bytes) => session.charge(bytes));
}
