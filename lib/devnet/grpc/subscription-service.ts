import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain.ts';
import { unsupported } from '../error.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { executedMessage, placedEvents } from './executed-message.ts';
import { Mask } from './mask.ts';

/** A subscriber further behind than this is disconnected, as Sui's full nodes do, rather than buffered without bound. */
const MAX_BACKLOG = 10_000;

/** `sui.rpc.v2.SubscriptionService`: checkpoints, transactions and events, in order, from the moment of the call. */
export function subscriptionService(chain: Chain) {
  return {
    async *subscribeCheckpoints(
      request: GrpcTypes.SubscribeCheckpointsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeCheckpointsResponse> {
      if (request.filter !== undefined) throw unsupported('Field filter of SubscribeCheckpoints');
      const mask = Mask.of(request.readMask, 'sequence_number,digest');
      for await (const sequence of newCheckpoints(chain, signal)) {
        const checkpoint = chain.store.checkpoint(sequence)!;
        yield { cursor: BigInt(sequence), checkpoint: checkpointMessage(chain, checkpoint, mask) };
      }
    },

    async *subscribeTransactions(
      request: GrpcTypes.SubscribeTransactionsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeTransactionsResponse> {
      if (request.filter !== undefined) throw unsupported('Field filter of SubscribeTransactions');
      const mask = Mask.of(request.readMask, 'digest');
      for await (const sequence of newCheckpoints(chain, signal)) {
        for (const stored of chain.store.transactionsOf(sequence)) {
          const transaction = executedMessage(chain, stored, mask);
          yield {
            transaction,
            watermark: { cursor: cursorOf(stored.position), checkpoint: BigInt(sequence) },
          };
        }
      }
    },

    async *subscribeEvents(
      request: GrpcTypes.SubscribeEventsRequest,
      signal: AbortSignal,
    ): AsyncGenerator<GrpcTypes.SubscribeEventsResponse> {
      if (request.filter !== undefined) throw unsupported('Field filter of SubscribeEvents');
      const mask = Mask.of(request.readMask, 'package_id,module,sender,event_type,contents');
      for await (const sequence of newCheckpoints(chain, signal)) {
        for (const stored of chain.store.transactionsOf(sequence)) {
          for (const [index, event] of placedEvents(stored, mask).entries())
            yield {
              event,
              watermark: { cursor: cursorOf(stored.position, index), checkpoint: BigInt(sequence) },
            };
        }
      }
    },
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

/** Where in the chain something is: its transaction, and its place in there. */
function cursorOf(position: number, index = 0): Uint8Array {
  const cursor = Buffer.alloc(12);
  cursor.writeBigUInt64BE(BigInt(position));
  cursor.writeUInt32BE(index, 8);
  return cursor;
}
