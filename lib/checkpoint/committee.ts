/**
 * The validators of an epoch, as far as a reader needs them. Sui's scheme: BLS12-381 with signatures in G1 (48 bytes)
 * and public keys in G2 (96 bytes), each validator signing the same bytes, their signatures added up.
 */
import { bcs } from '@mysten/sui/bcs';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { CheckpointError } from './error.ts';
import { decodeSigners } from './signers.ts';

/** sui-types `committee.rs`: all voting power of a committee. */
export const TOTAL_VOTING_POWER = 10_000n;
/** sui-types `committee.rs`: 2f+1 of it. */
export const QUORUM = 6_667n;
/** fastcrypto `min_sig`: the ciphersuite of Sui's authorities. */
export const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
/** Intent {scope: CheckpointSummary (2), version: V0, app: Sui}. */
const CHECKPOINT_INTENT = Uint8Array.of(2, 0, 0);
/** Keys that are kept decoded: most validators stay from one epoch to the next, and each costs milliseconds. */
const DECODED_KEYS = 1_000;

const { G2, shortSignatures } = bls12_381;
type PublicKey = ReturnType<typeof G2.Point.fromBytes>;
const decoded = new Map<string, PublicKey>();
const Members = bcs.vector(bcs.struct('Member', { publicKey: bcs.byteVector(), weight: bcs.u64() }));

/** One validator. */
export interface CommitteeMember {
  /** Compressed G2 point, 96 bytes. */
  readonly publicKey: Uint8Array;
  /** Voting power. */
  readonly weight: bigint;
}

/** A certificate over a checkpoint summary. */
export interface CheckpointCertificate {
  readonly epoch: bigint;
  /** Compressed G1 point, 48 bytes. */
  readonly signature: Uint8Array;
  /** Portable Roaring bitmap of the signers' indexes. */
  readonly bitmap: Uint8Array;
}

/** The validators of one epoch; says whether they certified something. */
export class Committee {
  readonly epoch: bigint;
  /** What the attestation and the chain's configuration know it by: {@link committeeDigest}. */
  readonly digest: Uint8Array;
  /** Sorted by public key, as bitmaps count them. */
  readonly #members: readonly CommitteeMember[];

  /** @throws {CheckpointError} `committee` when no chain could have these members */
  constructor(epoch: bigint, members: readonly CommitteeMember[]) {
    this.epoch = epoch;
    this.#members = members.toSorted((a, b) => Buffer.compare(a.publicKey, b.publicKey));
    checkMembers(this.#members);
    this.digest = committeeDigest(members);
  }

  /**
   * Checks that members with a quorum of the voting power signed a checkpoint summary.
   *
   * @param summary its BCS
   * @throws {CheckpointError} `epoch`, `signers`, `quorum` or `signature`
   */
  verify(summary: Uint8Array, { epoch, signature, bitmap }: CheckpointCertificate): void {
    if (epoch !== this.epoch) {
      const options = { expected: this.epoch, actual: epoch };
      throw new CheckpointError(
        'epoch',
        'Cannot believe a checkpoint: its certificate is of another epoch',
        options,
      );
    }
    const signers = this.#signers(bitmap);
    const power = signers.reduce((sum, { weight }) => sum + weight, 0n);
    if (power < QUORUM) {
      const options = { expected: QUORUM, actual: power };
      throw new CheckpointError('quorum', 'Cannot believe a checkpoint: too few signed it', options);
    }
    if (!isSignedBy(signers.map(decodeKey), signedBytes(summary, epoch), signature))
      throw new CheckpointError('signature', 'Cannot believe a checkpoint: its signers did not sign it');
  }

  #signers(bitmap: Uint8Array): CommitteeMember[] {
    return decodeSigners(bitmap).map((index) => {
      const member = this.#members[index];
      if (member) return member;
      const options = { expected: `below ${this.#members.length}`, actual: index };
      throw new CheckpointError('signers', 'Cannot believe a checkpoint: a signer is no member', options);
    });
  }
}

/** What a committee is known by: SHA-256 of the BCS of (public key, weight) of every member, in the chain's order. */
export function committeeDigest(members: readonly CommitteeMember[]): Uint8Array {
  const plain = members.map(({ publicKey, weight }) => ({ publicKey, weight }));
  return sha256(Members.serialize(plain).toBytes());
}

/** @returns what Sui's validators sign: intent, summary, epoch */
export function signedBytes(summary: Uint8Array, epoch: bigint): Uint8Array {
  return Buffer.concat([CHECKPOINT_INTENT, summary, bcs.u64().serialize(epoch).toBytes()]);
}

/** All sign the same bytes, so one check of the sum of their keys covers them; each proved to hold its key on chain. */
function isSignedBy(keys: readonly PublicKey[], message: Uint8Array, signature: Uint8Array): boolean {
  const joint = keys.reduce((sum, key) => sum.add(key), G2.Point.ZERO);
  try {
    return shortSignatures.verify(signature, shortSignatures.hash(message, DST), joint);
  } catch {
    return false; // a point that is none, or not of the group
  }
}

function decodeKey({ publicKey }: CommitteeMember): PublicKey {
  const name = Buffer.from(publicKey).toString('base64');
  const known = decoded.get(name);
  if (known) return known;
  const key = parseKey(publicKey);
  if (decoded.size >= DECODED_KEYS) decoded.clear();
  decoded.set(name, key);
  return key;
}

function parseKey(publicKey: Uint8Array): PublicKey {
  try {
    const key = G2.Point.fromBytes(publicKey);
    key.assertValidity();
    return key;
  } catch (cause) {
    throw new CheckpointError('committee', 'Cannot use a committee: a public key is none', { cause });
  }
}

function checkMembers(members: readonly CommitteeMember[]): void {
  const total = members.reduce((sum, { weight }) => sum + weight, 0n);
  if (total !== TOTAL_VOTING_POWER) {
    const options = { expected: TOTAL_VOTING_POWER, actual: total };
    throw new CheckpointError('committee', 'Cannot use a committee: its voting power is another', options);
  }
  const isTwice = members.some(
    ({ publicKey }, i) => i > 0 && Buffer.compare(publicKey, members[i - 1]!.publicKey) === 0,
  );
  if (isTwice) throw new CheckpointError('committee', 'Cannot use a committee: it has a member twice');
}
