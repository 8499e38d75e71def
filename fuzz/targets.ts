import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { decodeBinding, encodeBinding } from '@daasvader/attestation/binding.ts';
import { type Bytes, equalBytes, fromHex, toHex } from '@daasvader/attestation/bytes.ts';
import { type CborValue, decodeCbor } from '@daasvader/attestation/cbor.ts';
import { parseCertificate } from '@daasvader/attestation/certificate.ts';
import { decodeCoseSign1 } from '@daasvader/attestation/cose.ts';
import { type AttestationDocument, decodeDocument, PCR_BYTES } from '@daasvader/attestation/document.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { decodePem, encodePem } from '@daasvader/attestation/pem.ts';
import { ANY } from '@daasvader/attestation/policy.ts';
import { NOW } from '@daasvader/attestation/testing/fixture.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import { Decoder } from 'cbor-x';
import { mutateDer } from './der.ts';
import type { Target } from './fuzzer.ts';
import { BYTE_MUTATORS, fromDictionary } from './mutate.ts';

/**
 * A document that our own issuer made at `NOW`, under a root that was thrown away: `(await
 * Fixture.create()).document()`. It is kept, so that the corpus that grew from it stays good.
 */
const genuine = new Uint8Array(readFileSync(new URL('genuine-document.bin', import.meta.url)));
const { payload, protectedHeader } = decodeCoseSign1(genuine);
const { cabundle, certificate } = decodeDocument(payload);

const text = (word: string) => new TextEncoder().encode(word);
const hex = (digits: string) => fromHex(digits)!;

const FIELD_NAMES = [
  ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'],
  ...['public_key', 'user_data', 'nonce', 'nitrotpm_pcrs', 'SHA384'],
].map((name) => Uint8Array.of(0x60 + name.length, ...text(name)));

/** Heads and whole items: null, break, containers with and without a count, numbers of every width, tag 18. */
const CBOR_ITEMS = ['f6', 'ff', '84', 'a0', 'bf', '9f', '40', '5830', '591fff', '1b00000197', 'd2', 'f7'];

/** Object identifiers, times and flags of certificates. */
const DER_ITEMS = [
  ...['0603551d13', '0603551d0f', '06082a8648ce3d040303', '06072a8648ce3d0201', '06052b81040022'],
  ...['0101ff', '010100', '020100', '0500', '3000', '03020284', '03020780', 'a003020102'],
  ...['170d3236303131353132303030305a', '180f32303535303131353132303030305a'],
].map(hex);

/** Each parser that takes bytes from strangers, and the whole verifier. */
export const TARGETS: readonly Target[] = [
  {
    name: 'cbor',
    seeds: [payload, protectedHeader, ...CBOR_ITEMS.map(hex)],
    mutators: [...BYTE_MUTATORS, fromDictionary([...FIELD_NAMES, ...CBOR_ITEMS.map(hex)])],
    run: (input) =>
      accepted(
        () => decodeCbor(input),
        (value) => agreesWithCborX(input, value),
      ),
  },
  {
    name: 'document',
    seeds: [payload],
    mutators: [...BYTE_MUTATORS, fromDictionary([...FIELD_NAMES, ...CBOR_ITEMS.map(hex)])],
    run: (input) => accepted(() => decodeDocument(input), isWellFormed),
  },
  {
    name: 'certificate',
    seeds: [certificate, ...cabundle],
    mutators: [...BYTE_MUTATORS, fromDictionary(DER_ITEMS), mutateDer, mutateDer, mutateDer],
    run: (input) => accepted(() => parseCertificate(input), agreesWithOpenSsl),
  },
  {
    name: 'binding',
    seeds: [bindingSeed()],
    mutators: BYTE_MUTATORS,
    run: (input) =>
      accepted(
        () => decodeBinding(input),
        (binding) => {
          expectThat(
            equalBytes(encodeBinding(binding), input),
            'a binding is read from what is not its bytes',
          );
        },
      ),
  },
  {
    name: 'pem',
    seeds: [text(encodePem(certificate))],
    mutators: [
      ...BYTE_MUTATORS,
      fromDictionary([text('-----BEGIN CERTIFICATE-----\n'), text('='), text('\n')]),
    ],
    run: (input) => void decodePem(String.fromCharCode(...input)),
  },
  {
    name: 'verifier',
    seeds: [genuine, Uint8Array.of(0xd2, ...genuine)],
    mutators: [...BYTE_MUTATORS, fromDictionary([...FIELD_NAMES, ...CBOR_ITEMS.map(hex)])],
    run: verifiesOnlyTheGenuine,
  },
];

/** Runs `read`; a refusal is fine, anything else thrown is a finding, and what was accepted is looked at. */
function accepted<T>(read: () => T, check: (value: T) => void): void {
  let value: T;
  try {
    value = read();
  } catch (error) {
    if (error instanceof AttestationError) return;
    throw error;
  }
  check(value);
}

/** Nobody has the keys any more: whatever is accepted must say what the genuine document says. */
async function verifiesOnlyTheGenuine(input: Bytes): Promise<void> {
  try {
    const verified = await verifyAttestation(input, NOW, { ...ANY, root: cabundle[0]! });
    const original = decodeDocument(payload);
    const same = (Object.keys(original) as (keyof AttestationDocument)[]).every((field) =>
      isDeepStrictEqual(verified[field], original[field]),
    );
    expectThat(same, 'a document is accepted that says something else');
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
  }
}

/** Another decoder reads the same from what ours accepts: two readings of one document are an attack. */
function agreesWithCborX(input: Bytes, value: CborValue): void {
  const other: unknown = new Decoder({ mapsAsObjects: false, useRecords: false }).decode(input);
  expectThat(normal(other) === normal(value), `cbor-x reads ${normal(other)}, we read ${normal(value)}`);
}

function normal(value: unknown): string {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`;
  if (Array.isArray(value)) return `[${value.map(normal).join()}]`;
  if (value instanceof Map)
    return `{${[...value].map(([key, item]) => `${normal(key)}:${normal(item)}`).join()}}`;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

function isWellFormed(document: AttestationDocument): void {
  const { pcrs, timestamp, moduleId } = document;
  for (const [index, pcr] of pcrs)
    expectThat(Number.isInteger(index) && index >= 0 && index < 32 && pcr.length === PCR_BYTES, 'not a PCR');
  expectThat(Number.isSafeInteger(timestamp) && timestamp > 0 && moduleId !== '', 'not a document');
  expectThat(document.cabundle.length > 0 && document.certificate.length > 0, 'a document without chain');
}

/** OpenSSL, which is laxer, reads every certificate that we accept, and the same from it. */
function agreesWithOpenSsl(ours: ReturnType<typeof parseCertificate>): void {
  const theirs = new X509Certificate(ours.raw);
  expectThat(Date.parse(theirs.validFrom) === ours.notBefore, `notBefore is ${theirs.validFrom}`);
  expectThat(Date.parse(theirs.validTo) === ours.notAfter, `notAfter is ${theirs.validTo}`);
  expectThat(!ours.isCa || theirs.ca || (ours.keyUsage & 0x04) === 0, 'OpenSSL sees no authority');
  expectThat(ours.isCa || !theirs.ca, 'OpenSSL sees an authority');
}

function bindingSeed(): Bytes {
  return encodeBinding({
    chainId: '4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S',
    packageId: `0x${'11'.repeat(32)}`,
    clusterId: `0x${'22'.repeat(32)}`,
    operator: `0x${'33'.repeat(32)}`,
    tlsSpkiSha256: new Uint8Array(32).fill(4),
    caSha256: new Uint8Array(32).fill(5),
    hpkePublicKey: new Uint8Array(32).fill(6),
    committeeDigest: new Uint8Array(32).fill(7),
    committeeEpoch: 8n,
    bootId: new Uint8Array(16).fill(9),
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
  });
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
