import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AttestationError } from './error.ts';
import { IssuerCache } from './issuer-cache.ts';
import { ANY } from './policy.ts';
import { Fixture, NOW } from './testing/fixture.ts';
import {
  authorityExtensions,
  type Chain,
  issueCertificate,
  issueChain,
  leafExtensions,
} from './testing/pki.ts';
import { verifyAttestation } from './verify.ts';

let pki: Fixture;

beforeAll(async () => {
  pki = await Fixture.create();
});

describe('IssuerCache', () => {
  it('spares the three signatures of issuers, and those only', async () => {
    const issuers = new IssuerCache();
    const [first, second] = [await pki.document(), await pki.document()];
    expect(await signaturesChecked(() => code(first, issuers))).toBe(5);
    expect(await signaturesChecked(() => code(second, issuers))).toBe(2);
  });

  it('does not outlive the certificates in it', async () => {
    const issuers = new IssuerCache();
    const short = await pki.documentFrom({ zonal: { notAfter: NOW + 1000 } });
    expect(await code(short, issuers)).toBe('accepted');
    expect(await code(short, issuers, NOW + 2000)).toBe('certificate_expired');
  });

  it('does not lift a path length: a known issuer below another one is still one too many', async () => {
    const issuers = new IssuerCache();
    const chain = await issueChain(pki.root, NOW, { regional: { extensions: authorityExtensions(1) } });
    const [root, regional, zonal] = chain.issuers;
    const times = { notBefore: NOW - 1000, notAfter: chain.notAfter };
    const leaf = await issueCertificate(zonal, { name: 'enclave', ...times, extensions: leafExtensions() });
    expect(
      await code(await pki.document({}, { ...chain, issuers: [root!, regional!, zonal!], leaf }), issuers),
    ).toBe('accepted');
    expect(await code(await pki.document({}, chain), issuers)).toBe('chain_path_length');
  });

  it('knows a certificate under the key that signed it, not under an issuer of the same name', async () => {
    const issuers = new IssuerCache();
    await code(await pki.document(), issuers);
    const impostor = await Fixture.create('test-root');
    const [, ...below] = pki.chain.issuers;
    const forged = await pki.document({}, { ...pki.chain, issuers: [impostor.root, ...below] });
    const verification = verifyAttestation(forged, NOW, { ...ANY, root: impostor.root.certificate }, issuers);
    await expect(verification).rejects.toMatchObject({ code: 'chain_signature_invalid' });
  });

  it('does not remember what was refused', async () => {
    const issuers = new IssuerCache();
    const impostor = await Fixture.create('test-root');
    const mixed: Chain = { ...impostor.chain, issuers: [pki.root, ...impostor.chain.issuers.slice(1)] };
    const forged = await impostor.document({}, mixed);
    expect(await code(forged, issuers)).toBe('chain_signature_invalid');
    const { result, signatures } = await counting(() => code(forged, issuers));
    expect(result).toBe('chain_signature_invalid');
    expect(signatures).toBe(4);
  });

  it('forgets what was unused for longest once it is full', async () => {
    const issuers = new IssuerCache(3);
    const [ours, theirs] = [await pki.document(), await pki.document({}, await issueChain(pki.root, NOW))];
    await code(ours, issuers);
    await code(theirs, issuers);
    expect(await signaturesChecked(() => code(theirs, issuers))).toBe(2);
    expect(await signaturesChecked(() => code(ours, issuers))).toBe(5);
  });
});

async function code(document: Uint8Array, issuers: IssuerCache, now = NOW): Promise<string> {
  try {
    await verifyAttestation(document, now, { ...ANY, root: pki.root.certificate }, issuers);
    return 'accepted';
  } catch (error) {
    if (error instanceof AttestationError) return error.code;
    throw error;
  }
}

async function signaturesChecked(verify: () => Promise<string>): Promise<number> {
  const { result, signatures } = await counting(verify);
  expect(result).toBe('accepted');
  return signatures;
}

async function counting(verify: () => Promise<string>): Promise<{ result: string; signatures: number }> {
  const spy = vi.spyOn(crypto.subtle, 'verify');
  try {
    return { result: await verify(), signatures: spy.mock.calls.length };
  } finally {
    spy.mockRestore();
  }
}
