import { join } from 'node:path';
import { printable, printableJson } from '@daasvader/attestation/printable.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import type { Command } from 'commander';
import type { WorkerOwner } from '../chain.ts';
import { readConfig, type WorkerConfig } from '../config.ts';
import { WorkerError } from '../error.ts';
import { readWallet } from '../keys.ts';
import { openOwner } from '../sui-chain.ts';

/** Far above one certificate. */
const MAX_PEM_BYTES = 1 << 16;

/** Options that every command takes. */
export interface CommonOptions {
  config?: string;
  json?: boolean;
  root?: string;
}

/** Adds the options that all share. */
export function withCommon(command: Command): Command {
  return command
    .option('-c, --config <file>', 'worker-config.yaml; environment variables override it')
    .option('--json', 'print JSON');
}

/** Adds the option that replaces AWS's root. */
export function withRoot(command: Command): Command {
  return command.option('--root <pem>', "trust this attestation root instead of AWS's (development)");
}

/** Reads the configuration that the options name; a given root wins over the configured one. */
export async function configOf(options: CommonOptions): Promise<WorkerConfig> {
  const config = await readConfig(options.config);
  if (options.root === undefined) return config;
  return { ...config, security: { ...config.security, attestation_root: options.root } };
}

/** PEM of the root to trust instead of AWS's, if one is configured. */
export async function rootOf({ security }: WorkerConfig): Promise<string | undefined> {
  if (security.attestation_root === undefined) return undefined;
  try {
    return (await readBounded(security.attestation_root, MAX_PEM_BYTES)).toString('utf8');
  } catch (cause) {
    throw new WorkerError('config', `Cannot read the attestation root: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Where the owner's Sui key is. */
export function walletFileOf(config: WorkerConfig): string {
  return config.sui.wallet_key ?? join(config.stateDir, 'wallet.key');
}

/** The chain with the owner's wallet. @throws WorkerError `key` */
export async function ownerOf(config: WorkerConfig): Promise<WorkerOwner> {
  return openOwner(config, await readWallet(walletFileOf(config), config.sui.wallet_address));
}

/** Prints a result: `text`, whose line breaks are ours, for people, the value as one line of JSON for programs. */
export function print(options: CommonOptions, value: object, text: string): void {
  const json = () => printableJson(JSON.stringify({ ok: true, ...value }));
  const shown = options.json === true ? json() : text.split('\n').map(printable).join('\n');
  process.stdout.write(`${shown}\n`);
}
