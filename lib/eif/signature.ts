import { type KeyObject, sign, X509Certificate } from 'node:crypto';
import { type Bytes, concatBytes, equalBytes } from '@daasvader/attestation/bytes.ts';
import { type CborValue, decodeCbor } from '@daasvader/attestation/cbor.ts';
import {
  decodeCoseSign1,
  PROTECTED_HEADER,
  signatureInput,
  verifyCoseSign1,
} from '@daasvader/attestation/cose.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { decodePem } from '@daasvader/attestation/pem.ts';
import { EifError } from './error.ts';

// The signature section is CBOR: [{ signing_certificate: PEM, signature: COSE_Sign1 }], and what is signed is
// { register_index: 0, register_value: PCR 0 }. AWS's tool writes all three byte strings as arrays of integers
// (`PcrSignature` and `PcrInfo` in `src/defs/mod.rs`, encoded by serde_cbor), and so do we.

/** Far above a certificate and a signature, at two bytes of CBOR for each byte of theirs. */
export const MAX_SIGNATURE_BYTES = 1 << 16;

/** A signature over PCR 0, neither of whose parts was checked. */
export interface PcrSignature {
  /** PEM of exactly one certificate. */
  certificate: string;
  /** COSE_Sign1. */
  cose: Bytes;
}

/** Who signs: a P-384 key and its certificate, in PEM. */
export interface SigningKey {
  certificate: string;
  key: KeyObject;
}

/**
 * The content of the signature section.
 *
 * @throws EifError `eif_part_size`
 */
export function encodeSignature({ certificate, cose }: PcrSignature): Bytes {
  const section = concatBytes(
    head(4, 1),
    head(5, 2),
    ...[text('signing_certificate'), integers(Buffer.from(certificate))],
    ...[text('signature'), integers(cose)],
  );
  if (section.length > MAX_SIGNATURE_BYTES)
    throw new EifError('eif_part_size', 'Cannot write signature: too long', {
      expected: `at most ${MAX_SIGNATURE_BYTES} bytes`,
      actual: `${section.length} bytes`,
    });
  return section;
}

/**
 * Reads the content of the signature section, in the one encoding that {@link encodeSignature} writes.
 *
 * @throws EifError `eif_signature_malformed`
 */
export function decodeSignature(section: Bytes): PcrSignature {
  const list = asMalformed(() => decodeCbor(section));
  const entry = Array.isArray(list) ? list[0] : undefined;
  if (!(entry instanceof Map)) throw malformed('not a list of signatures');
  const certificate = toBytes(entry.get('signing_certificate'));
  const cose = toBytes(entry.get('signature'));
  const signature = { certificate: Buffer.from(certificate).toString('latin1'), cose };
  if (!equalBytes(encodeSignature(signature), section)) throw malformed('not encoded as AWS encodes it');
  return signature;
}

/**
 * Signs PCR 0.
 *
 * @throws EifError `eif_certificate` or `eif_certificate_key`
 */
export function signPcr0(pcr0: Bytes, { certificate, key }: SigningKey): PcrSignature {
  const parsed = parseCertificate(certificate);
  publicPoint(parsed);
  if (!parsed.checkPrivateKey(key))
    throw new EifError('eif_certificate_key', 'Cannot sign image: the key is not the one in the certificate');
  const payload = pcrInfo(pcr0);
  const signature = sign('sha384', signatureInput(PROTECTED_HEADER, payload), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  const parts = [PROTECTED_HEADER, payload, signature].map((part) => concatBytes(head(2, part.length), part));
  const cose = concatBytes(head(4, 4), parts[0]!, head(5, 0), parts[1]!, parts[2]!);
  return { certificate, cose };
}

/**
 * Checks that the certificate's key signed this PCR 0.
 *
 * @returns DER of the certificate, whose hash is PCR 8
 * @throws EifError `eif_signature_malformed`, `eif_signature_invalid`, `eif_certificate` or `eif_certificate_key`
 */
export async function verifyPcr0({ certificate, cose }: PcrSignature, pcr0: Bytes): Promise<Bytes> {
  const parsed = parseCertificate(certificate);
  const envelope = asMalformed(() => decodeCoseSign1(cose));
  if (!equalBytes(envelope.payload, pcrInfo(pcr0)))
    throw new EifError('eif_signature_invalid', 'Cannot accept image: the signature is over another PCR 0');
  try {
    await verifyCoseSign1(envelope, publicPoint(parsed));
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new EifError('eif_signature_invalid', "Cannot accept image: not signed by the certificate's key", {
      cause,
    });
  }
  return new Uint8Array(parsed.raw);
}

/** AWS takes the first certificate of the text. With exactly one, there is no other to mistake it for. */
function parseCertificate(pem: string): X509Certificate {
  const der = decodePem(pem);
  if (der === undefined) throw badCertificate('it is not exactly one certificate in PEM');
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(der);
  } catch (cause) {
    throw badCertificate('it is not a certificate', cause);
  }
  if (!equalBytes(parsed.raw, der)) throw badCertificate('it is not a certificate in DER and nothing else');
  return parsed;
}

/** The certificate's public key as an uncompressed point. */
function publicPoint({ publicKey }: X509Certificate): Bytes {
  const { crv, x, y } = publicKey.asymmetricKeyType === 'ec' ? publicKey.export({ format: 'jwk' }) : {};
  if (crv !== 'P-384' || x === undefined || y === undefined)
    throw new EifError('eif_certificate_key', 'Cannot use signing certificate: its key is not on P-384', {
      expected: 'P-384',
      actual: crv ?? publicKey.asymmetricKeyType ?? 'unknown',
    });
  return concatBytes(Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'));
}

function pcrInfo(pcr0: Bytes): Bytes {
  return concatBytes(
    head(5, 2),
    ...[text('register_index'), head(0, 0)],
    ...[text('register_value'), integers(pcr0)],
  );
}

function toBytes(value: CborValue | undefined): Bytes {
  const isByte = (item: CborValue) => typeof item === 'number' && item >= 0 && item < 256;
  if (!Array.isArray(value) || !value.every(isByte)) throw malformed('not a list of bytes');
  return Uint8Array.from(value as number[]);
}

function text(value: string): Bytes {
  return concatBytes(head(3, value.length), Buffer.from(value));
}

function integers(bytes: Uint8Array): Bytes {
  return concatBytes(head(4, bytes.length), ...Array.from(bytes, (byte) => head(0, byte)));
}

/** Head of a CBOR item in its shortest form (RFC 8949 §4.2.1). Nothing here is longer than 65,535. */
function head(major: number, argument: number): Bytes {
  if (argument < 24) return Uint8Array.of((major << 5) | argument);
  if (argument < 256) return Uint8Array.of((major << 5) | 24, argument);
  return Uint8Array.of((major << 5) | 25, argument >> 8, argument & 255);
}

function asMalformed<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw malformed(cause.message, cause);
  }
}

function malformed(state: string, cause?: unknown): EifError {
  return new EifError('eif_signature_malformed', `Cannot read signature of image: ${state}`, { cause });
}

function badCertificate(state: string, cause?: unknown): EifError {
  return new EifError('eif_certificate', `Cannot use signing certificate: ${state}`, { cause });
}
