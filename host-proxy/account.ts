import { stat } from 'node:fs/promises';
import { readSuiKey } from '@daasvader/chain/sui-key.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { HostProxyError } from './error.ts';

/** Far above one key. */
const MAX_BYTES = 1 << 12;

/**
 * Reads the host account's Ed25519 key: one `suiprivkey1…` line, as `sui keytool export` prints it, or another form that
 * {@link readSuiKey} knows, readable by its owner only.
 *
 * @throws {HostProxyError} `key`
 */
export async function readAccount(file: string): Promise<Ed25519Keypair> {
  try {
    const { mode } = await stat(file);
    if (mode & 0o077) throw new Error('others may read it; run chmod 600 on it');
    const key = readSuiKey((await readBounded(file, MAX_BYTES)).toString('utf8'));
    if (key instanceof Ed25519Keypair) return key;
    throw new Error(`a host signs with Ed25519 only, not ${key.getKeyScheme()}`);
  } catch (cause) {
    throw new HostProxyError('key', `Cannot use the key file ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
