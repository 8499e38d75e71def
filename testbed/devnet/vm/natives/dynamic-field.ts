import { deriveDynamicFieldID } from '@mysten/sui/utils';
import { NATIVE_COSTS, TRANSACTION_COSTS } from '../../protocol.ts';
import type { ChildUse } from '../child-objects.ts';
import { REFERENCE, sizerOf, structTagSize, typeNodes, typeTagSize } from '../gas/size.ts';
import { abort } from '../machine.ts';
import type { NativeCall, NativeModule } from '../native.ts';
import type { Address } from '../types.ts';
import { idOf, type Reference, type Value } from '../value.ts';

/** `sui::dynamic_field::EFieldDoesNotExist` */
const FIELD_DOES_NOT_EXIST = 1n;
/** `sui::dynamic_field::EFieldTypeMismatch` */
const FIELD_TYPE_MISMATCH = 2n;

const COSTS = NATIVE_COSTS.dynamicField;

/** Natives of `sui::dynamic_field`. */
export const DYNAMIC_FIELD: NativeModule = {
  hash_type_and_key: ([parent, key], call) => {
    const type = call.typeArguments[0]!;
    const { base, type: perType, value, tag } = COSTS.hash;
    call.charge(base + perType * typeNodes(type) + value * call.sizeOf(key!) + tag * typeTagSize(type));
    return deriveDynamicFieldID(parent as Address, type.name, call.loader.codec.encode(type, key!));
  },
  add_child_object: ([parent, child], call) => {
    const type = call.typeArguments[0]!;
    const { base, type: perType, value, tag } = COSTS.add;
    call.charge(base + value * COSTS.known + perType * typeNodes(type) + tag * structTagSize(type));
    call.session.children.add(call.loader.codec, parent as Address, idOf(child!), type, child!);
    return undefined;
  },
  borrow_child_object: ([parent, id], call) => borrow(parent!, id as Address, call),
  borrow_child_object_mut: ([parent, id], call) => borrow(parent!, id as Address, call),
  remove_child_object: ([parent, id], call) => {
    const { base, type, value } = COSTS.remove;
    call.charge(base + type * typeNodes(call.typeArguments[0]!));
    const use = requireChild(parent as Address, id as Address, call);
    const child = call.session.children.remove(call.loader, id as Address);
    call.charge(value * (use === 'used' ? COSTS.known : call.sizeOf(child)));
    return child;
  },
  has_child_object: ([parent, id], call) => {
    call.charge(COSTS.has);
    return find(parent as Address, id as Address, call).type !== undefined;
  },
  has_child_object_with_ty: ([parent, id], call) => {
    const type = call.typeArguments[0]!;
    const { base, type: perType, tag } = COSTS.hasWithType;
    call.charge(base + perType * typeNodes(type) + tag * structTagSize(type));
    return find(parent as Address, id as Address, call).type === type.name;
  },
};

/** The parent comes as a reference to its `UID { id: ID { bytes } }`. */
function borrow(parent: Value, id: Address, call: NativeCall): Reference {
  const { base, type, value } = COSTS.borrow;
  const childType = call.typeArguments[0]!;
  call.charge(base + type * typeNodes(childType));
  const [[address]] = (parent as Reference).value as [[Address]];
  const use = requireChild(address, id, call);
  const child = call.session.children.borrow(call.loader, id);
  const sizeOf = sizerOf(call.loader.codec, childType);
  call.charge(value * (use === 'used' ? COSTS.knownReference : REFERENCE + sizeOf(child.value)));
  return child;
}

function requireChild(parent: Address, id: Address, call: NativeCall): ChildUse {
  const { type, use } = find(parent, id, call);
  if (!type) throw abort(FIELD_DOES_NOT_EXIST);
  if (type !== call.typeArguments[0]!.name) throw abort(FIELD_TYPE_MISMATCH);
  return use;
}

/** Looks for a child; what comes from the store is paid for by its bytes. */
function find(parent: Address, id: Address, call: NativeCall) {
  return call.session.children.find(parent, id, (bytes = COSTS.missingBytes) =>
    call.charge(TRANSACTION_COSTS.readByte * bytes),
  );
}
