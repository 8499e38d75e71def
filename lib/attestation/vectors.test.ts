import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AWS_NITRO_ROOT_PEM, AWS_NITRO_ROOT_SHA256 } from './aws-root.ts';
import { AttestationError } from './error.ts';
import { decodePem } from './pem.ts';
import { ANY, type Policy, UNCHECKED } from './policy.ts';
import { verifyAttestation } from './verify.ts';

/** Real documents, kept outside of the repository. */
const repository = resolve(import.meta.dirname, '../..');
const vectors = join(process.env.DAAS_VECTORS ?? resolve(repository, '../shared/vectors'), 'attestation');

interface Vector {
  name: string;
  expect: string;
  sha256: string;
  timestamp_ms: number | null;
  debug_mode: boolean;
  pcr_count: number;
  module_id: string;
  pcr0: string;
  pcr1: string;
  pcr2: string;
  nonce: string | null;
  user_data: string | null;
  public_key: string | null;
}

/** Refusals of the published negatives, by the reason that their index gives. */
const REFUSALS: Record<string, string> = {
  'reject: bad signature': 'signature_invalid',
  'reject: bad certificate DER / bad signature': 'certificate_malformed',
  'reject: untrusted root': 'chain_root_untrusted',
  'reject: wrong document type': 'document_nitrotpm',
};

/** A time at which the one document without a readable timestamp was valid. */
const MANGLED_AT = Date.UTC(2025, 7, 27, 18);

const index = readIndex();
const valid = index.filter((vector) => vector.expect === 'valid');

it('the pinned root is the one whose fingerprint AWS publishes', () => {
  const der = decodePem(AWS_NITRO_ROOT_PEM)!;
  expect(createHash('sha256').update(der).digest('hex')).toBe(AWS_NITRO_ROOT_SHA256);
});

describe.skipIf(index.length === 0)('real documents', () => {
  it.each(valid)('$name is accepted at its own time for what it is', async (vector) => {
    const document = await verifyAttestation(read(vector), vector.timestamp_ms!, policyOf(vector));
    expect(document).toMatchObject({
      moduleId: vector.module_id,
      timestamp: vector.timestamp_ms,
      root: { aws: true },
    });
    expect(document.pcrs.size).toBe(vector.pcr_count);
  });

  it.each(valid)('$name is refused a day later, for another nonce, and in debug mode', async (vector) => {
    const [document, at, policy] = [read(vector), vector.timestamp_ms!, policyOf(vector)];
    await expect(verifyAttestation(document, at + 86_400_000, policy)).rejects.toMatchObject({
      code: 'certificate_expired',
    });
    await expect(verifyAttestation(document, at, { ...policy, nonce: 'ff' })).rejects.toMatchObject({
      code: vector.nonce === null ? 'nonce_missing' : 'nonce_mismatch',
    });
    const strict = verifyAttestation(document, at, { ...ANY, allowDebug: false });
    await (vector.debug_mode
      ? expect(strict).rejects.toMatchObject({ code: 'debug_mode' })
      : expect(strict).resolves.toBeDefined());
  });

  it.each(valid)('$name is refused with any bit of it changed, unless it means the same', async (vector) => {
    const [document, at] = [new Uint8Array(read(vector)), vector.timestamp_ms!];
    const policy = { ...ANY, allowDebug: vector.debug_mode };
    const original = await verifyAttestation(document, at, policy);
    const bit = fc.tuple(fc.nat(document.length - 1), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(bit, async ([byte, place]) => {
        const changed = document.with(byte, document[byte]! ^ (1 << place));
        const outcome = await verifyAttestation(changed, at, policy).catch((error: unknown) => error);
        if (!(outcome instanceof AttestationError)) expect(outcome).toEqual(original);
      }),
      { numRuns: 200 },
    );
  });

  it.each(index.filter((vector) => vector.expect !== 'valid'))(
    '$name is refused: $expect',
    async (vector) => {
      const verification = verifyAttestation(read(vector), vector.timestamp_ms ?? MANGLED_AT, {
        ...ANY,
        allowDebug: true,
      });
      await expect(verification).rejects.toMatchObject({ code: REFUSALS[vector.expect] });
    },
  );
});

function readIndex(): Vector[] {
  const path = join(vectors, 'index.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Vector[];
  console.warn(
    `NOT TESTED: real attestation documents. ${path} does not exist; set DAAS_VECTORS to their folder`,
  );
  return [];
}

function read({ name, sha256 }: Vector): Buffer {
  const document = readFileSync(join(vectors, `${name}.bin`));
  expect(createHash('sha256').update(document).digest('hex')).toBe(sha256);
  return document;
}

function policyOf({ pcr0, pcr1, pcr2, nonce, user_data, public_key, debug_mode }: Vector): Policy {
  return {
    pcrs: { 0: pcr0, 1: pcr1, 2: pcr2 },
    nonce: nonce ?? UNCHECKED,
    userData: user_data ?? UNCHECKED,
    publicKey: public_key ?? UNCHECKED,
    allowDebug: debug_mode,
  };
}
