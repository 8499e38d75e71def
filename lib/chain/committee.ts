import { createHash } from 'node:crypto';
import { bcs } from '@mysten/sui/bcs';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { ChainError } from './error.ts';

const Members = bcs.vector(bcs.struct('Member', { publicKey: bcs.byteVector(), weight: bcs.u64() }));

/** The validators that the enclave started from; the attestation binds them. */
export interface Committee {
  readonly epoch: bigint;
  /** SHA-256 of the BCS of (BLS public key, weight) of every member, in the chain's order. */
  readonly digest: Uint8Array;
}

/**
 * Reads the committee of the current epoch.
 *
 * @throws ChainError `unreachable` or `answer` when the full node does not tell it
 */
export async function readCommittee(client: SuiGrpcClient): Promise<Committee> {
  const { response } = await client.ledgerService
    .getEpoch({ readMask: { paths: ['epoch', 'committee'] } })
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
  const digest = createHash('sha256').update(Members.serialize(members).toBytes()).digest();
  return { epoch: committee.epoch ?? 0n, digest };
}
