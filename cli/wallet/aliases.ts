import { dirname, join } from 'node:path';
import { publicKeyFromSuiBytes } from '@mysten/sui/verify';
import { z } from 'zod';
import { CliError } from '../error.ts';
import { readText } from '../file.ts';

const aliases = z.array(z.object({ alias: z.string(), public_key_base64: z.string() }));

/**
 * The address that an alias stands for in the `sui.aliases` beside a keystore.
 *
 * @throws CliError `file`, telling which there are
 */
export async function addressOfAlias(alias: string, keystore: string): Promise<string> {
  const file = keystore.endsWith('.keystore')
    ? keystore.replace(/keystore$/, 'aliases')
    : join(dirname(keystore), 'sui.aliases');
  const text = await readText(file, 'the aliases');
  try {
    const known = aliases.parse(JSON.parse(text));
    const found = known.find((each) => each.alias === alias);
    if (found !== undefined) return publicKeyFromSuiBytes(found.public_key_base64).toSuiAddress();
    throw new Error(
      `there is no ${alias}; there are ${known.map((each) => each.alias).join(', ') || 'none'}`,
    );
  } catch (cause) {
    const why = cause instanceof z.ZodError ? 'it is not as sui keytool writes it' : (cause as Error).message;
    throw new CliError('file', `Cannot use the aliases ${file}: ${why}`, { cause });
  }
}
