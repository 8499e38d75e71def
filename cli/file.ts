import { readBounded } from '@daasvader/program/bounded-file.ts';
import { z } from 'zod';
import { CliError } from './error.ts';

/** Far above a key, a certificate or a kubeconfig. */
const MAX_BYTES = 1 << 20;

/**
 * Reads a text file that a person named, of at most 1 MiB.
 *
 * @param what is in it, for the message
 * @throws CliError `file`
 */
export async function readText(file: string, what: string): Promise<string> {
  return (await readBytes(file, what)).toString('utf8');
}

/**
 * Reads a file of JSON that a person named.
 *
 * @param what is in it, for the message
 * @throws CliError `file` also when it is not of the schema's form
 */
export async function readJson<T>(file: string, what: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readText(file, what);
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new CliError('file', `Cannot use ${what} ${file}: ${why}`);
  }
}

/**
 * Reads a file that a person named.
 *
 * @param what is in it, for the message
 * @throws CliError `file`, also when it holds more than `maxBytes`
 */
export async function readBytes(file: string, what: string, maxBytes = MAX_BYTES): Promise<Buffer> {
  try {
    return await readBounded(file, maxBytes);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new CliError('file', `Cannot read ${what} ${file}: ${why}`);
  }
}
