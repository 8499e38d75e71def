import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import { eventPlace, type Facets, facetsOf } from '../chain/facets.ts';
import type { StoredTransaction } from '../chain/store.ts';
import { DevnetError } from '../error.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { cursorAt, cursorBefore } from './cursor.ts';
import { executedMessage, placedEvents } from './executed-message.ts';
import { type Filter, passes, readFilter } from './filter.ts';
import { Mask } from './mask.ts';

/** A subscriber further behind than this is disconnected, as Sui's full nodes do, rather than buffered without bound. */
const MAX_BACKLOG = 10_000;

/**
 * `sui.rpc.v2.SubscriptionService`: checkpoints, transactions and events, in order, from the moment of the call. Cursors
 * are those of the lists. What a subscriber has not read yet is read from the store when it asks, so waits in no memory.
 */
export function subscriptionService(chain: Chain) {
  const { store } = chain;
  // Each subscriber that waits is a listener, and there may be any number.
  chain.events.setMaxListeners(0);
  return {
    async *subscribeCheckpoints(
      request: GrpcTypes.SubscribeCheckpointsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeCheckpointsResponse> {
      const mask = Mask.of(request.readMask, 'sequence_number,digest', 'Checkpoint');
      const filter = readFilter(request.filter);
      for await (const sequence of newCheckpoints(chain, signal)) {
        const cursor = BigInt(sequence);
        const isWanted =
          filter === undefined ||
          store.transactionsOf(sequence).some((stored) => passesTransaction(filter, facetsOf(stored)));
        if (!isWanted) yield { cursor };
        else yield { cursor, checkpoint: checkpointMessage(chain, store.checkpoint(sequence)!, mask) };
      }
    },

    async *subscribeTransactions(
      request: GrpcTypes.SubscribeTransactionsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeTransactionsResponse> {
      const mask = Mask.of(request.readMask, 'digest', 'ExecutedTransaction');
      const filter = readFilter(request.filter);
      for await (const { sequence, covered, transactions } of newTransactions(chain, signal)) {
        for (const stored of transactions) {
          if (filter !== undefined && !passesTransaction(filter, facetsOf(stored))) continue;
          const watermark = { cursor: cursorAt('t', stored.position), ...covered };
          yield { transaction: executedMessage(chain, stored, mask), watermark };
        }
        yield { watermark: endOf('t', sequence, transactions.at(-1)!.position + 1) };
      }
    },

    async *subscribeEvents(
      request: GrpcTypes.SubscribeEventsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeEventsResponse> {
      const mask = Mask.of(request.readMask, 'event_type', 'Event');
      const filter = readFilter(request.filter);
      for await (const { sequence, covered, transactions } of newTransactions(chain, signal)) {
        for (const stored of transactions) {
          if (stored.events === undefined) continue;
          const eventAt = placedEvents(chain, stored, mask);
          for (const index of wantedEvents(filter, stored)) {
            const cursor = cursorAt('e', eventPlace(stored.position, index));
            yield { event: eventAt(index), watermark: { cursor, ...covered } };
          }
        }
        yield { watermark: endOf('e', sequence, eventPlace(transactions.at(-1)!.position + 1, 0)) };
      }
    },
  };
}

/** A transaction has its own facets, and those of its events. */
function passesTransaction(filter: Filter, { transaction, events }: Facets): boolean {
  return passes(filter, (facet) => transaction.has(facet) || events.some((facets) => facets.has(facet)));
}

/** An event has its own facets, and its transaction's. */
function wantedEvents(filter: Filter | undefined, stored: StoredTransaction): number[] {
  const { transaction, events } = facetsOf(stored);
  return [...events.keys()].filter((index) =>
    passes(filter, (facet) => events[index]!.has(facet) || transaction.has(facet)),
  );
}

/** The frame after a checkpoint, which says that there was no more in it. */
function endOf(kind: 't' | 'e', sequence: number, place: number): GrpcTypes.Watermark {
  return { cursor: cursorBefore(kind, place), checkpoint: BigInt(sequence) };
}

/** Checkpoints with what they hold; `covered` is the one that the subscriber has had to its end. */
async function* newTransactions(chain: Chain, signal: AbortSignal) {
  let covered: { checkpoint?: bigint } = {};
  for await (const sequence of newCheckpoints(chain, signal)) {
    yield { sequence, covered, transactions: chain.store.transactionsOf(sequence) };
    covered = { checkpoint: BigInt(sequence) };
  }
}

async function* newCheckpoints(chain: Chain, signal: AbortSignal): AsyncGenerator<number> {
  const newest = () => chain.store.latestCheckpoint()!.sequence;
  for (let next = newest() + 1; !signal.aborted; ) {
    const latest = newest();
    if (latest - next > MAX_BACKLOG)
      throw new DevnetError(
        'RESOURCE_EXHAUSTED',
        `Cannot go on: the subscriber is ${MAX_BACKLOG} checkpoints behind`,
      );
    for (; next <= latest && !signal.aborted; next += 1) yield next;
    if (newest() < next) await nextCheckpoint(chain, signal);
  }
}

function nextCheckpoint({ events }: Chain, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      events.off('checkpoint', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    events.on('checkpoint', done);
    signal.addEventListener('abort', done);
  });
}
