import { Committee } from '@daasvader/checkpoint/committee.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { ChainError } from './error.ts';

/**
 * The committee of an epoch, the current one by default, as a full node tells it.
 *
 * @throws ChainError `unreachable` or `answer` when the full node does not tell it
 * @throws CheckpointError `committee` when no chain could have what it tells
 */
export async function readCommittee(client: SuiGrpcClient, epoch?: bigint): Promise<Committee> {
  const { response } = await client.ledgerService
    .getEpoch({ ...(epoch !== undefined && { epoch }), readMask: { paths: ['epoch', 'committee'] } })
    .response.then((response) => ({ response }))
    .catch((cause: unknown) => {
      throw new ChainError('unreachable', 'Cannot read the committee: no answer', { cause });
    });
  const committee = response.epoch?.committee;
  if (!committee || committee.members.length === 0) {
    throw new ChainError('answer', 'Cannot read the committee: the full node does not tell it');
  }
  const members = committee.members.map(({ publicKey, weight }) => ({
    publicKey: publicKey ?? new Uint8Array(),
    weight: weight ?? 0n,
  }));
  return new Committee(committee.epoch ?? 0n, members);
}
