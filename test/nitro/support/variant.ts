import { execFile } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { EnclaveImage } from '@daasvader/testbed/cluster/enclave-image.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** What is not source: what was built, and the history. */
const LEFT_OUT = new Set(['build', '.git']);

/** Changes to sources, by path in the repository. */
export type Changes = Readonly<Record<string, (source: string) => string>>;

/**
 * Builds the image of a copy of the sources in which some are changed. Kernel, Kubernetes and Node are the same and
 * found in the cache.
 *
 * @param directory where the copy and the image go; must not exist
 */
export async function buildVariant(directory: string, changes: Changes): Promise<EnclaveImage> {
  const copy = join(directory, 'sources');
  // Links among packages stay relative, so that the copy is made of its own sources.
  const filter = (path: string) => !LEFT_OUT.has(relative(ROOT, path));
  await cp(ROOT, copy, { recursive: true, verbatimSymlinks: true, filter });
  for (const [path, change] of Object.entries(changes)) {
    const source = await readFile(join(copy, path), 'utf8');
    const changed = change(source);
    if (changed === source) throw new Error(`Cannot build a variant: nothing is changed in ${path}`);
    await writeFile(join(copy, path), changed);
  }
  await promisify(execFile)(process.execPath, [join(copy, 'eif/image/build.ts'), '--output', directory]);
  await rm(copy, { recursive: true });
  return { file: join(directory, 'daasvader.eif'), measurements: join(directory, 'measurements.json') };
}
