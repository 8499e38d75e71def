import { bcs, TypeTagSerializer } from '@mysten/sui/bcs';
import { blake2b } from '@noble/hashes/blake2.js';
import type { ChainObject } from '../transaction/object.ts';
import { ADDRESS_2, structTag, tagToTypeName } from '../transaction/type-name.ts';
import type { Address, TypeName } from '../vm/types.ts';

const FIELD_PREFIX = `${ADDRESS_2}::dynamic_field::Field<`;
const WRAPPER_PREFIX = `${ADDRESS_2}::dynamic_object_field::Wrapper<`;
/** Sui's hashing intent for the ids of dynamic fields. */
const CHILD_OBJECT_ID = 0xf0;
const ID_LENGTH = 32;

/** A dynamic field taken apart. */
export interface DynamicFieldParts {
  /** For an object field the name without its wrapper. */
  nameType: TypeName;
  name: Uint8Array;
  valueType: TypeName;
  value: Uint8Array;
  /** The object that an object field points to. */
  childId: Address | undefined;
}

/**
 * Splits `Field { id, name, value }`. Where the name ends follows from the id, which hashes parent, name and its type,
 * so no layout of the name's type is needed.
 *
 * @returns undefined when the object is no dynamic field
 */
export function splitDynamicField(field: ChainObject): DynamicFieldParts | undefined {
  if (field.owner.kind !== 'object' || field.data.kind !== 'move') return undefined;
  if (!field.data.type.startsWith(FIELD_PREFIX)) return undefined;
  const [nameTag, valueTag] = structTag(field.data.type).typeParams;
  const [nameType, valueType] = [tagToTypeName(nameTag!), tagToTypeName(valueTag!)];
  const rest = field.data.contents.subarray(ID_LENGTH);
  const length = nameLength(field.owner.parent, nameType, rest, field.id);
  const [name, value] = [rest.subarray(0, length), rest.subarray(length)];
  if (!nameType.startsWith(WRAPPER_PREFIX)) return { nameType, name, valueType, value, childId: undefined };
  const childId = bcs.Address.parse(value);
  return { nameType: nameType.slice(WRAPPER_PREFIX.length, -1), name, valueType, value, childId };
}

function nameLength(parent: Address, type: TypeName, bytes: Uint8Array, id: Address): number {
  for (let length = 0; length <= bytes.length; length += 1) {
    if (dynamicFieldId(parent, type, bytes.subarray(0, length)) === id) return length;
  }
  throw new RangeError(`Cannot split dynamic field ${id}: no name hashes to its id`);
}

function dynamicFieldId(parent: Address, type: TypeName, name: Uint8Array): Address {
  const digest = blake2b(
    Buffer.concat([
      Uint8Array.of(CHILD_OBJECT_ID),
      bcs.Address.serialize(parent).toBytes(),
      bcs.u64().serialize(name.length).toBytes(),
      name,
      bcs.TypeTag.serialize(TypeTagSerializer.parseFromStr(type, true)).toBytes(),
    ]),
    { dkLen: ID_LENGTH },
  );
  return `0x${Buffer.from(digest).toString('hex')}`;
}
