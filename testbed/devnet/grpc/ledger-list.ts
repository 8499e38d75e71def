import { GrpcTypes } from '@mysten/sui/grpc';
import { eventPlace, fromEventPlace } from '../chain/facets.ts';
import type { Store } from '../chain/store.ts';
import { DevnetError } from '../error.ts';
import { type CursorKind, cursorAt, cursorBefore, endBefore, firstAfter } from './cursor.ts';
import type { Interval } from './facet-scan.ts';

const { Ordering, QueryEndReason: EndReason } = GrpcTypes;

/** What the list requests have in common. */
export interface ListRequest {
  startCheckpoint?: bigint;
  endCheckpoint?: bigint;
  options?: GrpcTypes.QueryOptions;
}

/** A list: what its places are and how many items it gives. */
export interface List {
  kind: CursorKind;
  limits: { default: number; max: number };
  /** Where the places of a checkpoint begin; of the one after the last, where they end. */
  firstPlaceOf(checkpoint: number): number;
  checkpointOf(place: number): number;
  /** Looks for items in a part of the list. */
  scan(range: Interval, descending: boolean): Scan;
}

/** Finds one place after the other. */
export interface Scan {
  /** Everything on this side of it has been looked at. */
  readonly frontier: number;
  /** @returns the next place within the interval, `undefined` at its end, `'budget'` when too much was looked at */
  next(range: Interval): number | undefined | 'budget';
}

/** One frame of a list; `place` is absent when it only says how far the scan is. */
export interface Frame {
  place?: number;
  watermark: GrpcTypes.Watermark;
  end?: GrpcTypes.QueryEnd;
}

interface Range extends Interval {
  /** Checkpoints the interval touches: from, to and without. */
  first: number;
  last: number;
  /** Why the scan ends when it comes to the end. */
  reason: number;
}

/**
 * The frames of a list over the chain as it is now.
 *
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function* listFrames(list: List, request: ListRequest, checkpointCount: number): Generator<Frame> {
  const { limit, descending } = readOptions(request.options, list.limits);
  const range = readRange(list, request, checkpointCount, descending);
  const watermarks = new Watermarks(list, range, descending);
  const scan = list.scan(range, descending);
  for (let count = 1; ; count += 1) {
    const place = scan.next(range);
    if (place === 'budget')
      return yield { watermark: watermarks.before(scan.frontier), end: { reason: EndReason.SCAN_LIMIT } };
    if (place === undefined) return yield { watermark: watermarks.end(), end: { reason: range.reason } };
    const frame = { place, watermark: watermarks.at(place) };
    if (count === limit) return yield { ...frame, end: { reason: EndReason.ITEM_LIMIT } };
    yield frame;
  }
}

function readOptions(options: GrpcTypes.QueryOptions | undefined, limits: List['limits']) {
  const ordering = options?.ordering ?? Ordering.ASCENDING;
  if (Ordering[ordering] === undefined) throw invalid(`options.ordering ${ordering} is neither`);
  const limit = Math.min(Math.max(options?.limit ?? limits.default, 1), limits.max);
  return { limit, descending: ordering === Ordering.DESCENDING };
}

/** Checkpoint bounds and cursors, whichever is narrower. */
function readRange(list: List, request: ListRequest, checkpointCount: number, descending: boolean): Range {
  const { startCheckpoint: start = 0n, endCheckpoint, options } = request;
  if (endCheckpoint !== undefined && endCheckpoint < start)
    throw invalid(`end_checkpoint ${endCheckpoint} is before start_checkpoint ${start}`);
  const toNumber = (checkpoint: bigint) => Math.min(Number(checkpoint), checkpointCount);
  const [first, last] = [toNumber(start), toNumber(endCheckpoint ?? BigInt(checkpointCount))];
  const [low, high] = [list.firstPlaceOf(first), list.firstPlaceOf(last)];
  const after = options?.after?.length ? firstAfter(list.kind, options.after) : low;
  const before = options?.before?.length ? endBefore(list.kind, options.before) : high;
  const range = { low: Math.max(low, after), high: Math.min(high, before) };
  const isCut = descending ? after > low : before < high;
  const isBounded = descending || (endCheckpoint !== undefined && endCheckpoint <= checkpointCount);
  const isEmptied = range.low >= range.high && low < high;
  const bound = isBounded ? EndReason.CHECKPOINT_BOUND : EndReason.LEDGER_TIP;
  const reason = isCut || (isEmptied && after < high) ? EndReason.CURSOR_BOUND : bound;
  return { ...range, first, last, reason };
}

/** Says after each step from where to go on, and which checkpoints are done with. */
class Watermarks {
  readonly #list: List;
  readonly #range: Range;
  readonly #descending: boolean;
  /** The checkpoint that the scan enters first. */
  readonly #entry: number;

  constructor(list: List, range: Range, descending: boolean) {
    this.#list = list;
    this.#range = range;
    this.#descending = descending;
    const { low, high, first, last } = range;
    if (low >= high) this.#entry = descending ? first - 1 : last;
    else this.#entry = list.checkpointOf(descending ? high - 1 : low);
  }

  at(place: number): GrpcTypes.Watermark {
    const checkpoint = this.#list.checkpointOf(place);
    return { cursor: cursorAt(this.#list.kind, place), ...this.#covered(this.#short(checkpoint)) };
  }

  /** Everything on this side of `place` was looked at, and not `place` itself. */
  before(place: number): GrpcTypes.Watermark {
    const cursor = cursorBefore(this.#list.kind, this.#descending ? place + 1 : place);
    return { cursor, ...this.#covered(this.#short(this.#list.checkpointOf(place))) };
  }

  end(): GrpcTypes.Watermark {
    const { low, high, first, last, reason } = this.#range;
    const place = this.#descending ? low : high;
    const cursor = cursorBefore(this.#list.kind, Math.max(place, 0));
    if (low >= high) return { cursor };
    if (reason !== EndReason.CURSOR_BOUND)
      return { cursor, ...this.#covered(this.#descending ? first : last - 1) };
    return { cursor, ...this.#covered(this.#short(this.#list.checkpointOf(place))) };
  }

  /** The last checkpoint that is done with while the scan is in this one; a checkpoint itself is done with at once. */
  #short(checkpoint: number): number {
    if (this.#list.kind === 'c') return checkpoint;
    return this.#descending ? checkpoint + 1 : checkpoint - 1;
  }

  #covered(checkpoint: number): { checkpoint?: bigint } {
    const isCovered = this.#descending ? checkpoint <= this.#entry : checkpoint >= this.#entry;
    return isCovered && checkpoint >= 0 ? { checkpoint: BigInt(checkpoint) } : {};
  }
}

/** Where transactions, or events, of checkpoints are. */
export function placesOf(store: Store, kind: 't' | 'e'): Pick<List, 'firstPlaceOf' | 'checkpointOf'> {
  const [to, from] =
    kind === 't'
      ? [(position: number) => position, (place: number) => place]
      : [(position: number) => eventPlace(position, 0), (place: number) => fromEventPlace(place).position];
  return {
    firstPlaceOf: (checkpoint) => to(store.firstPositionOf(checkpoint)),
    checkpointOf: (place) => store.checkpointOf(from(place)),
  };
}

function invalid(reason: string): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Cannot list: ${reason}`);
}
