/** What a transaction pays of Sui's prices. */
import { GAS } from '../protocol.ts';
import { type ChainObject, type MoveData, type PackageData, typeSize } from './object.ts';

/** Bytes that Sui counts for an object's owner, previous transaction and storage rebate, whatever they take. */
const METADATA_BYTES = 40 + 32 + 8;
const ID_BYTES = 32;
const VERSION_BYTES = 8;

/** MIST. */
export interface GasCost {
  computationCost: bigint;
  storageCost: bigint;
  storageRebate: bigint;
  nonRefundableStorageFee: bigint;
}

export const NO_GAS: GasCost = {
  computationCost: 0n,
  storageCost: 0n,
  storageRebate: 0n,
  nonRefundableStorageFee: 0n,
};

/**
 * Rounds units up to what is charged: to half of their digits, as Sui's `half_digits_rounding`, and to the minimum.
 *
 * @example 20,001 units are charged as 20,100, and 1,005,001 as 1,006,000
 */
export function chargedUnits(units: number): number {
  if (units < GAS.minUnits) return GAS.minUnits;
  const digits = Math.floor(Math.log10(units));
  const step = 10 ** Math.floor(digits / 2);
  return Math.ceil(units / step) * step;
}

/** @returns MIST for that many computation units; an abort is charged at no more than a multiple of the reference price */
export function computationCost(units: number, price: bigint, isAborted: boolean): bigint {
  const highest = GAS.referencePrice * GAS.abortedPriceFactor;
  return BigInt(chargedUnits(units)) * (isAborted && price > highest ? highest : price);
}

/** @returns MIST to store the object, most of which is refunded later */
export function storageCost(object: ChainObject): bigint {
  return BigInt(objectSize(object)) * GAS.storageByte;
}

/** @returns bytes that Sui counts for an object (`object_size_for_gas_metering`) */
export function objectSize({ data }: ChainObject): number {
  return METADATA_BYTES + (data.kind === 'move' ? moveSize(data) : packageSize(data));
}

/** Contents and type as encoded, one byte for `has_public_transfer` and the version. */
function moveSize({ type, contents }: MoveData): number {
  return contents.length + typeSize(type) + 1 + VERSION_BYTES;
}

/** @returns bytes that Sui counts for a package's data, which it limits too (`MovePackage::size`) */
export function packageSize({ modules, typeOrigins, linkage }: PackageData): number {
  let size = VERSION_BYTES + linkage.size * (ID_BYTES + ID_BYTES + VERSION_BYTES);
  for (const [name, code] of modules) size += name.length + code.length;
  for (const { moduleName, datatypeName } of typeOrigins)
    size += moduleName.length + datatypeName.length + ID_BYTES;
  return size;
}

/** Splits what replaced and deleted objects had paid into what is refunded, to the nearest MIST, and what is kept. */
export function rebate(paid: bigint): Pick<GasCost, 'storageRebate' | 'nonRefundableStorageFee'> {
  const storageRebate = (paid * GAS.rebateBasisPoints + 5_000n) / 10_000n;
  return { storageRebate, nonRefundableStorageFee: paid - storageRebate };
}

/** @returns what the transaction takes from the gas coin; negative when it gives */
export function netCost(cost: GasCost): bigint {
  return cost.computationCost + cost.storageCost - cost.storageRebate;
}
