import type { Bytes } from './bytes.ts';
import { AttestationError } from './error.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;

/** Length of an uncompressed P-384 point: 0x04, x, y. */
export const PUBLIC_KEY_BYTES = 97;

/** Length of an ES384 signature: r and s, 48 bytes each (RFC 9053 §2.1). */
export const SIGNATURE_BYTES = 96;

/**
 * Whether `signature` (r and s) over `data` is by the holder of `publicKey`. Either of s and n - s passes:
 * an NSM does not normalise it, and more than half of real documents have the larger one.
 *
 * @throws AttestationError `certificate_public_key` when the point is not on the curve
 */
export async function verifyEs384(publicKey: Bytes, signature: Bytes, data: Bytes): Promise<boolean> {
  const key = await crypto.subtle.importKey('raw', publicKey, ALGORITHM, false, ['verify']).catch((cause) => {
    throw new AttestationError('certificate_public_key', 'Cannot use public key: not a point on P-384', {
      cause,
    });
  });
  return crypto.subtle.verify(ALGORITHM, key, signature, data);
}
