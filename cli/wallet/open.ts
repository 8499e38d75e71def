import type { Signer } from '@mysten/sui/cryptography';
import type { WalletOptions } from '../context.ts';
import { CliError } from '../error.ts';
import { readWalletFile } from './file.ts';
import { askMnemonic } from './mnemonic.ts';
import { ProgramSigner } from './program.ts';
import { readSuiClientWallet } from './sui-client.ts';

/**
 * Opens the wallet that the options name: a file, a mnemonic that is asked for, a program, or what `sui client` keeps.
 *
 * @throws CliError `file` when a file cannot be used, `wallet` when it is not clear or not possible to sign
 */
export async function openWallet(options: WalletOptions): Promise<Signer> {
  const signer = await signerOf(options);
  const actual = signer.toSuiAddress();
  if (options.walletAddress === undefined || options.walletAddress === actual) return signer;
  const message = `Cannot sign as ${options.walletAddress}: the key is that of ${actual}; name the other wallet`;
  throw new CliError('wallet', message);
}

async function signerOf(options: WalletOptions): Promise<Signer> {
  const { wallet, walletAddress: address, walletAlias: alias, signWith } = options;
  if (options.walletMnemonic) return askMnemonic(options.walletPath);
  if (signWith !== undefined) {
    if (address !== undefined) return new ProgramSigner(signWith, address);
    throw new CliError('wallet', 'Cannot sign with a program: say whose key it has with --wallet-address');
  }
  if (wallet !== undefined) return readWalletFile(wallet, { address, alias });
  return readSuiClientWallet({ address, alias });
}
