/** The gas schedule: Sui's units and prices, fixed for the life of the chain. */
import type { ChainObject } from './object.ts';
import { encodeObject } from './object.ts';

/** MIST per computation unit; nothing cheaper is accepted. */
export const REFERENCE_GAS_PRICE = 1_000n;
/** Sui's `max_gas_price`. */
export const MAX_GAS_PRICE = 50_000_000_000n;
/** MIST; Sui's `max_tx_gas`. */
export const MAX_GAS_BUDGET = 50_000_000_000n;
/** Sui's `max_gas_computation_bucket`: the most units one transaction may use. */
export const MAX_GAS_UNITS = 5_000_000;
/** Computation is charged in steps of this many units, one at least. */
const UNIT_STEP = 1_000;
/** `obj_data_cost_refundable` (100 units per byte) times the storage gas price (76 MIST). */
const STORAGE_MIST_PER_BYTE = 7_600n;
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
export function storageCost(object: ChainObject): bigint {
  return BigInt(encodeObject(object).bytes.length) * STORAGE_MIST_PER_BYTE;
}

/** Splits what replaced and deleted objects had paid into what is refunded and what is kept. */
export function rebate(paid: bigint): Pick<GasCost, 'storageRebate' | 'nonRefundableStorageFee'> {
  const storageRebate = (paid * REBATE_BASIS_POINTS) / 10_000n;
  return { storageRebate, nonRefundableStorageFee: paid - storageRebate };
}

/** @returns what the transaction takes from the gas coin; negative when it gives */
export function netCost(cost: GasCost): bigint {
  return cost.computationCost + cost.storageCost - cost.storageRebate;
}
