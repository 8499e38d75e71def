import { readFile } from 'node:fs/promises';
import { CliError } from './error.ts';

/** First line of what we write. Tools that change a kubeconfig, kubectl first of all, drop comments with it. */
export const KUBECONFIG_MARK = '# Written by daas kubeconfig, which replaces it whole.\n';

/**
 * Makes sure that writing a kubeconfig loses nothing of anybody else: there is no such file, it is empty, or it is as we
 * wrote it.
 *
 * @throws CliError `file`, saying how to use both
 */
export async function keepOthers(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw new CliError('file', `Cannot write ${file}: ${cause.message}`, { cause });
  });
  if (text.trim() === '' || text.startsWith(KUBECONFIG_MARK)) return;
  const advice = `give --out another file, and kubectl both with KUBECONFIG=${file}:FILE`;
  throw new CliError('file', `Cannot write ${file}: it holds what daas did not write; ${advice}`);
}
