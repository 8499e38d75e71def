import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { expect, test } from 'vitest';
import { assertSupportedSignature } from './signature.ts';

test('a zkLogin signature is refused as such', () => {
  const signature = Buffer.from([5, ...new Uint8Array(100)]).toString('base64');
  expect(() => assertSupportedSignature(signature)).toThrow('zkLogin signatures are not supported');
});

test.each([new Ed25519Keypair(), new Secp256r1Keypair()])(
  'signatures of keys pass on, to be checked',
  async (key) => {
    assertSupportedSignature((await key.signPersonalMessage(new Uint8Array(3))).signature);
  },
);

test('what is no signature passes on, to be refused', () => {
  for (const text of ['', '!', 'AAAA']) assertSupportedSignature(text);
});
