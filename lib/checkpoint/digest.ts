import { toBase58 } from '@mysten/bcs';
import { blake2b } from '@noble/hashes/blake2.js';

/** The Rust type names that Sui prefixes to the BCS bytes it hashes. */
export type DigestDomain =
  | 'TransactionData'
  | 'TransactionEffects'
  | 'TransactionEvents'
  | 'Object'
  | 'CheckpointSummary'
  | 'CheckpointContents';

const encoder = new TextEncoder();

/** @returns the 32-byte BLAKE2b digest of `domain::` followed by the BCS bytes, as Sui computes all its digests */
export function digestBytes(domain: DigestDomain, bytes: Uint8Array): Uint8Array {
  return blake2b
    .create({ dkLen: 32 })
    .update(encoder.encode(`${domain}::`))
    .update(bytes)
    .digest();
}

/** {@link digestBytes} in base58, as Sui prints it. */
export function digestOf(domain: DigestDomain, bytes: Uint8Array): string {
  return toBase58(digestBytes(domain, bytes));
}

/** The zero digest in base58: previous transaction of nothing, gas reference of system transactions. */
export const ZERO_DIGEST = toBase58(new Uint8Array(32));
