import { type CommitteeMember, committeeDigest } from '@daasvader/checkpoint/committee.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { ChainError } from './error.ts';

/** The validators of an epoch, as a full node tells them. */
export interface Committee {
  readonly epoch: bigint;
  readonly members: readonly CommitteeMember[];
  /** What the attestation and the chain's configuration know it by: {@link committeeDigest}. */
  readonly digest: Uint8Array;
}

/**
 * Reads the committee of an epoch, the current one by default.
 *
 * @throws ChainError `unreachable` or `answer` when the full node does not tell it
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
  return { epoch: committee.epoch ?? 0n, members, digest: committeeDigest(members) };
}
