/**
 * What verifying a document costs, beside the five P-384 verifications that cannot be spared: those of three
 * issuers, the leaf and the document. All variants take turns, so that the machine's other work meets them alike.
 */
import { cpus } from 'node:os';
import { parseCertificate } from '@daasvader/attestation/certificate.ts';
import { decodeCoseSign1, signatureInput } from '@daasvader/attestation/cose.ts';
import { decodeDocument } from '@daasvader/attestation/document.ts';
import { IssuerCache } from '@daasvader/attestation/issuer-cache.ts';
import { ANY } from '@daasvader/attestation/policy.ts';
import { Fixture, NOW } from '@daasvader/attestation/testing/fixture.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';

const WARM_UP = 200;
const ROUNDS = 1_000;
const SLICES = 10;
const SLICE_MS = 400;
const IN_FLIGHT = 16;

const ES384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;

/** Throws unless everything that it verifies is genuine. */
type Verify = () => Promise<unknown>;

const fixture = await Fixture.create();
const document = await fixture.document();
const policy = { ...ANY, root: fixture.root.certificate };
const issuers = new IssuerCache();
const variants: Record<string, Verify> = {
  'five P-384 verifications': await fiveVerifications(document),
  'document, uncached': () => verifyAttestation(document, NOW, policy),
  'document, issuers cached': () => verifyAttestation(document, NOW, policy, issuers),
};

const latencies = await takeTurns(variants);
const rates = await takeTurnsAtOnce(variants);
const floor = at(latencies['five P-384 verifications']!, 0.5);
process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`);
process.stdout.write(`${''.padEnd(26)}     p50        p99   of floor   per second, ${IN_FLIGHT} at once\n`);
for (const name of Object.keys(variants)) {
  const taken = latencies[name]!;
  const [p50, p99] = [at(taken, 0.5), at(taken, 0.99)].map((ms) => `${ms.toFixed(2)} ms`.padStart(10));
  const share = `${((100 * at(taken, 0.5)) / floor).toFixed(0)} %`.padStart(10);
  const rate = rates[name]!.toFixed(0).padStart(9);
  process.stdout.write(`${name.padEnd(26)}${p50} ${p99} ${share} ${rate}\n`);
}

/** The same signatures, with keys that are imported already and nothing else around them. */
async function fiveVerifications(bytes: Uint8Array): Promise<Verify> {
  const { protectedHeader, payload, signature } = decodeCoseSign1(bytes);
  const { cabundle, certificate } = decodeDocument(payload);
  const path = [...cabundle, certificate].map(parseCertificate);
  const signed = [
    ...path.slice(1).map((issued) => ({ signature: issued.signature, data: issued.signed })),
    { signature, data: signatureInput(protectedHeader, payload) },
  ];
  const keys = await Promise.all(
    path.map(({ publicKey }) => crypto.subtle.importKey('raw', publicKey, ES384, false, ['verify'])),
  );
  if (signed.length !== 5) throw new Error(`Cannot measure: ${signed.length} signatures, not 5`);
  return async () => {
    for (const [i, { signature, data }] of signed.entries())
      if (!(await crypto.subtle.verify(ES384, keys[i]!, signature, data))) throw new Error('Not genuine');
  };
}

/** How long each call took, in ms, ascending. */
async function takeTurns(all: Record<string, Verify>): Promise<Record<string, number[]>> {
  const taken = Object.fromEntries(Object.keys(all).map((name) => [name, [] as number[]]));
  for (let round = 0; round < WARM_UP + ROUNDS; round++)
    for (const [name, verify] of Object.entries(all)) {
      const from = performance.now();
      await verify();
      if (round >= WARM_UP) taken[name]!.push(performance.now() - from);
    }
  for (const times of Object.values(taken)) times.sort((a, b) => a - b);
  return taken;
}

/** Calls per second of each, in slices of time that alternate. */
async function takeTurnsAtOnce(all: Record<string, Verify>): Promise<Record<string, number>> {
  const rates = Object.fromEntries(Object.keys(all).map((name) => [name, 0]));
  for (let slice = 0; slice < SLICES; slice++)
    for (const [name, verify] of Object.entries(all)) rates[name]! += (await perSecond(verify)) / SLICES;
  return rates;
}

/** Throughput of several callers who wait for nobody but themselves. */
async function perSecond(verify: Verify): Promise<number> {
  const from = performance.now();
  let calls = 0;
  const caller = async () => {
    for (; performance.now() - from < SLICE_MS; calls++) await verify();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  return (calls / (performance.now() - from)) * 1_000;
}

function at(ascending: number[], share: number): number {
  return ascending[Math.floor(share * (ascending.length - 1))]!;
}
