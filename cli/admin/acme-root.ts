import { X509Certificate } from 'node:crypto';
import { Option } from 'commander';
import { CliError } from '../error.ts';
import { readText } from '../file.ts';

/** `--acme-root`, for directories whose certificate no public root vouches for. */
export function acmeRootOption(): Option {
  return new Option('--acme-root <pem>', 'the root of that directory where it is not a public one');
}

/**
 * The DER of a certificate, as the chain keeps it; nothing when no file is named.
 *
 * @throws CliError `file`
 */
export async function readAcmeRoot(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return new Uint8Array();
  const text = await readText(file, 'the root of the ACME directory');
  try {
    return new X509Certificate(text).raw;
  } catch (cause) {
    throw new CliError('file', `Cannot use ${file}: it is no certificate in PEM`, { cause });
  }
}
