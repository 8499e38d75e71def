import { homedir } from 'node:os';
import { join } from 'node:path';
import { printable } from '@daasvader/attestation/printable.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError } from '../error.ts';
import { readText } from '../file.ts';
import { type KeyChoice, readWalletFile } from './file.ts';

const configuration = z.object({
  keystore: z.object({ File: z.string() }),
  active_address: z.string().nullish(),
});

/**
 * Takes a key of `sui client`: the chosen one, or that of its active address, which stderr is told.
 *
 * @throws CliError `wallet` when there is no `sui client`, or it does not say which; `file`
 */
export async function readSuiClientWallet(choice: KeyChoice): Promise<Signer> {
  const file = join(process.env.SUI_CONFIG_DIR ?? join(homedir(), '.sui/sui_config'), 'client.yaml');
  const { keystore, active_address: active } = await readConfiguration(file);
  if (choice.address !== undefined || choice.alias !== undefined)
    return readWalletFile(keystore.File, choice);
  if (typeof active !== 'string')
    throw new CliError('wallet', `Cannot choose a wallet: ${file} has no active address; name a --wallet`);
  const signer = await readWalletFile(keystore.File, { address: active });
  if (signer.toSuiAddress() !== active) throw absent(keystore.File, active);
  process.stderr.write(`wallet: ${printable(active)}, the active address of sui client\n`);
  return signer;
}

async function readConfiguration(file: string): Promise<z.output<typeof configuration>> {
  const text = await readText(file, 'the configuration of sui client').catch((cause) => {
    const advice = 'name one with --wallet FILE; daas wallet create makes one';
    throw new CliError('wallet', `Cannot choose a wallet: ${advice} (${(cause as Error).message})`, {
      cause,
    });
  });
  try {
    return configuration.parse(parse(text));
  } catch (cause) {
    const why = 'it names no keystore file and active address; name a --wallet';
    throw new CliError('file', `Cannot use ${file}: ${why}`, { cause });
  }
}

function absent(file: string, address: string): CliError {
  const why = `it has no key of the active address ${address}`;
  return new CliError(
    'file',
    `Cannot use the wallet ${file}: ${why}; if another program has it, --sign-with`,
  );
}
