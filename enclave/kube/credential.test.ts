import 'reflect-metadata';
import { credentialMessage } from '@daasvader/control-plane/credential-message.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { expect, test } from 'vitest';
import { CredentialProofs, type CredentialRequest } from './credential.ts';

const CLUSTER = `0x${'0c'.repeat(32)}`;
const NOW = 1_800_000_000_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const user = new Ed25519Keypair();
const address = user.toSuiAddress();
const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

async function signed({
  name = `CN=sui:${address}`,
  cluster = CLUSTER,
  signer = user,
  timestampMs = NOW,
} = {}) {
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM });
  const unsigned = { address, csr: request.toString('pem'), timestampMs, signature: '' };
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

test.each([
  ['an old proof', { timestampMs: NOW - 60_001 }],
  ['a proof from the future', { timestampMs: NOW + 60_001 }],
  ['a proof for another cluster', { cluster: address }],
  ["somebody else's signature", { signer: new Ed25519Keypair() }],
  ["somebody else's name", { name: `CN=sui:0x${'00'.repeat(32)}` }],
  ['a name with a group', { name: `CN=sui:${address}, O=system:masters` }],
])('%s is refused', async (_, changes) => {
  await expect(check(await signed(changes))).rejects.toMatchObject({ code: 'credential' });
});

test('a proof for another certificate request is refused', async () => {
  const other = await signed();
  const { csr } = await signed();
  await expect(check({ ...other, csr })).rejects.toMatchObject({ code: 'credential' });
  await expect(check({ ...other, csr: 'nothing' })).rejects.toMatchObject({ code: 'credential' });
});
