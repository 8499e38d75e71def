import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain.ts';
import type { StoredTransaction } from '../store.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { eventsOf, executedMessage, placedEvent } from './executed-message.ts';
import { eventTest, transactionTest } from './filter.ts';
import { Mask } from './mask.ts';
import { type Entry, frames, type Interval, intervalOf, type Place, placeOf, positionOf } from './query.ts';

/** Rows that are read at a time. */
const BATCH = 200;

/** The queries of `sui.rpc.v2.LedgerService`, which answer with a stream. */
export function listService(chain: Chain) {
  const { store } = chain;
  const firstTransaction = (checkpoint: number) => placeOf(store.firstPosition(checkpoint));
  return {
    *listCheckpoints(
      request: GrpcTypes.ListCheckpointsRequest,
    ): Generator<GrpcTypes.ListCheckpointsResponse> {
      const mask = Mask.of(request.readMask, 'sequence_number,digest');
      const isWanted = transactionTest(request.filter);
      const interval = intervalOf(chain, request, BigInt);
      const entries = checkpoints(interval, (sequence) => {
        if (isWanted && !store.transactionsOf(sequence).some(isWanted)) return undefined;
        return checkpointMessage(chain, store.checkpoint(sequence)!, mask);
      });
      for (const { item, ...frame } of frames(entries, interval))
        yield item === undefined ? frame : { checkpoint: item, ...frame };
    },

    *listTransactions(
      request: GrpcTypes.ListTransactionsRequest,
    ): Generator<GrpcTypes.ListTransactionsResponse> {
      const mask = Mask.of(request.readMask, 'digest');
      const isWanted = transactionTest(request.filter);
      const interval = intervalOf(chain, request, firstTransaction);
      const entries = within(
        interval,
        transactions(chain, interval, (transaction) => [
          isWanted?.(transaction) === false ? undefined : executedMessage(chain, transaction, mask),
        ]),
      );
      for (const { item, ...frame } of frames(entries, interval))
        yield item === undefined ? frame : { transaction: item, ...frame };
    },

    *listEvents(request: GrpcTypes.ListEventsRequest): Generator<GrpcTypes.ListEventsResponse> {
      const mask = Mask.of(request.readMask, 'package_id,module,sender,event_type,contents');
      const isWanted = eventTest(request.filter);
      const interval = intervalOf(chain, request, firstTransaction);
      const entries = within(
        interval,
        transactions(chain, interval, (transaction) =>
          eventsOf(transaction).map((event, index) =>
            isWanted?.(event, transaction) === false
              ? undefined
              : placedEvent(chain, transaction, event, index, mask),
          ),
        ),
      );
      for (const { item, ...frame } of frames(entries, interval))
        yield item === undefined ? frame : { event: item, ...frame };
    },
  };
}

function* checkpoints<T>(
  { low, high, isDescending }: Interval,
  read: (sequence: number) => T | undefined,
): Generator<Entry<T>> {
  for (let left = high - low; left > 0n; left -= 1n) {
    const place = isDescending ? low + left - 1n : high - left;
    yield { place, checkpoint: Number(place), item: read(Number(place)) };
  }
}

/** The transactions of the interval in its order, each as often as it has something to tell but once at least. */
function* transactions<T>(
  { store }: Chain,
  { low, high, isDescending }: Interval,
  read: (transaction: StoredTransaction) => (T | undefined)[],
): Generator<Entry<T>> {
  if (low >= high) return;
  let from = positionOf(low);
  let to = positionOf(high - 1n);
  while (from <= to) {
    const rows = store.transactionsBetween(from, to, isDescending, BATCH);
    for (const row of rows) {
      const items = read(row);
      const entries = (items.length > 0 ? items : [undefined]).map((item, index) =>
        entryOf(row, index, item),
      );
      yield* isDescending ? entries.reverse() : entries;
    }
    if (rows.length < BATCH) return;
    if (isDescending) to = rows.at(-1)!.position - 1;
    else from = rows.at(-1)!.position + 1;
  }
}

function entryOf<T>(
  { position, checkpoint }: StoredTransaction,
  index: number,
  item: T | undefined,
): Entry<T> {
  return { place: placeOf(position, index), checkpoint, item };
}

/** A cursor may lie between two events of one transaction. */
function* within<T>(
  { low, high }: { low: Place; high: Place },
  entries: Iterable<Entry<T>>,
): Generator<Entry<T>> {
  for (const entry of entries) if (entry.place >= low && entry.place < high) yield entry;
}
