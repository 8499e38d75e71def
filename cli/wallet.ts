import { createPrivate } from '@daasvader/program/private-file.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Command } from 'commander';
import { type WalletOptions, withWallet } from './context.ts';
import { CliError } from './error.ts';
import { printJson, printLine } from './output.ts';
import { openWallet } from './wallet/open.ts';

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
  withWallet(wallet.command('address'))
    .argument('[file]', 'the same as --wallet')
    .description('print the address of who signs: of the key in <file>, or as the options say')
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, options: WalletOptions & { json?: boolean }) => {
      const signer = await openWallet(file === undefined ? options : { ...options, wallet: file });
      show(signer.toSuiAddress(), options.json);
    });
}
