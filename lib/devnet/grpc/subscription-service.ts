import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain.ts';
import { unsupported } from '../error.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { Mask } from './mask.ts';

/** A subscriber further behind than this is disconnected, as Sui's full nodes do, rather than buffered without bound. */
const MAX_BACKLOG = 10_000;

/** `sui.rpc.v2.SubscriptionService`: checkpoints, in order, from the moment of the call. */
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
