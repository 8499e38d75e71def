import type { TypeTag } from '@mysten/sui/bcs';
import { type bcs, TypeTagSerializer } from '@mysten/sui/bcs';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { TypeName } from '../vm/types.ts';

export type StructTag = typeof bcs.StructTag.$inferType;

export const ADDRESS_1 = normalizeSuiAddress('0x1');
export const ADDRESS_2 = normalizeSuiAddress('0x2');
export const SUI_TYPE = `${ADDRESS_2}::sui::SUI`;
export const SUI_COIN_TYPE = `${ADDRESS_2}::coin::Coin<${SUI_TYPE}>`;

const COIN_PREFIX = `${ADDRESS_2}::coin::Coin<`;
const cache = new Map<string, TypeName>();

/** @returns the one spelling of a type tag that the VM and the store use */
export function tagToTypeName(tag: TypeTag): TypeName {
  if ('vector' in tag) return `vector<${tagToTypeName(tag.vector)}>`;
  if ('struct' in tag) return structToTypeName(tag.struct as StructTag);
  return Object.keys(tag).find((key) => key !== '$kind')!;
}

/** {@link tagToTypeName} of a struct. */
export function structToTypeName(tag: StructTag): TypeName {
  const base = `${normalizeSuiAddress(tag.address)}::${tag.module}::${tag.name}`;
  return tag.typeParams.length === 0 ? base : `${base}<${tag.typeParams.map(tagToTypeName).join(', ')}>`;
}

/**
 * Spells a type as the VM does: full addresses, one space after a comma.
 *
 * @throws when the text is no type
 */
export function typeName(text: string): TypeName {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const name = tagToTypeName(TypeTagSerializer.parseFromStr(text, true));
  if (cache.size > 10_000) cache.clear();
  cache.set(text, name);
  return name;
}

/** @returns the struct tag of a struct's type name */
export function structTag(type: TypeName): StructTag {
  const tag = TypeTagSerializer.parseFromStr(type, true);
  if (!('struct' in tag)) throw new TypeError(`Cannot use ${type} as an object type: not a struct`);
  return tag.struct as StructTag;
}

/** @returns `T` of `0x2::coin::Coin<T>`, undefined for any other type */
export function coinTypeOf(type: TypeName): TypeName | undefined {
  return type.startsWith(COIN_PREFIX) ? type.slice(COIN_PREFIX.length, -1) : undefined;
}

const COIN_INFO = ['CoinMetadata', 'RegulatedCoinMetadata', 'TreasuryCap'].map(
  (name) => `${ADDRESS_2}::coin::${name}<`,
);

/** Whether objects of this type describe a coin: metadata and treasury, one of each for a coin type. */
export function isCoinInfo(type: TypeName): boolean {
  return COIN_INFO.some((prefix) => type.startsWith(prefix));
}
