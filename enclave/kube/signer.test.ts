import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateKeys } from '../boot/keys.ts';
import { pointOf } from './p256.ts';
import { CertificateSigner, type Leaf } from './signer.ts';

const NOW = 1_800_000_000_000;
const { tls } = await generateKeys([]);
const signer = new CertificateSigner(tls, () => NOW);
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const leaf: Leaf = {
  organization: 'system:nodes',
  commonName: 'system:node:worker-1',
  publicKey: pointOf(publicKey.export({ type: 'spki', format: 'der' })),
  purpose: 'client',
  dnsNames: [],
  addresses: [],
  lifetimeSeconds: 3_600,
};
const user: Leaf = { ...leaf, organization: undefined, commonName: `sui:${'a'.repeat(52)}` };

const openssl = (pem: string, ...args: string[]) =>
  execFileSync('openssl', ['x509', '-noout', ...args], { input: pem, encoding: 'utf8' });

test('a certificate says what it should and nothing more', async () => {
  const serving: Leaf = { ...leaf, purpose: 'server', dnsNames: ['worker-1'], addresses: ['10.99.0.2'] };
  const { pem, expiresAtMs } = await signer.sign(serving);
  const certificate = new X509Certificate(pem);
  expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:worker-1');
  expect(certificate.publicKey.equals(publicKey)).toBe(true);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(certificate.subjectAltName).toBe('DNS:worker-1, IP Address:10.99.0.2');
  expect(certificate.ca).toBe(false);
  expect(Date.parse(certificate.validFrom)).toBe(NOW - 300_000);
  expect(Date.parse(certificate.validTo)).toBe(expiresAtMs);
  expect(certificate.verify(createPublicKey(tls.certificate))).toBe(true);
});

test('no two certificates have the same serial number', async () => {
  const certificates = await Promise.all(Array.from({ length: 50 }, () => signer.sign(leaf)));
  const numbers = new Set(certificates.map(({ pem }) => new X509Certificate(pem).serialNumber));
  expect(numbers.size).toBe(50);
});

test("OpenSSL prints a user's name, extensions and lifetime", async () => {
  const { pem } = await signer.sign(user);
  expect(openssl(pem, '-subject').trim()).toMatch(/^subject=CN ?= ?sui:a{52}$/);
  const extensions = openssl(pem, '-ext', 'keyUsage,extendedKeyUsage,basicConstraints,subjectAltName');
  expect(extensions).toContain('TLS Web Client Authentication');
  expect(extensions).toMatch(/Key Usage: critical\s+Digital Signature\n/);
  expect(extensions).toContain('CA:FALSE');
  expect(extensions).not.toContain('Alternative Name');
});

test.each<[string, Partial<Leaf>]>([
  ['a name that is too long for X.509', { commonName: `system:node:${'w'.repeat(53)}` }],
  ['a name that would be read as encoded bytes', { commonName: '#0c0161' }],
  ['a name that prints like two', { commonName: 'system:node:a\nO=system:masters' }],
  ['a group that looks like two', { organization: 'system:nodes, O=system:masters' }],
  ['no name', { commonName: '' }],
  ['an alternative name with a comma, which reads like two', { dnsNames: ['a, DNS:b'] }],
  ['an address that is none', { addresses: ['10.99.0.2.'] }],
  ['a key that is none', { publicKey: new Uint8Array(65).fill(4) }],
])('%s is not signed', async (_, changes) => {
  await expect(signer.sign({ ...leaf, ...changes })).rejects.toThrow();
});
