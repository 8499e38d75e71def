import { type CommitteeMember, signedBytes } from '@daasvader/checkpoint/committee.ts';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import type { StoredCheckpoint } from '../chain/store.ts';

const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/** @returns whether all these members together signed a checkpoint */
export function verifyCheckpoint(
  { summary, epoch, signature }: StoredCheckpoint,
  members: readonly CommitteeMember[],
): boolean {
  const { G1, G2, shortSignatures } = bls12_381;
  const joint = shortSignatures.aggregatePublicKeys(
    members.map(({ publicKey }) => G2.Point.fromBytes(publicKey)),
  );
  const message = G1.hashToCurve(signedBytes(summary, epoch), { DST }) as never;
  return shortSignatures.verify(signature, message, joint);
}
