import { stat } from 'node:fs/promises';
import { readSuiKey } from '@daasvader/chain/sui-key.ts';
import type { Keypair, Signer } from '@mysten/sui/cryptography';
import { CliError } from '../error.ts';
import { readText } from '../file.ts';
import { addressOfAlias } from './aliases.ts';
import { isMultisig, readMultisig } from './multisig.ts';

/** Which key of several. */
export interface KeyChoice {
  address?: string | undefined;
  /** Its name in the `sui.aliases` beside the file. */
  alias?: string | undefined;
}

/**
 * Reads a wallet file: a `suiprivkey1…` line as `sui keytool export` and Sui wallets give it, a `sui.keystore`, another
 * form that {@link readSuiKey} knows, or a multisig with the wallets of some of its members.
 *
 * @throws CliError `file` when it cannot be read, others may read it too, or it holds no key that can be used
 */
export async function readWalletFile(file: string, choice: KeyChoice = {}): Promise<Signer> {
  const text = await readText(file, 'the wallet');
  // It holds no secret itself, only where they are.
  if (isMultisig(text)) return readMultisig(file, text, readKeyFile);
  const address = choice.alias === undefined ? choice.address : await addressOfAlias(choice.alias, file);
  const key = await readKey(file, text, address);
  // A single key of a file is taken whatever its address is, and must be the alias's all the same.
  if (choice.alias === undefined || key.toSuiAddress() === address) return key;
  throw new CliError('file', `Cannot use the wallet ${file}: its key is not that of ${choice.alias}`);
}

/** @throws CliError `file` */
async function readKeyFile(file: string, address: string): Promise<Keypair> {
  return readKey(file, await readText(file, 'the wallet'), address);
}

async function readKey(file: string, text: string, address: string | undefined): Promise<Keypair> {
  if ((await stat(file)).mode & 0o077)
    throw new CliError('file', `Cannot use the wallet ${file}: others may read it, run chmod 600 ${file}`);
  try {
    return readSuiKey(text, address);
  } catch (cause) {
    throw new CliError('file', `Cannot read the wallet ${file}: ${(cause as Error).message}`, { cause });
  }
}
