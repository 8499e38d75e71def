import { realpath, stat } from 'node:fs/promises';
import { replacePrivate } from '@daasvader/program/private-file.ts';
import { CliError } from './error.ts';
import { readText } from './file.ts';

/** First line of what we write. Tools that change a kubeconfig, kubectl first of all, drop comments with it. */
export const KUBECONFIG_MARK = '# Written by daas kubeconfig, which replaces it whole.\n';

/**
 * Makes sure that writing a kubeconfig loses nothing of anybody else: there is no such file, it is empty, or it is as we
 * wrote it.
 *
 * @throws CliError `file`, saying how to use both
 */
export async function keepOthers(file: string): Promise<void> {
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new CliError('file', `Cannot write ${file}: ${cause.message}`, { cause });
  });
  if (found === undefined) return;
  // Replacing a device, such as /dev/null, would take it from everybody.
  if (!found.isFile()) throw new CliError('file', `Cannot write ${file}: it is not a file; give --out one`);
  const text = await readText(file, 'what would be replaced,');
  if (text.trim() === '' || text.startsWith(KUBECONFIG_MARK)) return;
  const advice = `give --out another file, and kubectl both with KUBECONFIG=${file}:FILE`;
  throw new CliError('file', `Cannot write ${file}: it holds what daas did not write; ${advice}`);
}

/**
 * Writes a kubeconfig for its owner alone to read. Of a link what it leads to is replaced, and not the link.
 *
 * @throws CliError `file`
 */
export async function writeKubeconfig(file: string, text: string): Promise<void> {
  try {
    await replacePrivate(await realpath(file).catch(() => file), text); // there may be none yet
  } catch (cause) {
    throw new CliError('file', `Cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}
