import { eventName } from '@daasvader/chain/events.ts';
import { LOG_PREFIX_BYTES, logPrefix, type RawEvent } from '@daasvader/chain/log.ts';
import {
  type CertifiedSummary,
  readContents,
  readEvents,
  readSummary,
  readWritten,
  type WrittenObject,
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
  /** By the package that first had it an event is called; an upgrade may add events of its own. */
  readonly packages: ReadonlySet<string>;
  /** The object whose log is proven from what a transaction left of it, before there are heartbeats. */
  readonly registryId: string;
  /** The objects that keep a log; events of others are not ours. */
  readonly logIds: ReadonlySet<string>;
}

/** A heartbeat, which belongs to no log. */
export interface RawHeartbeat {
  readonly kind: 'heartbeat';
  /** BCS of the event. */
  readonly bytes: Uint8Array;
  /** Of the transaction. */
  readonly digest: string;
}

/** The registry as a transaction with events of ours left it. */
export interface RegistryWrite {
  readonly kind: 'registry';
  readonly written: WrittenObject;
}

/** What a checkpoint holds for us. */
export type Fact = RawEvent | RawHeartbeat | RegistryWrite;

/** Whether a fact is an event of a log. */
export function isEvent(fact: Fact): fact is RawEvent {
  return 'seq' in fact;
}

/** A checkpoint with what it holds for us. Proving its summary proves the rest, which was compared with it. */
export interface Checkpoint extends CertifiedSummary {
  /** In the chain's order. */
  readonly facts: readonly Fact[];
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
  const markers = [...scope.packages].map((id) => Buffer.from(id.slice(2), 'hex'));
  const ours = message.transactions.filter(({ events }) => {
    const told = Buffer.from(events?.bcs?.value ?? []);
    return markers.some((marker) => told.includes(marker));
  });
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
): Fact[] {
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
  const ours = readEvents(effectsDigest, told, required(events?.bcs?.value, 'events'))
    .filter(({ type }) => scope.packages.has(type.slice(0, type.indexOf('::'))))
    .flatMap(({ type, contents }) => readFact(type, contents, digest, scope));
  const isOfRegistry = ours.some((fact) => isEvent(fact) && fact.logId === scope.registryId);
  const written = isOfRegistry ? readWritten(told)?.find(({ id }) => id === scope.registryId) : undefined;
  return written ? [...ours, { kind: 'registry', written }] : ours;
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
  return eventName(type) === 'HeartbeatEvent'
    ? [{ kind: 'heartbeat', bytes, digest }]
    : [{ ...prefix, type, bytes, digest }];
}

function required<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new CheckpointError('malformed', `Cannot read a checkpoint: the full node does not tell its ${what}`);
}
