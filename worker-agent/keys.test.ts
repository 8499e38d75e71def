import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { decodeSuiPrivateKey } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSealKey, createWallet, readSealKey, readWallet, sealKeyFile, writePrivate } from './keys.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-keys-'));
  file = sealKeyFile(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('a seal key is made once, private to its owner, and read back', async () => {
  const { publicKey } = await createSealKey(file);
  expect(publicKey).toMatch(/^[0-9a-f]{64}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readSealKey(file, publicKey)).publicKey).toBe(publicKey);
  await expect(createSealKey(file)).rejects.toMatchObject({ code: 'key' });
});

test('a seal key that is absent, exposed, malformed or of another token is refused', async () => {
  await expect(readSealKey(file)).rejects.toThrow(/keygen/);
  await createSealKey(file);
  await expect(readSealKey(file, 'ab'.repeat(32))).rejects.toMatchObject({
    code: 'key',
    expected: 'ab'.repeat(32),
  });
  await chmod(file, 0o644);
  await expect(readSealKey(file)).rejects.toThrow(/others may read it/);
  await writeFile(file, 'short');
  await chmod(file, 0o600);
  await expect(readSealKey(file)).rejects.toThrow(/64 lowercase hex digits/);
});

test('a private file is replaced whole, and is private also when the former one was not', async () => {
  await writeFile(file, 'former and longer', { mode: 0o644 });
  await writePrivate(file, 'new');
  expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777]).toEqual(['new', 0o600]);
  expect(await readdir(directory)).toEqual([basename(file)]);
});

test('a wallet is read back, and refused for another address or when it is no key', async () => {
  const wallet = join(directory, 'wallet.key');
  const address = await createWallet(wallet);
  expect((await readWallet(wallet, address)).toSuiAddress()).toBe(address);
  await expect(readWallet(wallet, `0x${'00'.repeat(32)}`)).rejects.toMatchObject({ code: 'key' });
  await writeFile(wallet, 'secret words');
  await expect(readWallet(wallet)).rejects.toThrow(/^(?!.*secret).*suiprivkey1/);
});

test("of a keystore with several keys, that of the configuration's address is the wallet", async () => {
  const keys = [new Ed25519Keypair(), new Ed25519Keypair()];
  const kept = keys.map((key) => {
    const { secretKey } = decodeSuiPrivateKey(key.getSecretKey());
    return Buffer.from([0, ...secretKey]).toString('base64');
  });
  await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
  for (const key of keys) {
    const address = key.toSuiAddress();
    expect((await readWallet(file, address)).toSuiAddress()).toBe(address);
  }
  await expect(readWallet(file)).rejects.toThrow(/it holds 2 keys.*wallet_address/);
});
