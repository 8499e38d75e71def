import type { Codec } from './bcs.ts';
import type { Field, Type } from './type.ts';
import { type Value, Variant } from './value.ts';
import { FRAMEWORK_ADDRESS, pathOf, STANDARD_LIBRARY_ADDRESS, TYPE_PATH } from './well-known.ts';

/** A value in JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const BALANCE = `${FRAMEWORK_ADDRESS}::balance::Balance`;
const TEXTS: (string | undefined)[] = [TYPE_PATH.string, TYPE_PATH.ascii];
/** Shown as what they hold. */
const WRAPPERS: (string | undefined)[] = [
  TYPE_PATH.id,
  TYPE_PATH.uid,
  BALANCE,
  `${FRAMEWORK_ADDRESS}::url::Url`,
  `${STANDARD_LIBRARY_ADDRESS}::type_name::TypeName`,
];

/**
 * A Move value as Sui's RPC renders it (https://docs.sui.io, type `MoveValue`): integers above 32 bits as strings,
 * bytes in base64, ids, balances and texts as strings, an empty option as null, an enum with `@variant`.
 *
 * @param type closed
 */
export function toJson(codec: Codec, type: Type, value: Value): Json {
  switch (type.kind) {
    case 'bool':
    case 'u8':
    case 'u16':
    case 'u32':
    case 'address':
      return value as boolean | number | string;
    case 'vector':
      return listToJson(codec, type.arguments[0]!, value as Value[]);
    case 'datatype':
      return value instanceof Variant
        ? variantToJson(codec, type, value)
        : structToJson(codec, type, value as Value[]);
    default:
      return `${value}`;
  }
}

function listToJson(codec: Codec, element: Type, items: Value[]): Json {
  if (element.kind === 'u8') return Buffer.from(items as number[]).toString('base64');
  return items.map((item) => toJson(codec, element, item));
}

function structToJson(codec: Codec, type: Type, fields: Value[]): Json {
  const path = pathOf(type);
  if (TEXTS.includes(path)) return Buffer.from(fields[0] as number[]).toString();
  const [types] = codec.layout(type) as [Type[]];
  if (WRAPPERS.includes(path)) return toJson(codec, types[0]!, fields[0]!);
  if (path === TYPE_PATH.option) {
    const [some] = fields[0] as Value[];
    return some === undefined ? null : toJson(codec, type.arguments[0]!, some);
  }
  return fieldsToJson(codec, type.datatype!.fields!, types, fields);
}

function variantToJson(codec: Codec, type: Type, { tag, fields }: Variant): Json {
  const variant = type.datatype!.variants![tag]!;
  return {
    '@variant': variant.name,
    ...fieldsToJson(codec, variant.fields, codec.layout(type)[tag]!, fields),
  };
}

function fieldsToJson(
  codec: Codec,
  names: Field[],
  types: Type[],
  values: Value[],
): { [name: string]: Json } {
  return Object.fromEntries(
    names.map(({ name }, index) => [name, toJson(codec, types[index]!, values[index]!)]),
  );
}
