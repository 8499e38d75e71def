import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import type { Execution } from '../execution/execute.ts';
import { encodeEffects, type ObjectTransition } from '../transaction/effects.ts';
import type { LoadedInputs, TransactionData } from '../transaction/inputs.ts';
import { type ChainObject, coinBalance } from '../transaction/object.ts';
import { coinTypeOf, structTag } from '../transaction/type-name.ts';
import type { Address, EmittedEvent } from '../vm/types.ts';
import { objectTypes } from './genesis.ts';
import type { TransactionRecord } from './store.ts';

/** A transaction as it reached the chain. */
export interface SignedTransaction {
  /** Base58. */
  digest: string;
  /** BCS of TransactionData. */
  bytes: Uint8Array;
  data: TransactionData;
  signatures: Uint8Array[];
}

/** Writes down what an execution did, in Sui's encodings. */
export function recordExecution(
  { digest, bytes, data, signatures }: SignedTransaction,
  loaded: LoadedInputs,
  { failure, transitions, settlement }: Execution,
  epoch: bigint,
  timestampMs: number,
): TransactionRecord {
  const events = encodeEvents(data.sender, settlement.events);
  const effects = encodeEffects({
    failure: failure && { status: failure.status, command: failure.command },
    epoch,
    gas: settlement.gas,
    transactionDigest: digest,
    gasObject: loaded.gasCoins[0]?.id,
    eventsDigest: events && digestOf('TransactionEvents', events),
    lamportVersion: settlement.lamportVersion,
    transitions,
    readShared: loaded.readShared.values(),
    dependencies: settlement.dependencies,
  });
  const readTypes = [...loaded.readShared.values()].map(({ id, data }) => [
    id,
    data.kind === 'move' ? data.type : 'package',
  ]);
  return {
    digest,
    data: bytes,
    signatures,
    effects,
    effectsDigest: digestOf('TransactionEffects', effects),
    events,
    objectTypes: { ...objectTypes(transitions), ...Object.fromEntries(readTypes) },
    balanceChanges: balanceChanges(transitions),
    timestampMs,
  };
}

function encodeEvents(sender: Address, events: EmittedEvent[]): Uint8Array | undefined {
  if (events.length === 0) return undefined;
  const data = events.map(({ type, bcs: contents, module }) => {
    const { address: packageId, name: transactionModule } = module;
    return { packageId, transactionModule, sender, type: structTag(type), contents };
  });
  return TransactionEvents.serialize({ data }).toBytes();
}

/** Sums up coins that appeared less coins that vanished, by owner and coin type. */
function balanceChanges(transitions: Map<Address, ObjectTransition>): TransactionRecord['balanceChanges'] {
  const sums = new Map<string, bigint>();
  const add = (object: ChainObject | undefined, sign: bigint) => {
    if (object?.owner.kind !== 'address' || object.data.kind !== 'move') return;
    const coinType = coinTypeOf(object.data.type);
    if (coinType === undefined) return;
    const key = `${object.owner.address} ${coinType}`;
    sums.set(key, (sums.get(key) ?? 0n) + sign * coinBalance(object.data.contents));
  };
  for (const { before, after } of transitions.values()) {
    add(before, -1n);
    add(after, 1n);
  }
  return [...sums]
    .filter(([, amount]) => amount !== 0n)
    .map(([key, amount]) => {
      const [address, coinType] = [key.slice(0, 66), key.slice(67)];
      return { address, coinType, amount: amount.toString() };
    });
}

/** Decodes a transaction as users send it. @throws when the bytes are not exactly a TransactionData */
export function decodeTransaction(bytes: Uint8Array, signatures: Uint8Array[]): SignedTransaction {
  const parsed = bcs.TransactionData.parse(bytes);
  // What follows the last field is not parsed, and would be signed and hashed all the same.
  if (!Buffer.from(bcs.TransactionData.serialize(parsed).toBytes()).equals(bytes))
    throw new TypeError('not canonical BCS');
  return { digest: digestOf('TransactionData', bytes), bytes, data: parsed.V1, signatures };
}
