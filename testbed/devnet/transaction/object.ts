import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { bcs, TypeTagSerializer } from '@mysten/sui/bcs';
import type { Address, TypeName } from '../vm/types.ts';
import {
  ADDRESS_2,
  coinTypeOf,
  SUI_COIN_TYPE,
  structTag,
  structToTypeName,
  tagToTypeName,
} from './type-name.ts';

/** The shared `0x2::clock::Clock`. */
export const CLOCK_ID: Address = `0x${'6'.padStart(64, '0')}`;

/** Who owns an object; a shared object carries the version at which it was shared. */
export type ChainOwner =
  | { kind: 'address'; address: Address }
  | { kind: 'object'; parent: Address }
  | { kind: 'shared'; initialVersion: bigint }
  | { kind: 'immutable' };

export interface MoveData {
  kind: 'move';
  type: TypeName;
  hasPublicTransfer: boolean;
  /** BCS of the Move value; starts with the object's id. */
  contents: Uint8Array;
}

export interface PackageData {
  kind: 'package';
  /** Bytecode by module name. */
  modules: Map<string, Uint8Array>;
  typeOrigins: { moduleName: string; datatypeName: string; package: Address }[];
  linkage: Map<Address, { upgradedId: Address; upgradedVersion: string }>;
}

/** One version of an object. */
export interface ChainObject {
  id: Address;
  version: bigint;
  owner: ChainOwner;
  data: MoveData | PackageData;
  /** Digest, base58. */
  previousTransaction: string;
  /** MIST. */
  storageRebate: bigint;
}

export interface EncodedObject {
  bytes: Uint8Array;
  /** Base58. */
  digest: string;
}

type BcsOwner = typeof bcs.Owner.$inferInput;
const encoded = new WeakMap<ChainObject, EncodedObject>();

/** @returns the object as Sui stores it, with its digest; computed once for each version */
export function encodeObject(object: ChainObject): EncodedObject {
  const known = encoded.get(object);
  if (known !== undefined) return known;
  const bytes = bcs.Object.serialize({
    data: object.data.kind === 'move' ? encodeMove(object, object.data) : encodePackage(object, object.data),
    owner: toBcsOwner(object.owner),
    previousTransaction: object.previousTransaction,
    storageRebate: object.storageRebate,
  }).toBytes();
  const result = { bytes, digest: digestOf('Object', bytes) };
  encoded.set(object, result);
  return result;
}

/** Inverse of {@link encodeObject}. */
export function decodeObject(bytes: Uint8Array): ChainObject {
  const { data, owner, previousTransaction, storageRebate } = bcs.Object.parse(bytes);
  const common = {
    owner: fromBcsOwner(owner),
    previousTransaction,
    storageRebate: BigInt(storageRebate),
  };
  if (data.$kind === 'Move') {
    const contents = Uint8Array.from(data.Move.contents);
    return {
      ...common,
      id: bcs.Address.parse(contents.subarray(0, 32)),
      version: BigInt(data.Move.version),
      data: {
        kind: 'move',
        type: fromMoveObjectType(data.Move.type),
        hasPublicTransfer: data.Move.hasPublicTransfer,
        contents,
      },
    };
  }
  const { id, version, moduleMap, typeOriginTable, linkageTable } = data.Package;
  const modules = new Map([...moduleMap].map(([name, code]) => [name, Uint8Array.from(code)]));
  return {
    ...common,
    id,
    version: BigInt(version),
    data: { kind: 'package', modules, typeOrigins: typeOriginTable, linkage: linkageTable },
  };
}

function encodeMove(object: ChainObject, data: MoveData) {
  return {
    Move: {
      type: toMoveObjectType(data.type),
      hasPublicTransfer: data.hasPublicTransfer,
      version: object.version,
      contents: data.contents,
    },
  };
}

function encodePackage(object: ChainObject, data: PackageData) {
  return {
    Package: {
      id: object.id,
      version: object.version,
      moduleMap: data.modules,
      typeOriginTable: data.typeOrigins,
      linkageTable: data.linkage,
    },
  };
}

const typeSizes = new Map<TypeName, number>();

/** @returns bytes of an object's type as encoded */
export function typeSize(type: TypeName): number {
  const known = typeSizes.get(type);
  if (known !== undefined) return known;
  const size = bcs.MoveObjectType.serialize(toMoveObjectType(type)).toBytes().length;
  if (typeSizes.size > 10_000) typeSizes.clear();
  typeSizes.set(type, size);
  return size;
}

/** Sui abbreviates the types of coins; any other spelling of them would change digests. */
function toMoveObjectType(type: TypeName): typeof bcs.MoveObjectType.$inferInput {
  if (type === SUI_COIN_TYPE) return { GasCoin: true };
  const coin = coinTypeOf(type);
  if (coin !== undefined) return { Coin: coin };
  return { Other: structTag(type) };
}

function fromMoveObjectType(type: typeof bcs.MoveObjectType.$inferType): TypeName {
  switch (type.$kind) {
    case 'Other':
      return structToTypeName(type.Other);
    case 'GasCoin':
      return SUI_COIN_TYPE;
    case 'Coin':
      return `${ADDRESS_2}::coin::Coin<${tagToTypeName(TypeTagSerializer.parseFromStr(type.Coin, true))}>`;
    default:
      throw new TypeError(`Cannot decode object type ${type.$kind}: never written by this chain`);
  }
}

/** @returns the owner in the form of `@mysten/sui/bcs` */
export function toBcsOwner(owner: ChainOwner): BcsOwner {
  switch (owner.kind) {
    case 'address':
      return { AddressOwner: owner.address };
    case 'object':
      return { ObjectOwner: owner.parent };
    case 'shared':
      return { Shared: { initialSharedVersion: owner.initialVersion } };
    case 'immutable':
      return { Immutable: true };
  }
}

/** Inverse of {@link toBcsOwner}. */
export function fromBcsOwner(owner: typeof bcs.Owner.$inferType): ChainOwner {
  switch (owner.$kind) {
    case 'AddressOwner':
      return { kind: 'address', address: owner.AddressOwner };
    case 'ObjectOwner':
      return { kind: 'object', parent: owner.ObjectOwner };
    case 'Shared':
      return { kind: 'shared', initialVersion: BigInt(owner.Shared.initialSharedVersion) };
    case 'Immutable':
      return { kind: 'immutable' };
    default:
      throw new TypeError(`Cannot decode owner ${owner.$kind}: never written by this chain`);
  }
}

/** @returns the balance in the contents of a `Coin<T>`: 32 bytes of id, then a u64 */
export function coinBalance(contents: Uint8Array): bigint {
  return new DataView(contents.buffer, contents.byteOffset, contents.byteLength).getBigUint64(32, true);
}

/** @returns contents of a `Coin<T>` */
export function coinContents(id: Address, balance: bigint): Uint8Array {
  const contents = new Uint8Array(40);
  contents.set(bcs.Address.serialize(id).toBytes());
  new DataView(contents.buffer).setBigUint64(32, balance, true);
  return contents;
}
