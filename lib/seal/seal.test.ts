import { describe, expect, it } from 'vitest';
import { generateSealKey, open, seal, sealPublicKey } from './seal.ts';

const INFO = 'daasvader/join/v1|0xcluster';
const AAD = 'worker-1';
const MESSAGE = new TextEncoder().encode('bootstrap kubeconfig');
const key = generateSealKey();

describe('seal', () => {
  it('is opened by the holder of the key, for the same purpose and subject', async () => {
    const sealed = await seal(key.publicKey, INFO, AAD, MESSAGE);
    expect(sealed.length).toBe(32 + MESSAGE.length + 16);
    expect(await open(key.privateKey, INFO, AAD, sealed)).toEqual(MESSAGE);
  });

  it('carries empty messages and never makes the same bytes twice', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => seal(key.publicKey, INFO, AAD, new Uint8Array())));
    expect(a).not.toEqual(b);
    expect(await open(key.privateKey, INFO, AAD, a!)).toEqual(new Uint8Array());
  });

  it.each([
    ['another key', { privateKey: generateSealKey().privateKey }],
    ['another purpose', { info: 'daasvader/join/v1|0xother' }],
    ['another subject', { aad: 'worker-2' }],
  ])('is not opened with %s', async (_, other) => {
    const sealed = await seal(key.publicKey, INFO, AAD, MESSAGE);
    const { privateKey, info, aad } = { privateKey: key.privateKey, info: INFO, aad: AAD, ...other };
    await expect(open(privateKey, info, aad, sealed)).rejects.toMatchObject({ code: 'seal_open' });
  });

  it('is not opened when any byte was changed', async () => {
    const sealed = await seal(key.publicKey, INFO, AAD, MESSAGE);
    for (const [i, byte] of sealed.entries())
      await expect(
        open(key.privateKey, INFO, AAD, sealed.with(i, byte ^ 1)),
        `byte ${i}`,
      ).rejects.toMatchObject({
        code: 'seal_open',
      });
  });

  it('refuses messages that are too short to be one', async () => {
    await expect(open(key.privateKey, INFO, AAD, new Uint8Array(47))).rejects.toMatchObject({
      code: 'sealed_too_short',
    });
  });

  it.each(['', 'ab', 'AB'.repeat(32), 'zz'.repeat(32), '00'.repeat(32), `01${'00'.repeat(31)}`])(
    'refuses the public key "%s"',
    async (publicKey) => {
      await expect(seal(publicKey, INFO, AAD, MESSAGE)).rejects.toMatchObject({ code: 'seal_public_key' });
    },
  );

  it('derives the public key of a private key and refuses one of another length', () => {
    expect(sealPublicKey(key.privateKey)).toBe(key.publicKey);
    expect(() => sealPublicKey(new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'seal_private_key' }),
    );
  });
});
