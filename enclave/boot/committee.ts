import { readCommittee } from '@daasvader/chain/committee.ts';
import { ContractReader, type ReaderIds } from '@daasvader/chain/objects.ts';
import type { Committee } from '@daasvader/checkpoint/committee.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { EnclaveError } from '../error.ts';

/**
 * The committee to start from: the one that the cluster's configuration on chain names, however long ago it was. The
 * follower goes on from there to the committee of now. Nothing of this is proven; the binding says which one it is,
 * and whoever compares it with the chain sees another one.
 *
 * @throws {EnclaveError} `configuration` when the full node tells another one
 */
export async function startingCommittee(client: SuiGrpcClient, ids: ReaderIds): Promise<Committee> {
  const reader = new ContractReader(client, ids);
  const [{ config }, timeMs] = await Promise.all([reader.registry(), reader.timeMs()]);
  const isDue = config.pending !== null && Number(config.effectiveAtMs) <= timeMs;
  const expected = isDue ? config.pending : config.current;
  if (!expected) return readCommittee(client); // the chain will say that it expects nobody yet
  const committee = await readCommittee(client, BigInt(expected.committeeEpoch));
  const digest = Buffer.from(expected.committeeDigest);
  if (digest.equals(committee.digest)) return committee;
  const options = { expected: digest.toString('hex'), actual: Buffer.from(committee.digest).toString('hex') };
  throw new EnclaveError(
    'configuration',
    `Cannot start: the full node tells another committee of epoch ${expected.committeeEpoch} than the cluster expects`,
    options,
  );
}
