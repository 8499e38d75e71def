import { type Bytes, concatBytes } from '../bytes.ts';
import { PROTECTED_HEADER, signatureInput } from '../cose.ts';
import * as cbor from './cbor.ts';
import { type Chain, signEs384 } from './pki.ts';

/** What a document shall say; fields that are null are written as null. */
export interface DocumentFields {
  moduleId: string;
  /** ms since 1970. */
  timestamp: number;
  pcrs: ReadonlyMap<number, Uint8Array>;
  publicKey: Uint8Array | null;
  userData: Uint8Array | null;
  nonce: Uint8Array | null;
}

/** Entries of a payload by name, encoded, in the order of genuine documents. */
export function payloadEntries(fields: DocumentFields, { issuers, leaf }: Chain): Record<string, Uint8Array> {
  const optional = (bytes: Uint8Array | null) => (bytes === null ? cbor.NULL : cbor.byteString(bytes));
  return {
    module_id: cbor.text(fields.moduleId),
    digest: cbor.text('SHA384'),
    timestamp: cbor.uint(fields.timestamp),
    pcrs: cbor.map(...[...fields.pcrs].map(([index, pcr]) => [cbor.uint(index), cbor.byteString(pcr)])),
    certificate: cbor.byteString(leaf.certificate),
    cabundle: cbor.array(...issuers.map(({ certificate }) => cbor.byteString(certificate))),
    public_key: optional(fields.publicKey),
    user_data: optional(fields.userData),
    nonce: optional(fields.nonce),
  };
}

/** A payload of these entries: a map of indefinite length, as genuine ones since August 2025. */
export function encodePayload(entries: Record<string, Uint8Array>): Bytes {
  return cbor.indefiniteMap(...Object.entries(entries).map(([name, value]) => [cbor.text(name), value]));
}

/** Signs a payload as an NSM does: COSE_Sign1 without a tag. */
export async function signDocument(payload: Uint8Array, { leaf }: Chain): Promise<Bytes> {
  return envelope(payload, await signEs384(leaf.privateKey, signatureInput(PROTECTED_HEADER, payload)));
}

/** The COSE_Sign1 around a payload and a signature. */
export function envelope(
  payload: Uint8Array,
  signature: Uint8Array,
  protectedHeader = PROTECTED_HEADER,
): Bytes {
  return concatBytes(
    cbor.array(
      cbor.byteString(protectedHeader),
      cbor.map(),
      cbor.byteString(payload),
      cbor.byteString(signature),
    ),
  );
}

/** Issues a document as a genuine NSM would, under the chain's root. */
export function issueDocument(fields: DocumentFields, chain: Chain): Promise<Bytes> {
  return signDocument(encodePayload(payloadEntries(fields, chain)), chain);
}
