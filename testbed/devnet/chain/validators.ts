import {
  type CheckpointCertificate,
  type CommitteeMember,
  DST,
  signedBytes,
  TOTAL_VOTING_POWER,
} from '@daasvader/checkpoint/committee.ts';
import { encodeSigners } from '@daasvader/checkpoint/signers.ts';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { sha256 } from '@noble/hashes/sha2.js';

const { G1, G2, fields } = bls12_381;

interface Validator {
  member: CommitteeMember;
  key: bigint;
}

/** The validators of one epoch with their secret keys. */
export class Validators {
  readonly epoch: bigint;
  /** Sorted by public key, as bitmap indexes count them. */
  readonly members: readonly CommitteeMember[];
  readonly #keys: readonly bigint[];
  readonly #everyone: readonly number[];

  private constructor(epoch: bigint, validators: Validator[]) {
    this.epoch = epoch;
    this.members = validators.map(({ member }) => member);
    this.#keys = validators.map(({ key }) => key);
    this.#everyone = validators.map((_, index) => index);
  }

  /** Derives `size` validators of equal weight from a secret. */
  static derive(secret: Uint8Array, epoch = 0n, size = 4): Validators {
    const share = TOTAL_VOTING_POWER / BigInt(size);
    const rest = TOTAL_VOTING_POWER - share * BigInt(size);
    const validators = Array.from({ length: size }, (_, index) => validatorKey(secret, epoch, index))
      .map((key) => ({ key, publicKey: G2.Point.BASE.multiply(key).toBytes() }))
      .sort((a, b) => Buffer.compare(a.publicKey, b.publicKey))
      .map(({ key, publicKey }, index) => ({
        key,
        member: { publicKey, weight: index === 0 ? share + rest : share },
      }));
    return new Validators(epoch, validators);
  }

  /**
   * Signs a checkpoint summary.
   *
   * @param signers in the name of these members, by their indexes in ascending order; of all by default
   */
  certify(summary: Uint8Array, signers: readonly number[] = this.#everyone): CheckpointCertificate {
    // All sign the same bytes, so the sum of their signatures is one signature by the sum of their keys.
    const jointKey = signers.reduce((sum, index) => fields.Fr.add(sum, this.#keys[index]!), 0n);
    const point = G1.hashToCurve(signedBytes(summary, this.epoch), { DST });
    return {
      epoch: this.epoch,
      signature: point.multiply(jointKey).toBytes(),
      bitmap: encodeSigners(signers),
    };
  }
}

function validatorKey(secret: Uint8Array, epoch: bigint, index: number): bigint {
  const digest = sha256(Buffer.concat([secret, Buffer.from(`validator ${index} of epoch ${epoch}`)]));
  return fields.Fr.create(BigInt(`0x${Buffer.from(digest).toString('hex')}`));
}
