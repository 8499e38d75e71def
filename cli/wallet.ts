import { stat } from 'node:fs/promises';
import { readSuiKey } from '@daasvader/chain/sui-key.ts';
import { createPrivate } from '@daasvader/program/private-file.ts';
import type { Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Command } from 'commander';
import { CliError } from './error.ts';
import { readText } from './file.ts';
import { printJson, printLine } from './output.ts';

/**
 * Reads a wallet file: a `suiprivkey1…` line as `sui keytool export` and Sui wallets give it, or another form that
 * {@link readSuiKey} knows.
 *
 * @throws CliError `file` when it cannot be read, others may read it too, or it holds no key that can be used
 */
export async function readWallet(file: string): Promise<Keypair> {
  const text = await readText(file, 'the wallet');
  if ((await stat(file)).mode & 0o077)
    throw new CliError('file', `Cannot use the wallet ${file}: others may read it, run chmod 600 ${file}`);
  try {
    return readSuiKey(text);
  } catch (cause) {
    throw new CliError('file', `Cannot read the wallet ${file}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Makes a new Ed25519 wallet, readable by its owner only, and refuses to overwrite one.
 *
 * @returns its Sui address
 * @throws CliError `file`
 */
export async function createWallet(file: string): Promise<string> {
  const keypair = new Ed25519Keypair();
  try {
    await createPrivate(file, `${keypair.getSecretKey()}\n`);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'there is a file already; name another' : message;
    throw new CliError('file', `Cannot make the wallet ${file}: ${why}`);
  }
  return keypair.toSuiAddress();
}

/** `daas wallet`: make a wallet file, or show the address of one. */
export function walletCommand(wallet: Command): void {
  const show = (address: string, json?: boolean) => {
    if (json) printJson({ address });
    else printLine(address);
  };
  wallet
    .command('create <file>')
    .description('make a new Ed25519 key in <file> (mode 0600) and print its address')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) =>
      show(await createWallet(file), options.json),
    );
  wallet
    .command('address <file>')
    .description('print the address of the key in <file>')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) =>
      show((await readWallet(file)).toSuiAddress(), options.json),
    );
}
