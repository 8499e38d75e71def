import type { Transaction, TransactionArgument, TransactionResult } from '@mysten/sui/transactions';
import { CLOCK_ID } from '../clock.ts';
import type { ContractIds } from '../deployment.ts';

/** Arguments of a Move call. */
export type Arguments = TransactionArgument[];

/** A payment: MIST to split from the gas coin, or a coin that a command of the same transaction made. */
export type Payment = bigint | TransactionArgument;

type Package = Pick<ContractIds, 'packageId'>;

/**
 * Adds `(…objects, …values, clock)`, as most functions of the contracts take it.
 *
 * @param name - `module::function`
 * @param objects - ids
 */
export function call(
  tx: Transaction,
  ids: Package,
  name: string,
  objects: string[],
  values: Arguments = [],
): TransactionResult {
  const given = objects.map((id) => tx.object(id));
  return callPlain(tx, ids, name, [...given, ...values, tx.object(CLOCK_ID)]);
}

/** Adds a call whose function does not take the clock, or takes an object after a value. */
export function callPlain(
  tx: Transaction,
  { packageId }: Package,
  name: string,
  given: Arguments,
): TransactionResult {
  return tx.moveCall({ target: `${packageId}::${name}`, arguments: given });
}

/** A `vector<u8>`. */
export function bytes(tx: Transaction, value: Uint8Array): TransactionArgument {
  return tx.pure.vector('u8', value);
}

/** A `String` for each value. */
export function strings(tx: Transaction, values: string[]): Arguments {
  return values.map((value) => tx.pure.string(value));
}

/** A `u64` for each value. */
export function numbers(tx: Transaction, values: bigint[]): Arguments {
  return values.map((value) => tx.pure.u64(value));
}

/** A coin of its own for a contract that takes all of it. */
export function coin(tx: Transaction, payment: Payment): TransactionArgument {
  return typeof payment === 'bigint' ? tx.splitCoins(tx.gas, [payment])[0]! : payment;
}
