import { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain.ts';
import { DevnetError } from '../error.ts';

const { Ordering, QueryEndReason: EndReason } = GrpcTypes;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
/** Entries that one request looks at; whoever looks for a rarity goes on from the last cursor. */
const SCAN_LIMIT = 2_000;

/** Where an entry is: checkpoints by number, transactions and events by {@link placeOf}. */
export type Place = bigint;

/** What a query may find, in its order. */
export interface Entry<T> {
  readonly place: Place;
  readonly checkpoint: number;
  /** Undefined when the filter does not want it. */
  readonly item: T | undefined;
}

/** A query's open interval of places, and which of its ends a scan runs into. */
export interface Interval {
  /** Inclusive. */
  readonly low: Place;
  /** Exclusive. */
  readonly high: Place;
  readonly isDescending: boolean;
  readonly limit: number;
  readonly endReason: GrpcTypes.QueryEndReason;
  /** The last checkpoint that the scan covers when it runs into its end; undefined when a cursor is the end. */
  readonly lastCheckpoint: number | undefined;
}

/** One frame of an answer: `sui.rpc.v2.List*Response` with its item still unnamed. */
export interface Frame<T> {
  item?: T;
  watermark: GrpcTypes.Watermark;
  end?: GrpcTypes.QueryEnd;
}

/** The place of a transaction, or of one of its events. @param position of the transaction in the chain */
export function placeOf(position: number, index = 0): Place {
  return (BigInt(position) << 32n) | BigInt(index);
}

/** The position in the chain of the transaction at a place. */
export function positionOf(place: Place): number {
  return Number(place >> 32n);
}

/** What goes to the client for a place. It holds the place plus one, so that there is one before the first. */
export function cursorOf(place: Place): Uint8Array {
  const cursor = Buffer.alloc(8);
  cursor.writeBigUInt64BE(place + 1n);
  return cursor;
}

function readCursor(cursor: Uint8Array): Place {
  if (cursor.length !== 8)
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot read options: a cursor is not one of ours');
  return Buffer.from(cursor).readBigUInt64BE() - 1n;
}

interface Request {
  startCheckpoint?: bigint;
  endCheckpoint?: bigint;
  options?: GrpcTypes.QueryOptions;
}

/**
 * Reads a request's range of checkpoints and its cursors, which bound the scan together.
 *
 * @param firstPlace the first place of a checkpoint; of the one after the newest, the place after the last
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function intervalOf(
  chain: Chain,
  request: Request,
  firstPlace: (checkpoint: number) => Place,
): Interval {
  const { options, startCheckpoint = 0n, endCheckpoint } = request;
  if (endCheckpoint !== undefined && endCheckpoint < startCheckpoint)
    throw new DevnetError(
      'INVALID_ARGUMENT',
      'Cannot read request: end_checkpoint is before start_checkpoint',
    );
  const tip = chain.store.latestCheckpoint()!.sequence + 1;
  const clamp = (checkpoint: bigint) => (checkpoint > BigInt(tip) ? tip : Number(checkpoint));
  const start = clamp(startCheckpoint);
  const end = clamp(endCheckpoint ?? BigInt(tip));
  const range = { low: firstPlace(start), high: firstPlace(end) };
  const after = options?.after ? readCursor(options.after) + 1n : 0n;
  const before = options?.before ? readCursor(options.before) : range.high;
  const isDescending = readOrdering(options?.ordering) === Ordering.DESCENDING;
  const isBoundBelow = after > range.low;
  const isBoundAbove = before < range.high;
  const endsAtCursor = isDescending ? isBoundBelow : isBoundAbove;
  const isTip = !isDescending && (endCheckpoint === undefined || endCheckpoint > BigInt(tip));
  const rangeReason = isTip ? EndReason.LEDGER_TIP : EndReason.CHECKPOINT_BOUND;
  return {
    low: isBoundBelow ? after : range.low,
    high: isBoundAbove ? before : range.high,
    isDescending,
    limit: Math.min(options?.limit || DEFAULT_LIMIT, MAX_LIMIT),
    endReason: endsAtCursor ? EndReason.CURSOR_BOUND : rangeReason,
    lastCheckpoint: endsAtCursor ? undefined : isDescending ? start : end - 1,
  };
}

function readOrdering(ordering: GrpcTypes.Ordering = Ordering.ASCENDING): GrpcTypes.Ordering {
  if (Ordering[ordering] !== undefined) return ordering;
  throw new DevnetError('INVALID_ARGUMENT', `Cannot read options: there is no ordering ${ordering}`);
}

/**
 * Answers a query from its entries, which come in the interval's order: a frame for each item, each with a cursor from
 * which to go on, and one that says why there are no more.
 */
export function* frames<T>(entries: Iterable<Entry<T>>, interval: Interval): Generator<Frame<T>> {
  const { isDescending, limit, low, high, endReason, lastCheckpoint } = interval;
  const step = isDescending ? 1 : -1;
  let covered: number | undefined;
  let current: number | undefined;
  let last: Place | undefined;
  let found = 0;
  let scanned = 0;
  const watermark = (place: Place): GrpcTypes.Watermark => ({
    cursor: cursorOf(place),
    ...(covered !== undefined && { checkpoint: BigInt(covered) }),
  });
  for (const { place, checkpoint, item } of entries) {
    if (scanned++ === SCAN_LIMIT) {
      yield { watermark: watermark(last!), end: { reason: EndReason.SCAN_LIMIT } };
      return;
    }
    if (current !== undefined && checkpoint !== current) covered = checkpoint + step;
    current = checkpoint;
    last = place;
    if (item === undefined) continue;
    found += 1;
    const end = found === limit ? { end: { reason: EndReason.ITEM_LIMIT } } : {};
    yield { item, watermark: watermark(place), ...end };
    if (found === limit) return;
  }
  covered = lastCheckpoint !== undefined && lastCheckpoint >= 0 ? lastCheckpoint : covered;
  yield { watermark: watermark(isDescending ? low : high - 1n), end: { reason: endReason } };
}
