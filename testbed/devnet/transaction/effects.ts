import { bcs } from '@mysten/sui/bcs';
import type { FailureStatus } from '../execution/failure.ts';
import type { Address } from '../vm/types.ts';
import type { GasCost } from './gas.ts';
import { type ChainObject, encodeObject, toBcsOwner } from './object.ts';

/** One object before and after a transaction; undefined where it did not exist (or was wrapped). */
export interface ObjectTransition {
  before: ChainObject | undefined;
  after: ChainObject | undefined;
  idOperation: 'None' | 'Created' | 'Deleted';
}

/** What effects are made of. */
export interface EffectsParts {
  failure: { status: FailureStatus; command: number | undefined } | undefined;
  epoch: bigint;
  gas: GasCost;
  /** Base58. */
  transactionDigest: string;
  gasObject: Address | undefined;
  /** Base58; undefined when there are no events. */
  eventsDigest: string | undefined;
  lamportVersion: bigint;
  transitions: Map<Address, ObjectTransition>;
  readShared: Iterable<ChainObject>;
  /** Transactions that wrote what this one read, base58. */
  dependencies: Iterable<string>;
}

/** @returns BCS of `TransactionEffects::V2` */
export function encodeEffects(parts: EffectsParts): Uint8Array {
  const ids = [...parts.transitions.keys()].sort();
  const gasIndex = parts.gasObject === undefined ? -1 : ids.indexOf(parts.gasObject);
  return bcs.TransactionEffects.serialize({
    V2: {
      status: encodeStatus(parts.failure),
      executedEpoch: parts.epoch,
      gasUsed: parts.gas,
      transactionDigest: parts.transactionDigest,
      gasObjectIndex: gasIndex < 0 ? null : gasIndex,
      eventsDigest: parts.eventsDigest ?? null,
      dependencies: sortedDigests(parts.dependencies),
      lamportVersion: parts.lamportVersion,
      changedObjects: ids.map((id) => [id, encodeTransition(parts.transitions.get(id)!)] as const),
      unchangedConsensusObjects: [...parts.readShared].map(
        (object) =>
          [object.id, { ReadOnlyRoot: [object.version, encodeObject(object).digest] as const }] as const,
      ),
      auxDataDigest: null,
    },
  } as unknown as typeof bcs.TransactionEffects.$inferInput).toBytes();
}

function encodeStatus(failure: EffectsParts['failure']) {
  if (failure === undefined) return { Success: true };
  return { Failure: { error: failure.status, command: failure.command ?? null } };
}

function encodeTransition({ before, after, idOperation }: ObjectTransition) {
  return {
    inputState: before === undefined ? { NotExist: true } : existed(before),
    outputState: after === undefined ? { NotExist: true } : written(after),
    idOperation: { [idOperation]: true },
  };
}

function existed(object: ChainObject) {
  return { Exist: [[object.version, encodeObject(object).digest], toBcsOwner(object.owner)] };
}

function written(object: ChainObject) {
  const { digest } = encodeObject(object);
  if (object.data.kind === 'package') return { PackageWrite: [object.version, digest] };
  return { ObjectWrite: [digest, toBcsOwner(object.owner)] };
}

/** Sui keeps dependencies in a set ordered by the digests' bytes. */
function sortedDigests(digests: Iterable<string>): string[] {
  return [...new Set(digests)]
    .map((text) => ({ text, bytes: bcs.ObjectDigest.serialize(text).toBytes() }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ text }) => text);
}
