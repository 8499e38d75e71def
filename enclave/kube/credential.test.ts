import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { credentialMessage } from '@daasvader/verifier/credential-message.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { expect, test } from 'vitest';
import { generateKeys } from '../boot/keys.ts';
import { CredentialProofs, type CredentialRequest, signCredential } from './credential.ts';
import { pointOf } from './p256.ts';
import { CertificateSigner } from './signer.ts';

const CLUSTER = `0x${'0c'.repeat(32)}`;
const NOW = 1_800_000_000_000;
const user = new Ed25519Keypair();
const address = user.toSuiAddress();

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const hexOf = (key: KeyObject) =>
  Buffer.from(pointOf(key.export({ type: 'spki', format: 'der' }))).toString('hex');
const publicKey = hexOf(newKey());

async function signed({
  cluster = CLUSTER,
  signer = user,
  timestampMs = NOW,
  key = publicKey,
  of = address,
} = {}) {
  const unsigned = { address: of, publicKey: key, timestampMs, signature: '' };
  const { signature } = await signer.signPersonalMessage(credentialMessage(cluster, unsigned));
  return { ...unsigned, signature };
}

const check = (request: CredentialRequest) => new CredentialProofs(CLUSTER, () => NOW).check(request);

test('a fresh proof passes once', async () => {
  const proofs = new CredentialProofs(CLUSTER, () => NOW);
  const request = await signed();
  await proofs.check(request);
  await expect(proofs.check(request)).rejects.toThrow('used before');
});

test('a proof serves once, also when it comes twice at the same time or is written differently', async () => {
  const proofs = new CredentialProofs(CLUSTER, () => NOW);
  const request = await signed();
  const outcomes = await Promise.allSettled([proofs.check(request), proofs.check(request)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(proofs.check({ ...request, signature: `${request.signature} ` })).rejects.toThrow();
});

/** Another value of y: a point of nobody's curve. */
const offCurve = publicKey.replace(/.$/, (digit) => (Number.parseInt(digit, 16) ^ 1).toString(16));
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({
  type: 'spki',
  format: 'der',
});

test.each([
  ['an old proof', { timestampMs: NOW - 60_001 }],
  ['a proof from the future', { timestampMs: NOW + 60_001 }],
  ['a proof for another cluster', { cluster: address }],
  ["somebody else's signature", { signer: new Ed25519Keypair() }],
  ["somebody else's address", { of: `0x${'00'.repeat(32)}` }],
  ['a key that is not on the curve', { key: offCurve }],
  ['the point at infinity', { key: '00' }],
  ['a compressed key', { key: `02${publicKey.slice(2, 66)}` }],
  ['a key in capitals', { key: publicKey.toUpperCase() }],
  ['a key with something after it', { key: `${publicKey}00` }],
  ['a key with a line end', { key: `${publicKey}\n` }],
  ['a key of another curve', { key: p384.subarray(-97).toString('hex') }],
  ['a certificate request', { key: '-----BEGIN CERTIFICATE REQUEST-----' }],
])('%s is refused', async (_, changes) => {
  await expect(check(await signed(changes))).rejects.toMatchObject({ code: 'credential' });
});

test('a proof for another key is refused', async () => {
  const other = await signed();
  await expect(check({ ...other, publicKey: hexOf(newKey()) })).rejects.toMatchObject({ code: 'credential' });
});

test('the certificate names the user and the key that were proven, for ten minutes, and no group', async () => {
  const { tls } = await generateKeys([]);
  const key = newKey();
  const claim = await signed({ key: hexOf(key) });
  const { pem, expiresAtMs } = await signCredential(new CertificateSigner(tls, () => NOW), claim);
  const certificate = new X509Certificate(pem);
  expect(certificate.subject).toMatch(/^CN=sui:[a-z2-7]{52}$/);
  expect(certificate.publicKey.equals(key)).toBe(true);
  expect(expiresAtMs).toBe(NOW + 600_000);
});
