/**
 * The validators. Sui's scheme: BLS12-381 with signatures in G1 (48 bytes) and public keys in G2 (96 bytes), each
 * validator signing the same bytes, their signatures added up, and a Roaring bitmap of who signed.
 */
import { bcs } from '@mysten/sui/bcs';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** Total voting power in Sui is fixed at 10,000. */
const TOTAL_VOTING_POWER = 10_000n;
/** fastcrypto `min_sig`: the ciphersuite that Sui's authorities use. */
const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
/** Intent {scope: CheckpointSummary (2), version: V0, app: Sui}. */
const CHECKPOINT_INTENT = Uint8Array.of(2, 0, 0);

const { G1, fields } = bls12_381;

export interface CommitteeMember {
  /** Compressed G2 point, 96 bytes. */
  publicKey: Uint8Array;
  weight: bigint;
}

/** A certificate over a checkpoint summary. */
export interface CheckpointCertificate {
  epoch: bigint;
  /** Compressed G1 point, 48 bytes. */
  signature: Uint8Array;
  /** Portable Roaring bitmap of the signers' indexes. */
  bitmap: Uint8Array;
}

/** The validators of one epoch with their secret keys. */
export class Committee {
  readonly epoch: bigint;
  /** Sorted by public key, as bitmap indexes count them. */
  readonly members: readonly CommitteeMember[];
  /** All sign the same bytes, so the sum of their signatures is one signature by the sum of their keys. */
  readonly #jointKey: bigint;

  private constructor(epoch: bigint, members: CommitteeMember[], jointKey: bigint) {
    this.epoch = epoch;
    this.members = members;
    this.#jointKey = jointKey;
  }

  /** Derives `size` validators of equal weight from a secret. */
  static derive(secret: Uint8Array, epoch = 0n, size = 4): Committee {
    const keys = Array.from({ length: size }, (_, index) => validatorKey(secret, epoch, index));
    const weight = TOTAL_VOTING_POWER / BigInt(size);
    const members = keys
      .map((key) => ({ publicKey: publicKey(key), weight }))
      .sort((a, b) => Buffer.compare(a.publicKey, b.publicKey));
    members[0]!.weight += TOTAL_VOTING_POWER - weight * BigInt(size);
    return new Committee(
      epoch,
      members,
      keys.reduce((sum, key) => fields.Fr.add(sum, key)),
    );
  }

  /** Signs a checkpoint summary in the name of every member. */
  certify(summary: Uint8Array): CheckpointCertificate {
    const point = G1.hashToCurve(signedBytes(summary, this.epoch), { DST });
    return {
      epoch: this.epoch,
      signature: point.multiply(this.#jointKey).toBytes(),
      bitmap: encodeBitmap(this.members.map((_, index) => index)),
    };
  }
}

/** @returns what Sui's validators sign: intent, summary, epoch */
export function signedBytes(summary: Uint8Array, epoch: bigint): Uint8Array {
  return Buffer.concat([CHECKPOINT_INTENT, summary, bcs.u64().serialize(epoch).toBytes()]);
}

/** @returns the portable Roaring serialisation of indexes below 65,536 in ascending order: one array container */
export function encodeBitmap(indexes: number[]): Uint8Array {
  const SERIAL_COOKIE_NO_RUN = 12346;
  const bytes = Buffer.alloc(16 + 2 * indexes.length);
  bytes.writeUInt32LE(SERIAL_COOKIE_NO_RUN, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt16LE(0, 8);
  bytes.writeUInt16LE(indexes.length - 1, 10);
  bytes.writeUInt32LE(16, 12);
  for (const [position, index] of indexes.entries()) bytes.writeUInt16LE(index, 16 + 2 * position);
  return bytes;
}

function validatorKey(secret: Uint8Array, epoch: bigint, index: number): bigint {
  const digest = sha256(Buffer.concat([secret, Buffer.from(`validator ${index} of epoch ${epoch}`)]));
  return fields.Fr.create(BigInt(`0x${Buffer.from(digest).toString('hex')}`));
}

function publicKey(key: bigint): Uint8Array {
  return bls12_381.G2.Point.BASE.multiply(key).toBytes();
}
