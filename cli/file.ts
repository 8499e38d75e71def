import { readFile } from 'node:fs/promises';
import { CliError } from './error.ts';

/**
 * Reads a text file that a person named.
 *
 * @param what is in it, for the message
 * @throws CliError `file`
 */
export async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new CliError('file', `Cannot read ${what} ${file}: ${why}`);
  }
}
