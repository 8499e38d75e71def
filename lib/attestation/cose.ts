import type { Bytes } from './bytes.ts';
import { concatBytes } from './bytes.ts';
import { type CborValue, decodeCbor } from './cbor.ts';
import { AttestationError } from './error.ts';
import { SIGNATURE_BYTES, verifyEs384 } from './es384.ts';

/** Payload limit of the COSE_Sign1 that an NSM makes (attestation_process.md §3.1). */
const MAX_PAYLOAD_BYTES = 16_384;
const MAX_DOCUMENT_BYTES = MAX_PAYLOAD_BYTES + 256;

const TAG_COSE_SIGN1 = 0xd2;
const HEADER_ALGORITHM = 1;
const ES384 = -35;

/** A COSE_Sign1 whose form was checked and whose signature was not. */
export interface CoseSign1 {
  protectedHeader: Bytes;
  payload: Bytes;
  signature: Bytes;
}

/**
 * Reads the envelope of an attestation document: ES384 and nothing else, with or without tag 18.
 *
 * The envelope's framing is not signed (the tag may come and go, s may turn into n - s), so a hash over
 * the whole document identifies nothing.
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
  const envelope = decodeCbor(bytes[0] === TAG_COSE_SIGN1 ? bytes.subarray(1) : bytes);
  if (!Array.isArray(envelope) || envelope.length !== 4) throw malformed('not an array of four');
  const [protectedHeader, unprotectedHeader, payload, signature] = envelope;
  if (!(protectedHeader instanceof Uint8Array)) throw malformed('the protected header is not a byte string');
  if (!(payload instanceof Uint8Array)) throw malformed('the payload is not a byte string');
  if (!(signature instanceof Uint8Array)) throw malformed('the signature is not a byte string');
  checkProtected(decodeCbor(protectedHeader));
  checkUnprotected(unprotectedHeader);
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
function checkProtected(header: CborValue): void {
  if (!(header instanceof Map) || !header.has(HEADER_ALGORITHM) || header.size !== 1)
    throw new AttestationError('cose_protected_header', 'Cannot read document: unknown protected header', {
      expected: '{1: -35}',
    });
  const algorithm = header.get(HEADER_ALGORITHM);
  if (algorithm !== ES384)
    throw new AttestationError('cose_algorithm', 'Cannot read document: not signed with ES384', {
      expected: String(ES384),
      actual: String(algorithm),
    });
}

function checkUnprotected(header: CborValue | undefined): void {
  if (!(header instanceof Map)) throw malformed('the unprotected header is not a map');
  if (header.size > 0)
    throw new AttestationError(
      'cose_unprotected_header',
      'Cannot read document: unsigned headers are not accepted',
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
