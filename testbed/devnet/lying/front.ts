import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Devnet } from '../devnet.ts';
import { DevnetError } from '../error.ts';
import { deriveKeypair, Faucet } from '../http/faucet.ts';
import { type CheckpointServices, DevnetServer } from '../http/server.ts';

/** What is told instead of a checkpoint: nothing, something else, or more than one; perhaps never. */
export type Lie = (
  checkpoint: GrpcTypes.Checkpoint,
) => GrpcTypes.Checkpoint[] | Promise<GrpcTypes.Checkpoint[]>;

/** A full node of a devnet that lies about checkpoints, and tells the truth about the rest. */
export interface LyingFront {
  url: string;
  close(): Promise<void>;
}

/**
 * Opens another front to a devnet, which tells subscribers, and whoever asks for a checkpoint, a lie. To test what
 * believes nothing.
 *
 * @param lie - asked for each checkpoint that is told; see `lying-lies.ts`
 */
export async function startLyingFront({ chain }: Devnet, lie: Lie): Promise<LyingFront> {
  const faucet = new Faucet(chain, deriveKeypair(chain.secret, 'faucet'));
  const server = new DevnetServer(chain, faucet, (services) => lying(services, lie));
  return { url: await server.listen(0, '127.0.0.1'), close: () => server.close() };
}

function lying({ ledger, subscription }: CheckpointServices, lie: Lie): CheckpointServices {
  return {
    ledger: {
      ...ledger,
      async getCheckpoint(request) {
        const { checkpoint: truth } = await ledger.getCheckpoint(request);
        const [checkpoint] = await lie(truth!);
        if (checkpoint === undefined) throw new DevnetError('NOT_FOUND', 'Checkpoint not found');
        return { checkpoint };
      },
    },
    subscription: {
      ...subscription,
      async *subscribeCheckpoints(request, signal) {
        for await (const { cursor, checkpoint } of subscription.subscribeCheckpoints(request, signal))
          for (const told of await lie(checkpoint!))
            yield { cursor: told.sequenceNumber ?? cursor!, checkpoint: told };
      },
    },
  };
}
