import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSuiPrivateKey, type Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { MultiSigPublicKey } from '@mysten/sui/multisig';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { readWalletFile } from './file.ts';
import { openWallet } from './open.ts';

const KEYS = [new Ed25519Keypair(), new Secp256k1Keypair(), new Secp256r1Keypair()] as const;
const [ED, K1, R1] = KEYS;
const ALIASES = ['brave-agate', 'calm-opal', 'keen-beryl'];
const WORDS =
  'result crisp session latin must fruit genuine question prevent start coconut brave speak student dismiss';

let directory: string;
let keystore: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-wallet-'));
  keystore = await write('sui.keystore', JSON.stringify(KEYS.map(flagged)));
  const aliases = KEYS.map((key, index) => ({
    alias: ALIASES[index],
    public_key_base64: key.getPublicKey().toSuiPublicKey(),
  }));
  await write('sui.aliases', JSON.stringify(aliases));
  for (const [index, key] of KEYS.entries()) await write(`${index}.key`, key.getSecretKey());
});

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(directory, { recursive: true }));

async function write(name: string, text: string, mode = 0o600): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text, { mode });
  return file;
}

function flagged(key: Keypair, flag: number): string {
  return Buffer.from([flag, ...decodeSuiPrivateKey(key.getSecretKey()).secretKey]).toString('base64');
}

/** The form of a multisig file; every member has a wallet here unless `wallets` says which have. */
function multisig(threshold: number, wallets = [0, 1, 2]): string {
  const keys = KEYS.map((key, index) => ({
    publicKey: key.getPublicKey().toSuiPublicKey(),
    weight: 1,
    ...(wallets.includes(index) && { wallet: `${index}.key` }),
  }));
  return JSON.stringify({ multisig: { threshold, keys } });
}

/** Makes `sui client` one with the keystore and that active address. */
async function suiClient(active: string | null): Promise<void> {
  const config = join(directory, 'sui_config');
  await mkdir(config, { recursive: true });
  const yaml = `---\nkeystore:\n  File: ${keystore}\nenvs: []\nactive_env: devnet\nactive_address: ${active === null ? '~' : `"${active}"`}\n`;
  await writeFile(join(config, 'client.yaml'), yaml);
  vi.stubEnv('SUI_CONFIG_DIR', config);
}

test('a keystore gives the key of an address or of an alias', async () => {
  for (const [index, key] of KEYS.entries()) {
    const address = key.toSuiAddress();
    expect((await openWallet({ wallet: keystore, walletAddress: address })).toSuiAddress()).toBe(address);
    const named = await openWallet({ wallet: keystore, walletAlias: ALIASES[index] as string });
    expect(named.toSuiAddress()).toBe(address);
  }
  await expect(openWallet({ wallet: keystore })).rejects.toThrow('--wallet-address');
  await expect(openWallet({ wallet: keystore, walletAlias: 'nobody' })).rejects.toThrow(
    `there is no nobody; there are ${ALIASES.join(', ')}`,
  );
});

test('the key of another address than the one that was named does not sign', async () => {
  const options = { wallet: join(directory, '0.key'), walletAddress: K1.toSuiAddress() };
  await expect(openWallet(options)).rejects.toMatchObject({ code: 'wallet' });
  const alias = { wallet: join(directory, '0.key'), walletAlias: ALIASES[1] as string };
  await expect(openWallet(alias)).rejects.toMatchObject({ code: 'file' });
});

test('without options it is the active address of sui client, or another of its keys', async () => {
  await suiClient(R1.toSuiAddress());
  expect((await openWallet({})).toSuiAddress()).toBe(R1.toSuiAddress());
  expect((await openWallet({ walletAlias: ALIASES[0] as string })).toSuiAddress()).toBe(ED.toSuiAddress());
  await suiClient(new Ed25519Keypair().toSuiAddress());
  await expect(openWallet({})).rejects.toMatchObject({ code: 'file' });
  await suiClient(null);
  await expect(openWallet({})).rejects.toThrow('has no active address');
  vi.stubEnv('SUI_CONFIG_DIR', join(directory, 'none'));
  await expect(openWallet({})).rejects.toMatchObject({ code: 'wallet' });
});

test('what others may read is refused, alone, as a keystore and as a member', async () => {
  await write('open.key', ED.getSecretKey(), 0o644);
  const file = join(directory, 'open.key');
  await expect(readWalletFile(file)).rejects.toThrow(`chmod 600 ${file}`);
  const text = multisig(1).replace('0.key', 'open.key');
  await expect(readWalletFile(await write('multisig.json', text))).rejects.toThrow(`chmod 600 ${file}`);
});

test('a multisig signs as its members together, as many as its threshold says', async () => {
  const publicKeys = KEYS.map((key) => ({ publicKey: key.getPublicKey(), weight: 1 }));
  const expected = MultiSigPublicKey.fromPublicKeys({ threshold: 2, publicKeys });
  const signer = await readWalletFile(await write('multisig.json', multisig(2, [0, 2]), 0o644));
  expect(signer.toSuiAddress()).toBe(expected.toSuiAddress());
  const message = Buffer.from('hello');
  const { signature } = await signer.signPersonalMessage(message);
  expect(await expected.verifyPersonalMessage(message, signature)).toBe(true);
});

test.each([
  ['too few wallets', multisig(2, [1]), 'weigh 1 of 2'],
  ['a threshold that is never reached', multisig(4), 'never the threshold of 4'],
  ['a wallet of another member', multisig(1).replace('0.key', '1.key'), 'is the key of'],
  [
    'a member twice',
    multisig(1).replace(K1.getPublicKey().toSuiPublicKey(), ED.getPublicKey().toSuiPublicKey()),
    'twice',
  ],
  ['a weight of 0', multisig(1).replace('"weight":1', '"weight":0'), 'weight'],
  ['no key', '{"multisig":{"threshold":1,"keys":[]}}', 'keys'],
  ['a field that is not known', multisig(1).replace('"weight"', '"wieght"'), 'wieght'],
  ['a member of zkLogin', multisig(1).replace(/"publicKey":"../, '"publicKey":"BQ'), 'zkLogin'],
  ['a damaged public key', multisig(1).replace(/"publicKey":"A[^"]+/, '"publicKey":"AAAA'), 'is none'],
  ['damaged JSON', '{"multisig":', 'not JSON'],
])('a multisig with %s is refused', async (_what, text, why) => {
  const file = await write('multisig.json', text);
  await expect(readWalletFile(file)).rejects.toMatchObject({
    code: 'file',
    message: expect.stringContaining(why),
  });
});

test('a private key where a public one belongs is not shown', async () => {
  const secret = Buffer.from([1, ...decodeSuiPrivateKey(K1.getSecretKey()).secretKey]).toString('base64');
  const text = multisig(1).replace(K1.getPublicKey().toSuiPublicKey(), secret);
  const error = await readWalletFile(await write('multisig.json', text)).catch((cause: Error) => cause);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).not.toContain(secret.slice(0, 12));
});

/** Runs `daas wallet address` on a terminal of its own, where a person types `typed` when asked. */
function onTerminal(typed: string, ...args: string[]): Promise<{ screen: string; exitCode: number | null }> {
  const command = [process.execPath, join(import.meta.dirname, '../main.ts'), 'wallet', 'address', ...args];
  const quoted = command.map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qec', quoted, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let screen = '';
  return new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      const wasAsked = screen.includes('not shown');
      screen += chunk;
      if (!wasAsked && screen.includes('not shown')) child.stdin.write(typed);
    });
    child.on('close', (exitCode) => resolve({ screen, exitCode }));
  });
}

test.each([
  ['Ed25519', [], Ed25519Keypair.deriveKeypair(WORDS)],
  [
    'secp256k1',
    ['--wallet-path', "m/54'/784'/0'/0/1"],
    Secp256k1Keypair.deriveKeypair(WORDS, "m/54'/784'/0'/0/1"),
  ],
  ['secp256r1', ['--wallet-path', "m/74'/784'/0'/0/0"], Secp256r1Keypair.deriveKeypair(WORDS)],
])('a mnemonic is asked for and not shown; of %s', async (_scheme, args, key) => {
  const typed = ` ${WORDS.replace('latin', 'latnn\b\bin')}\r`;
  const { screen, exitCode } = await onTerminal(typed, '--wallet-mnemonic', ...args);
  expect({ screen, exitCode }).toEqual({
    screen: expect.stringMatching(RegExp(`wallet: ${key.toSuiAddress()}.*\\s+${key.toSuiAddress()}`)),
    exitCode: 0,
  });
  for (const word of WORDS.split(' ')) expect(screen).not.toContain(word);
});

test.each([
  ['too few words', 'result crisp\r', 'it is 12 to 24 English words'],
  ['what is no word', `${WORDS.replace('crisp', 'cr1sp')}\r`, 'it is 12 to 24 English words'],
  ['a word of no list', `${WORDS.replace('crisp', 'crisq')}\r`, 'look again'],
  ['two words the other way round', `${WORDS.replace('result crisp', 'crisp result')}\r`, 'look again'],
  ['Ctrl-C', 'result\u0003', 'it was called off'],
  ['no end', 'a'.repeat(600), 'it is longer than 24 words'],
])('a mnemonic with %s is refused and not shown', async (_what, typed, why) => {
  const { screen, exitCode } = await onTerminal(typed, '--wallet-mnemonic');
  expect(exitCode).toBe(1);
  expect(screen).toContain(why);
  expect(screen).not.toMatch(/cr[i1]s[pq]|session|aaaa/);
});
