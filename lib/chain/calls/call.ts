import type { Transaction, TransactionArgument } from '@mysten/sui/transactions';
import { CLOCK_ID } from '../clock.ts';
import type { ContractIds } from '../deployment.ts';

/** Arguments of a Move call. */
export type Arguments = TransactionArgument[];

/** A payment: MIST to split from the gas coin, or a coin that a command of the same transaction made. */
export type Payment = bigint | TransactionArgument;

/**
 * Adds `(…objects, …values, clock)`, as most functions of the contracts take it.
 *
 * @param name - `module::function`
 * @param objects - ids
 */
export function call(
  tx: Transaction,
  { packageId }: Pick<ContractIds, 'packageId'>,
  name: string,
  objects: string[],
  values: Arguments = [],
): void {
  const given = [...objects.map((id) => tx.object(id)), ...values, tx.object(CLOCK_ID)];
  tx.moveCall({ target: `${packageId}::${name}`, arguments: given });
}

/** A `vector<u8>`. */
export function bytes(tx: Transaction, value: Uint8Array): TransactionArgument {
  return tx.pure.vector('u8', value);
}

/** A `String` for each value. */
export function strings(tx: Transaction, values: string[]): Arguments {
  return values.map((value) => tx.pure.string(value));
}

/** A coin of its own for a contract that takes all of it. */
export function coin(tx: Transaction, payment: Payment): TransactionArgument {
  return typeof payment === 'bigint' ? tx.splitCoins(tx.gas, [payment])[0]! : payment;
}
