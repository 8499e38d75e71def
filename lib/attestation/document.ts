import type { Bytes } from './bytes.ts';
import { type CborKey, type CborMap, type CborValue, decodeCbor } from './cbor.ts';
import { AttestationError } from './error.ts';

/** Length of a PCR: documents use SHA-384 only. */
export const PCR_BYTES = 48;

/** Indices of an NSM's PCR bank (attestation_process.md §2.2). */
export const PCR_COUNT = 32;

/** A request to the NSM has 4 KiB, and only that bounds its fields: documents do exceed the 512 and 1024 bytes on paper. */
const MAX_FIELD_BYTES = 4096;
const MAX_CERTIFICATE_BYTES = 1024;

/** Real bundles hold four certificates; the limit bounds the work that a stranger can cause. */
const MAX_BUNDLE = 8;

/** How a NitroTPM names itself, where an enclave's `module_id` ends in `-enc` and 16 digits. */
const NITROTPM_MODULE = /-tpm[0-9a-f]*$/;

const REQUIRED_FIELDS = ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'];
const FIELDS = new Set<CborKey>([...REQUIRED_FIELDS, 'public_key', 'user_data', 'nonce']);

/** What an attestation document says. Trustworthy only when it comes from `verifyAttestation`. */
export interface AttestationDocument {
  moduleId: string;
  digest: 'SHA384';
  /** Milliseconds since 1970, by the NSM's clock. */
  timestamp: number;
  pcrs: ReadonlyMap<number, Bytes>;
  /** DER of the leaf certificate. */
  certificate: Bytes;
  /** DER of the issuers, the root first. */
  cabundle: readonly Bytes[];
  /** The three fields an enclave may fill; null is not the same as empty. */
  publicKey: Bytes | null;
  userData: Bytes | null;
  nonce: Bytes | null;
}

/**
 * Reads the payload of an attestation document and checks its form, nothing else.
 *
 * @throws AttestationError `cbor_*` or `document_*`
 */
export function decodeDocument(payload: Bytes): AttestationDocument {
  const fields = decodeCbor(payload);
  if (!(fields instanceof Map))
    throw new AttestationError('document_structure', 'Cannot read document: payload is not a map');
  checkFieldNames(fields);
  return {
    moduleId: readModuleId(fields.get('module_id')),
    digest: readDigest(fields.get('digest')),
    timestamp: readTimestamp(fields.get('timestamp')),
    pcrs: readPcrs(fields.get('pcrs')),
    certificate: readCertificate(fields.get('certificate'), 'certificate'),
    cabundle: readBundle(fields.get('cabundle')),
    publicKey: readOptional(fields, 'public_key'),
    userData: readOptional(fields, 'user_data'),
    nonce: readOptional(fields, 'nonce'),
  };
}

function checkFieldNames(fields: CborMap): void {
  // A NitroTPM document has the same root and the same envelope, but speaks of an instance and not of an enclave.
  if (fields.has('nitrotpm_pcrs') || NITROTPM_MODULE.test(String(fields.get('module_id'))))
    throw new AttestationError(
      'document_nitrotpm',
      'Cannot accept document: it is of a NitroTPM, not of an enclave',
    );
  for (const name of fields.keys())
    if (!FIELDS.has(name))
      throw new AttestationError(
        'document_field_unknown',
        `Cannot read document: unknown field ${JSON.stringify(name)}`,
      );
  for (const name of REQUIRED_FIELDS)
    if ((fields.get(name) ?? null) === null)
      throw new AttestationError('document_field_missing', `Cannot read document: field ${name} is missing`);
}

function readModuleId(value: CborValue | undefined): string {
  if (typeof value !== 'string') throw wrongType('module_id', 'text');
  if (value === '')
    throw new AttestationError('document_module_id', 'Cannot read document: module_id is empty');
  return value;
}

function readDigest(value: CborValue | undefined): 'SHA384' {
  if (typeof value !== 'string') throw wrongType('digest', 'text');
  if (value !== 'SHA384')
    throw new AttestationError('document_digest', 'Cannot read document: PCRs of an unknown digest', {
      expected: 'SHA384',
      actual: value,
    });
  return value;
}

function readTimestamp(value: CborValue | undefined): number {
  if (typeof value !== 'number') throw wrongType('timestamp', 'an integer');
  if (value <= 0)
    throw new AttestationError('document_timestamp', 'Cannot read document: timestamp is not after 1970', {
      actual: String(value),
    });
  return value;
}

/** Any of the 32 indices may be present or missing: a PCR is found by its index, never by its place. */
function readPcrs(value: CborValue | undefined): Map<number, Bytes> {
  if (!(value instanceof Map)) throw wrongType('pcrs', 'a map');
  if (value.size < 1 || value.size > PCR_COUNT)
    throw new AttestationError('document_pcr_count', 'Cannot read document: impossible number of PCRs', {
      expected: `1 to ${PCR_COUNT}`,
      actual: String(value.size),
    });
  return new Map([...value].map(([index, pcr]) => readPcr(index, pcr)));
}

function readPcr(index: CborKey, value: CborValue): [number, Bytes] {
  if (typeof index !== 'number' || index < 0 || index >= PCR_COUNT)
    throw new AttestationError('document_pcr_index', 'Cannot read document: impossible PCR index', {
      expected: `0 to ${PCR_COUNT - 1}`,
      actual: JSON.stringify(index),
    });
  if (!(value instanceof Uint8Array)) throw wrongType(`PCR ${index}`, 'a byte string');
  if (value.length !== PCR_BYTES)
    throw new AttestationError(
      'document_pcr_length',
      `Cannot read document: PCR ${index} is not a SHA-384 digest`,
      {
        expected: `${PCR_BYTES} bytes`,
        actual: `${value.length} bytes`,
      },
    );
  return [index, value];
}

function readBundle(value: CborValue | undefined): Bytes[] {
  if (!Array.isArray(value)) throw wrongType('cabundle', 'an array');
  if (value.length < 1 || value.length > MAX_BUNDLE)
    throw new AttestationError(
      'document_cabundle_size',
      'Cannot read document: impossible number of issuers',
      {
        expected: `1 to ${MAX_BUNDLE}`,
        actual: String(value.length),
      },
    );
  return value.map((certificate, i) => readCertificate(certificate, `cabundle[${i}]`));
}

function readCertificate(value: CborValue | undefined, name: string): Bytes {
  if (!(value instanceof Uint8Array)) throw wrongType(name, 'a byte string');
  if (value.length < 1 || value.length > MAX_CERTIFICATE_BYTES)
    throw new AttestationError(
      'document_certificate_size',
      `Cannot read document: ${name} is of an impossible size`,
      {
        expected: `1 to ${MAX_CERTIFICATE_BYTES} bytes`,
        actual: `${value.length} bytes`,
      },
    );
  return value;
}

/** An absent field is present with value null in every real document; one that is left out means the same. */
function readOptional(fields: CborMap, name: string): Bytes | null {
  const value = fields.get(name) ?? null;
  if (value === null) return null;
  if (!(value instanceof Uint8Array)) throw wrongType(name, 'a byte string or null');
  if (value.length > MAX_FIELD_BYTES)
    throw new AttestationError(
      'document_field_size',
      `Cannot read document: ${name} is larger than an NSM accepts`,
      {
        expected: `at most ${MAX_FIELD_BYTES} bytes`,
        actual: `${value.length} bytes`,
      },
    );
  return value;
}

function wrongType(name: string, expected: string): AttestationError {
  return new AttestationError('document_field_type', `Cannot read document: ${name} is not ${expected}`);
}
