import { eventName } from '@daasvader/chain/events.ts';
import { LOG_PREFIX_BYTES, logPrefix, type RawEvent } from '@daasvader/chain/log.ts';
import {
  type CertifiedSummary,
  readContents,
  readEvents,
  readSummary,
} from '@daasvader/checkpoint/checkpoint.ts';
import { CheckpointError } from '@daasvader/checkpoint/error.ts';
import type { GrpcTypes } from '@mysten/sui/grpc';

/** What {@link readCheckpoint} needs of a checkpoint: everything that leads from a signature to an event. */
export const CHECKPOINT_PATHS = [
  'summary.bcs',
  'signature',
  'contents.bcs',
  'transactions.digest',
  'transactions.effects.bcs',
  'transactions.events.bcs',
];

/** The contracts whose events are followed. */
export interface Scope {
  readonly packageId: string;
  /** The objects that keep a log; events of others are not ours. */
  readonly logIds: ReadonlySet<string>;
}

/** A heartbeat, which belongs to no log. */
export interface RawHeartbeat {
  /** BCS of the event. */
  readonly bytes: Uint8Array;
  /** Of the transaction. */
  readonly digest: string;
}

/** A checkpoint with what it holds for us. Proving its summary proves the rest, which was compared with it. */
export interface Checkpoint extends CertifiedSummary {
  /** In the chain's order. */
  readonly facts: readonly (RawEvent | RawHeartbeat)[];
}

/**
 * Reads a checkpoint as a full node tells it, and follows the digests from its summary to our events. Transactions
 * that do not speak of our package are not looked at: what a full node leaves out shows in the numbers of the logs.
 *
 * @throws {CheckpointError} `malformed`, `contents`, `effects` or `events`
 */
export function readCheckpoint(message: GrpcTypes.Checkpoint, scope: Scope): Checkpoint {
  const bytes = required(message.summary?.bcs?.value, 'summary');
  const { epoch, signature, bitmap } = required(message.signature, 'signature');
  const certificate = {
    epoch: required(epoch, 'epoch of its signature'),
    signature: required(signature, 'signature'),
    bitmap: required(bitmap, 'signers'),
  };
  const summary = readSummary(bytes);
  const marker = Buffer.from(scope.packageId.slice(2), 'hex');
  const ours = message.transactions.filter(({ events }) =>
    Buffer.from(events?.bcs?.value ?? []).includes(marker),
  );
  if (ours.length === 0) return { ...summary, certificate, facts: [] };
  const executed = readContents(summary, required(message.contents?.bcs?.value, 'contents'));
  const order = new Map([...executed.keys()].map((digest, index) => [digest, index]));
  const place = ({ digest }: GrpcTypes.ExecutedTransaction) => order.get(digest ?? '') ?? -1;
  const facts = ours
    .toSorted((a, b) => place(a) - place(b))
    .flatMap((transaction) => readTransaction(transaction, executed, scope));
  return { ...summary, certificate, facts };
}

function readTransaction(
  { digest = '', effects, events }: GrpcTypes.ExecutedTransaction,
  executed: ReadonlyMap<string, string>,
  scope: Scope,
): (RawEvent | RawHeartbeat)[] {
  const effectsDigest = executed.get(digest);
  if (effectsDigest === undefined) {
    const options = { actual: digest };
    throw new CheckpointError(
      'contents',
      'Cannot believe a transaction: it is not of its checkpoint',
      options,
    );
  }
  const told = required(effects?.bcs?.value, 'effects');
  return readEvents(effectsDigest, told, required(events?.bcs?.value, 'events'))
    .filter(({ type }) => type.startsWith(`${scope.packageId}::`))
    .flatMap(({ type, contents }) => readFact(type, contents, digest, scope));
}

function readFact(
  type: string,
  bytes: Uint8Array,
  digest: string,
  { logIds }: Scope,
): (RawEvent | RawHeartbeat)[] {
  // A heartbeat begins with the head of the registry's log: id and number, as an event of that log does.
  if (bytes.length < LOG_PREFIX_BYTES) return [];
  const prefix = logPrefix(bytes);
  if (!logIds.has(prefix.logId)) return []; // of a cluster that is not ours
  return eventName(type) === 'HeartbeatEvent' ? [{ bytes, digest }] : [{ ...prefix, type, bytes, digest }];
}

function required<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new CheckpointError('malformed', `Cannot read a checkpoint: the full node does not tell its ${what}`);
}
