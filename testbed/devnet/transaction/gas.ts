/** The gas schedule: Sui's units and prices, fixed for the life of the chain. */
import { type ChainObject, type MoveData, type PackageData, typeSize } from './object.ts';

/** MIST per computation unit; nothing cheaper is accepted. */
export const REFERENCE_GAS_PRICE = 1_000n;
/** Sui's `max_gas_price`, which a price must stay below. */
export const MAX_GAS_PRICE = 50_000_000_000n;
/** MIST; Sui's `max_tx_gas`. */
export const MAX_GAS_BUDGET = 50_000_000_000n;
/** Sui's `max_gas_computation_bucket`: the most units one transaction may use. */
export const MAX_GAS_UNITS = 5_000_000;
/** Computation is charged in steps of this many units, one at least. */
const UNIT_STEP = 1_000;
/** `obj_data_cost_refundable` (100 units per byte) times the storage gas price (76 MIST). */
const STORAGE_MIST_PER_BYTE = 7_600n;
/** Bytes that Sui counts for an object's owner, previous transaction and storage rebate, whatever they take. */
const METADATA_BYTES = 40 + 32 + 8;
const ID_BYTES = 32;
const VERSION_BYTES = 8;
/** Of each rebate 1 % is kept (`storage_rebate_rate` is 9,900 basis points). */
const REBATE_BASIS_POINTS = 9_900n;

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

/** @returns MIST for that many computation units */
export function computationCost(units: number, price: bigint): bigint {
  const steps = Math.max(1, Math.ceil(units / UNIT_STEP));
  return BigInt(steps * UNIT_STEP) * price;
}

/** @returns MIST to store the object, refunded later but for 1 % */
export function storageCost({ data }: ChainObject): bigint {
  const size = data.kind === 'move' ? moveSize(data) : packageSize(data);
  return BigInt(METADATA_BYTES + size) * STORAGE_MIST_PER_BYTE;
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
  const storageRebate = (paid * REBATE_BASIS_POINTS + 5_000n) / 10_000n;
  return { storageRebate, nonRefundableStorageFee: paid - storageRebate };
}

/** @returns what the transaction takes from the gas coin; negative when it gives */
export function netCost(cost: GasCost): bigint {
  return cost.computationCost + cost.storageCost - cost.storageRebate;
}
