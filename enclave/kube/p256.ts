import { createPublicKey, type KeyObject } from 'node:crypto';

/** Everything before the point in a SubjectPublicKeyInfo of P-256 with an uncompressed point (RFC 5480 §2). */
const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** Bytes of an uncompressed point: 4, x and y. */
const POINT_BYTES = 65;

/**
 * The public key that an uncompressed point of P-256 is.
 *
 * @throws {RangeError} when the bytes are no such point
 */
export function publicKeyOf(point: Uint8Array): KeyObject {
  if (point.length !== POINT_BYTES || point[0] !== 4)
    throw new RangeError('the public key is not an uncompressed point of P-256');
  try {
    return createPublicKey({ key: spkiOf(point), format: 'der', type: 'spki' });
  } catch (cause) {
    throw new RangeError('the public key is not on the curve P-256', { cause });
  }
}

/** The SubjectPublicKeyInfo, in DER, of an uncompressed point of P-256. */
export function spkiOf(point: Uint8Array): Buffer {
  return Buffer.concat([SPKI_PREFIX, point]);
}

/**
 * The point in a SubjectPublicKeyInfo.
 *
 * @throws {RangeError} when it is written in any other way than {@link spkiOf} does
 */
export function pointOf(spki: Uint8Array): Uint8Array {
  const point = spki.subarray(SPKI_PREFIX.length);
  publicKeyOf(point);
  if (!spkiOf(point).equals(spki)) throw new RangeError('the public key is not of P-256');
  return point;
}
