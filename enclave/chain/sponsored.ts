import { bcs } from '@mysten/sui/bcs';
import { EnclaveError } from '../error.ts';

/** The most that a transaction of ours may offer for gas, in MIST: 0.5 SUI, the check of a document included. */
export const MAX_GAS_BUDGET = 500_000_000n;

/**
 * Checks what the host made of our transaction before it is signed: the same commands, our sender, the host's own
 * gas. A signature over anything else would let the host act as the operator.
 *
 * @param bytes BCS of the TransactionData that the host returned
 * @param kind BCS of the TransactionKind that it was given
 * @throws {EnclaveError} `sponsor`
 */
export function checkSponsored(bytes: Uint8Array, kind: Uint8Array, sender: string): void {
  const data = parse(bytes);
  same('sender', sender, data.sender);
  same('commands', hex(kind), hex(bcs.TransactionKind.serialize(data.kind).toBytes()));
  if (data.gasData.owner === sender)
    throw new EnclaveError('sponsor', 'Cannot sign: the gas would be our own');
  if (BigInt(data.gasData.budget) > MAX_GAS_BUDGET) {
    const options = { expected: MAX_GAS_BUDGET, actual: data.gasData.budget };
    throw new EnclaveError('sponsor', 'Cannot sign: the gas budget is too large', options);
  }
}

function parse(bytes: Uint8Array) {
  let data: ReturnType<typeof bcs.TransactionData.parse>;
  try {
    data = bcs.TransactionData.parse(bytes);
  } catch (cause) {
    throw new EnclaveError('sponsor', 'Cannot sign: the host returned no transaction', { cause });
  }
  // What follows the last field is not parsed but would be signed.
  same('encoding', hex(bcs.TransactionData.serialize(data).toBytes()), hex(bytes));
  return data.V1;
}

function same(what: string, expected: string, actual: string): void {
  if (expected === actual) return;
  throw new EnclaveError('sponsor', `Cannot sign: the host changed the ${what}`, { expected, actual });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
