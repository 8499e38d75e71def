import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { eventsOf, executedMessage, placedEvent } from './executed-message.ts';
import { eventTest, transactionTest } from './filter.ts';
import { Mask } from './mask.ts';
import { cursorOf, type Place, placeOf } from './query.ts';

/** A subscriber further behind than this is disconnected, as Sui's full nodes do, rather than buffered without bound. */
const MAX_BACKLOG = 10_000;

/** `sui.rpc.v2.SubscriptionService`: checkpoints, transactions and events, in order, from the moment of the call. */
export function subscriptionService(chain: Chain) {
  return {
    async *subscribeCheckpoints(
      request: GrpcTypes.SubscribeCheckpointsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeCheckpointsResponse> {
      const mask = Mask.of(request.readMask, 'sequence_number,digest');
      const isWanted = transactionTest(request.filter);
      for await (const sequence of newCheckpoints(chain, signal)) {
        const cursor = BigInt(sequence);
        if (isWanted && !chain.store.transactionsOf(sequence).some(isWanted)) yield { cursor };
        else yield { cursor, checkpoint: checkpointMessage(chain, chain.store.checkpoint(sequence)!, mask) };
      }
    },

    async *subscribeTransactions(
      request: GrpcTypes.SubscribeTransactionsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeTransactionsResponse> {
      const mask = Mask.of(request.readMask, 'digest');
      const isWanted = transactionTest(request.filter);
      for await (const sequence of newCheckpoints(chain, signal)) {
        for (const stored of chain.store.transactionsOf(sequence)) {
          if (isWanted?.(stored) === false) continue;
          const transaction = executedMessage(chain, stored, mask);
          yield { transaction, watermark: within(sequence, placeOf(stored.position)) };
        }
        yield { watermark: after(chain, sequence) };
      }
    },

    async *subscribeEvents(
      request: GrpcTypes.SubscribeEventsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeEventsResponse> {
      const mask = Mask.of(request.readMask, 'package_id,module,sender,event_type,contents');
      const isWanted = eventTest(request.filter);
      for await (const sequence of newCheckpoints(chain, signal)) {
        for (const stored of chain.store.transactionsOf(sequence)) {
          for (const [index, event] of eventsOf(stored).entries()) {
            if (isWanted?.(event, stored) === false) continue;
            const watermark = within(sequence, placeOf(stored.position, index));
            yield { event: placedEvent(chain, stored, event, index, mask), watermark };
          }
        }
        yield { watermark: after(chain, sequence) };
      }
    },
  };
}

/** Within a checkpoint, only the one before it has been told wholly. */
function within(sequence: number, place: Place): GrpcTypes.Watermark {
  return { cursor: cursorOf(place), checkpoint: BigInt(sequence - 1) };
}

function after({ store }: Chain, sequence: number): GrpcTypes.Watermark {
  return {
    cursor: cursorOf(placeOf(store.firstPosition(sequence + 1)) - 1n),
    checkpoint: BigInt(sequence),
  };
}

async function* newCheckpoints(chain: Chain, signal: AbortSignal): AsyncGenerator<number> {
  let next = chain.store.latestCheckpoint()!.sequence + 1;
  while (!signal.aborted) {
    const latest = chain.store.latestCheckpoint()!.sequence;
    if (latest - next > MAX_BACKLOG) return;
    for (; next <= latest && !signal.aborted; next += 1) yield next;
    if (chain.store.latestCheckpoint()!.sequence < next) await nextCheckpoint(chain, signal);
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
