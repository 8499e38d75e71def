import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const BUILD = resolve(import.meta.dirname, '../../k3s/build');

/**
 * The `k3s` program: from the cache, or built now, which takes some minutes.
 *
 * @returns its path
 */
export async function findK3s(signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)(BUILD, { signal });
  return join(stdout.trim().split('\n').at(-1) ?? '', 'k3s');
}
