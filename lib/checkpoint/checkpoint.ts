import { bcs } from '@mysten/sui/bcs';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { CheckpointCertificate, CommitteeMember } from './committee.ts';
import { type DigestDomain, digestOf } from './digest.ts';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';
import { CheckpointContents, CheckpointSummary, EffectsWithEvents, TransactionEvents } from './layouts.ts';

/** What validators sign, read but not believed. */
export interface Summary {
  /** Its BCS. */
  readonly bytes: Uint8Array;
  /** Base58. */
  readonly digest: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  /** By the validators' clocks, ms since 1970. */
  readonly timestampMs: number;
  /** Digest of the checkpoint before it; null for the first. */
  readonly previous: string | null;
  /** Digest of its contents. */
  readonly contents: string;
  /** The committee of the next epoch, when this checkpoint is the last one of its own. */
  readonly successors: readonly CommitteeMember[] | undefined;
}

/** A summary with what is to prove it. */
export interface CertifiedSummary extends Summary {
  readonly certificate: CheckpointCertificate;
}

/** An event as the chain emitted it. */
export interface EmittedEvent {
  /** Full Move type with the address in 64 digits, `0x…::module::Name`; generic arguments are left out. */
  readonly type: string;
  readonly sender: string;
  /** BCS of the Move struct. */
  readonly contents: Uint8Array;
}

/**
 * Reads a summary.
 *
 * @param bytes its BCS
 * @throws {CheckpointError} `malformed`
 */
export function readSummary(bytes: Uint8Array): Summary {
  const { epoch, sequenceNumber, timestampMs, previousDigest, contentDigest, endOfEpochData } = parse(
    'summary',
    CheckpointSummary,
    bytes,
  );
  return {
    bytes,
    digest: digestOf('CheckpointSummary', bytes),
    epoch: BigInt(epoch),
    sequence: BigInt(sequenceNumber),
    timestampMs: Number(timestampMs),
    previous: previousDigest,
    contents: contentDigest,
    successors: endOfEpochData?.nextEpochCommittee.map(([publicKey, weight]) => ({
      publicKey: Uint8Array.from(publicKey),
      weight: BigInt(weight),
    })),
  };
}

/**
 * The transactions of a checkpoint.
 *
 * @param bytes BCS of its contents
 * @returns digests of effects by digest of transaction, in the chain's order
 * @throws {CheckpointError} `contents` when they are of another checkpoint, `malformed`
 */
export function readContents(summary: Summary, bytes: Uint8Array): Map<string, string> {
  match('contents', 'CheckpointContents', summary.contents, bytes);
  const { V1, V2 } = parse('contents', CheckpointContents, bytes);
  const executed = V1?.transactions ?? V2?.transactions.map(({ digests }) => digests) ?? [];
  return new Map(executed.map(({ transaction, effects }) => [transaction, effects]));
}

/**
 * The events of a transaction.
 *
 * @param effectsDigest as the contents name it
 * @param effects their BCS
 * @param events BCS of TransactionEvents
 * @throws {CheckpointError} `effects` or `events` when they are of another transaction, `malformed`
 */
export function readEvents(effectsDigest: string, effects: Uint8Array, events: Uint8Array): EmittedEvent[] {
  match('effects', 'TransactionEffects', effectsDigest, effects);
  // Only V2 is read, which is what networks write now.
  const { V2 } = parse('effects', EffectsWithEvents, effects);
  match('events', 'TransactionEvents', V2?.eventsDigest ?? 'none', events);
  return parse('events', TransactionEvents, events).data.map(({ type, sender, contents }) => ({
    type: `${normalizeSuiAddress(type.address)}::${type.module}::${type.name}`,
    sender,
    contents: Uint8Array.from(contents),
  }));
}

/** A version of an object as a transaction left it. */
export interface WrittenObject {
  readonly id: string;
  readonly version: bigint;
  /** Base58. */
  readonly digest: string;
}

/**
 * The objects that a transaction wrote.
 *
 * @param effects BCS, which {@link readEvents} compared with their digest
 * @returns undefined when they are of a form that is not known here, as a later protocol version may write
 */
export function readWritten(effects: Uint8Array): WrittenObject[] | undefined {
  try {
    const { V2 } = bcs.TransactionEffects.parse(effects);
    return V2?.changedObjects.flatMap(([id, { outputState }]) => {
      const digest = outputState.ObjectWrite?.[0];
      return digest === undefined ? [] : [{ id, version: BigInt(V2.lamportVersion), digest }];
    });
  } catch {
    return undefined;
  }
}

/**
 * The BCS of the Move value in an object.
 *
 * @param bytes BCS of the object
 * @throws {CheckpointError} `object` when it is another one than was written, or a package, `malformed`
 */
export function readObject({ digest }: WrittenObject, bytes: Uint8Array): Uint8Array {
  match('object', 'Object', digest, bytes);
  const { Move } = parse('object', bcs.Object, bytes).data;
  if (!Move) throw new CheckpointError('object', 'Cannot read an object: it is a package');
  return Uint8Array.from(Move.contents);
}

function match(code: CheckpointErrorCode, domain: DigestDomain, expected: string, bytes: Uint8Array): void {
  const actual = digestOf(domain, bytes);
  if (actual === expected) return;
  throw new CheckpointError(code, `Cannot believe ${code}: they have another digest`, { expected, actual });
}

function parse<T>(what: string, layout: { parse(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return layout.parse(bytes);
  } catch (cause) {
    throw new CheckpointError('malformed', `Cannot read the ${what} of a checkpoint: not its BCS`, { cause });
  }
}
