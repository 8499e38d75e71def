import { stat } from 'node:fs/promises';
import { readBounded } from '@daasvader/chain/bounded-file.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { HostProxyError } from './error.ts';

/** Far above one key. */
const MAX_BYTES = 1 << 12;

/**
 * Reads the host account's key: one `suiprivkey1…` line, as `sui keytool export` prints it, readable by its owner only.
 *
 * @throws {HostProxyError} `key`
 */
export async function readAccount(file: string): Promise<Ed25519Keypair> {
  try {
    const { mode } = await stat(file);
    if (mode & 0o077) throw new Error('others may read it; run chmod 600 on it');
    return Ed25519Keypair.fromSecretKey((await readBounded(file, MAX_BYTES)).toString('utf8').trim());
  } catch (cause) {
    throw new HostProxyError('key', `Cannot use the key file ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
