import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSuiKey } from '@daasvader/chain/sui-key.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { createPrivate, replacePrivate } from '@daasvader/program/private-file.ts';
import { generateSealKey, type SealKey, sealPublicKey } from '@daasvader/seal/seal.ts';
import type { Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { WorkerError } from './error.ts';
import { Identity } from './identity.ts';

/** Far above one key. */
const MAX_SECRET_BYTES = 1 << 12;
/** Far above the keystore of a person. */
const MAX_KEYSTORE_BYTES = 1 << 18;

/** Where the seal key is kept. */
export function sealKeyFile(stateDir: string): string {
  return join(stateDir, 'seal.key');
}

/** Where the identity key is kept. */
export function identityKeyFile(stateDir: string): string {
  return join(stateDir, 'identity.key');
}

/**
 * Makes an identity key and writes it, readable by its owner only, replacing none.
 * @throws WorkerError `key` when there is one already
 */
export async function createIdentityKey(file: string): Promise<void> {
  await write(file, `${randomBytes(32).toString('hex')}\n`, createPrivate);
}

/**
 * Reads the key that signs joins.
 * @param stateDir where the counter of joins is kept
 * @throws WorkerError `key` when the file is missing, readable by others or malformed
 */
export async function readIdentity(file: string, stateDir: string): Promise<Identity> {
  return Identity.of(await readHexKey(file), stateDir);
}

/**
 * Makes a seal key and writes it, readable by its owner only, replacing none.
 * @throws WorkerError `key` when there is one already
 */
export async function createSealKey(file: string): Promise<SealKey> {
  const key = await generateSealKey();
  await write(file, `${Buffer.from(key.privateKey).toString('hex')}\n`, createPrivate);
  return key;
}

/**
 * Reads the seal key and compares it with the token that the configuration names, if it names one.
 * @throws WorkerError `key` when the file is missing, readable by others, malformed or of another token
 */
export async function readSealKey(file: string, expectedToken?: string): Promise<SealKey> {
  const privateKey = await readHexKey(file);
  const key = { privateKey, publicKey: await sealPublicKey(privateKey) };
  if (expectedToken !== undefined && expectedToken !== key.publicKey)
    throw new WorkerError(
      'key',
      `Cannot use ${file}: it belongs to another seal token than the configured one`,
      {
        expected: expectedToken,
        actual: key.publicKey,
      },
    );
  return key;
}

/**
 * Reads a Sui key from a file with one `suiprivkey1…` line, or in another form that {@link readSuiKey} knows; of several
 * keys, such as of `sui.keystore`, that of the expected address.
 * @throws WorkerError `key`
 */
export async function readWallet(file: string, expectedAddress?: string): Promise<Keypair> {
  const keypair = walletOf(
    file,
    await readSecret(file, 'name the wallet with sui.wallet_key or WALLET_KEY', MAX_KEYSTORE_BYTES),
    expectedAddress,
  );
  const actual = keypair.toSuiAddress();
  if (expectedAddress !== undefined && expectedAddress !== actual)
    throw new WorkerError('key', `Cannot use ${file}: it is the key of another wallet_address`, {
      expected: expectedAddress,
      actual,
    });
  return keypair;
}

/** Makes a Sui key and writes it, readable by its owner only. */
export async function createWallet(file: string): Promise<string> {
  const keypair = Ed25519Keypair.generate();
  await write(file, `${keypair.getSecretKey()}\n`, createPrivate);
  return keypair.toSuiAddress();
}

/** Writes a file that only its owner may read, whole or not at all, in a directory that only its owner may enter. */
export function writePrivate(file: string, text: string): Promise<void> {
  return write(file, text, replacePrivate);
}

function walletOf(file: string, text: string, address: string | undefined): Keypair {
  try {
    return readSuiKey(text, address);
  } catch (cause) {
    throw new WorkerError('key', `Cannot use ${file}: ${(cause as Error).message}`, { cause });
  }
}

async function readHexKey(file: string): Promise<Buffer> {
  const text = await readSecret(file, 'make one with worker-agent keygen');
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new WorkerError('key', `Cannot use ${file}: not 64 lowercase hex digits`);
}

async function readSecret(file: string, advice: string, maxBytes = MAX_SECRET_BYTES): Promise<string> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) throw new Error(`others may read it, run chmod 600 ${file}`);
    return (await readBounded(file, maxBytes)).toString('utf8').trim();
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = absent ? `it does not exist, ${advice}` : (cause as Error).message;
    throw new WorkerError('key', `Cannot read ${file}: ${reason}`, { cause });
  }
}

async function write(file: string, text: string, how: typeof createPrivate): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await how(file, text);
  } catch (cause) {
    throw new WorkerError('key', `Cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}
