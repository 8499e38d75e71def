import { type Bytes, concatBytes, equalBytes, toHex } from './bytes.ts';
import { decodeCbor } from './cbor.ts';
import { AttestationError } from './error.ts';
import { SIGNATURE_BYTES, verifyEs384 } from './es384.ts';

/** Payload limit of the COSE_Sign1 that an NSM makes (attestation_process.md §3.1). */
const MAX_PAYLOAD_BYTES = 16_384;
export const MAX_DOCUMENT_BYTES = MAX_PAYLOAD_BYTES + 256;

const TAG_COSE_SIGN1 = 0xd2;
const ARRAY_OF_FOUR = 0x84;
const EMPTY_MAP = 0xa0;
const HEADER_ALGORITHM = 1;
const ES384 = -35;

/** {1: -35} as every NSM writes it; other spellings of the same map are nobody's. */
export const PROTECTED_HEADER = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);

/** The array's head, the protected header with its own, and then the unprotected one. */
const UNPROTECTED_AT = 2 + PROTECTED_HEADER.length;

/** A COSE_Sign1 whose form was checked and whose signature was not. */
export interface CoseSign1 {
  protectedHeader: Bytes;
  payload: Bytes;
  signature: Bytes;
}

/**
 * Reads the envelope of an attestation document, in the one framing that NSMs write and with or without tag 18:
 *
 *     [d2] 84  44 a1013822  a0  payload  5860 signature
 *
 * Little of it is signed (the tag may come and go, s may turn into n - s), so a hash over the whole document
 * identifies nothing.
 *
 * @throws AttestationError `document_too_large`, `cbor_*` or `cose_*`
 */
export function decodeCoseSign1(document: Uint8Array): CoseSign1 {
  if (document.length > MAX_DOCUMENT_BYTES)
    throw new AttestationError('document_too_large', 'Cannot read document: too large', {
      expected: `at most ${MAX_DOCUMENT_BYTES} bytes`,
      actual: `${document.length} bytes`,
    });
  // A copy: whoever shares the buffer cannot change what was read while a signature is being checked.
  const bytes = new Uint8Array(document);
  const untagged = bytes[0] === TAG_COSE_SIGN1 ? bytes.subarray(1) : bytes;
  const envelope = decodeCbor(untagged);
  if (!Array.isArray(envelope) || untagged[0] !== ARRAY_OF_FOUR) throw malformed('not an array of four');
  const [protectedHeader, , payload, signature] = envelope;
  if (!(protectedHeader instanceof Uint8Array)) throw malformed('the protected header is not a byte string');
  if (!(payload instanceof Uint8Array)) throw malformed('the payload is not a byte string');
  if (!(signature instanceof Uint8Array)) throw malformed('the signature is not a byte string');
  checkProtected(protectedHeader);
  checkUnprotected(untagged);
  checkSizes(payload, signature);
  return { protectedHeader, payload, signature };
}

/**
 * Checks the signature over the payload against the public key of the leaf certificate.
 *
 * @throws AttestationError `signature_invalid`
 */
export async function verifyCoseSign1({ protectedHeader, payload, signature }: CoseSign1, publicKey: Bytes) {
  const signed = signatureInput(protectedHeader, payload);
  if (!(await verifyEs384(publicKey, signature, signed)))
    throw new AttestationError(
      'signature_invalid',
      "Cannot verify signature: not made by the leaf certificate's key",
    );
}

/** Sig_structure of RFC 9052 §4.4, without external data: what an NSM signs. */
export function signatureInput(protectedHeader: Uint8Array, payload: Uint8Array): Bytes {
  const context = new TextEncoder().encode('Signature1');
  return concatBytes(
    Uint8Array.of(0x84, 0x60 + context.length),
    context,
    byteStringHead(protectedHeader.length),
    protectedHeader,
    Uint8Array.of(0x40),
    byteStringHead(payload.length),
    payload,
  );
}

function byteStringHead(length: number): Bytes {
  if (length < 24) return Uint8Array.of(0x40 + length);
  if (length < 256) return Uint8Array.of(0x58, length);
  return Uint8Array.of(0x59, length >> 8, length & 255);
}

/** The algorithm counts only where it is signed, and nothing else may stand beside it. */
function checkProtected(header: Bytes): void {
  if (equalBytes(header, PROTECTED_HEADER)) return;
  const map = decodeCbor(header);
  const algorithm = map instanceof Map && map.size === 1 ? map.get(HEADER_ALGORITHM) : undefined;
  if (algorithm !== undefined && algorithm !== ES384)
    throw new AttestationError('cose_algorithm', 'Cannot read document: not signed with ES384', {
      expected: String(ES384),
      actual: String(algorithm),
    });
  throw new AttestationError('cose_protected_header', 'Cannot read document: unknown protected header', {
    expected: toHex(PROTECTED_HEADER),
    actual: toHex(header),
  });
}

function checkUnprotected(envelope: Bytes): void {
  if (envelope[UNPROTECTED_AT] !== EMPTY_MAP)
    throw new AttestationError(
      'cose_unprotected_header',
      'Cannot read document: unsigned headers are not accepted, not even as an empty map of indefinite length',
    );
}

function checkSizes(payload: Bytes, signature: Bytes): void {
  if (payload.length < 1 || payload.length > MAX_PAYLOAD_BYTES)
    throw new AttestationError('cose_payload_size', 'Cannot read document: payload of an impossible size', {
      expected: `1 to ${MAX_PAYLOAD_BYTES} bytes`,
      actual: `${payload.length} bytes`,
    });
  if (signature.length !== SIGNATURE_BYTES)
    throw new AttestationError('cose_signature_length', 'Cannot read document: not an ES384 signature', {
      expected: `${SIGNATURE_BYTES} bytes`,
      actual: `${signature.length} bytes`,
    });
}

function malformed(state: string): AttestationError {
  return new AttestationError('cose_structure', `Cannot read document: not a COSE_Sign1, ${state}`);
}
