import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import {
  createIdentityKey,
  createSealKey,
  createWallet,
  identityKeyFile,
  readSealKey,
  sealKeyFile,
} from '../keys.ts';
import { type CommonOptions, configOf, print, walletFileOf, withCommon } from './options.ts';

/** `keygen`: makes the seal key and the identity key, and with `--wallet` the owner's Sui key too. */
export function keygenCommand(command: Command): void {
  withCommon(command).option('--wallet', 'make a Sui key too, unless there is one').action(keygen);
}

async function keygen(options: CommonOptions & { wallet?: boolean }): Promise<void> {
  const config = await configOf(options);
  const file = sealKeyFile(config.stateDir);
  const identityFile = identityKeyFile(config.stateDir);
  // Where one of the two is missing, keygen was interrupted.
  const hasSealKey = existsSync(file) && !existsSync(identityFile);
  const { publicKey } = hasSealKey ? await readSealKey(file) : await createSealKey(file);
  if (!existsSync(identityFile)) await createIdentityKey(identityFile);
  const wallet = walletFileOf(config);
  const address = options.wallet === true && !existsSync(wallet) ? await createWallet(wallet) : undefined;
  const lines = [`seal token ${publicKey} (key in ${file})`, `identity   (key in ${identityFile})`];
  if (address !== undefined) lines.push(`wallet     ${address} (key in ${wallet})`);
  print(options, { sealToken: publicKey, file, identityFile, address }, lines.join('\n'));
}
