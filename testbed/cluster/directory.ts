import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { removeAll } from '../vm/vm.ts';
import { killMarked } from './leftovers.ts';

const NEEDED_BYTES = 3 * 1024 ** 3;

/** Where a cluster of the demo or of a test keeps everything: one at a time on a machine. */
export function clusterDirectory(): string {
  return join(process.env.DAAS_CACHE ?? join(homedir(), '.cache/daasvader'), 'demo');
}

/**
 * Takes the directory, after removing what a killed run left on the machine.
 *
 * @throws Error when another run holds it, the user is not root, or the disk is nearly full
 */
export async function takeDirectory(): Promise<string> {
  if (process.getuid?.() !== 0)
    throw new Error('Cannot start: containers and network namespaces need root; use sudo');
  const directory = clusterDirectory();
  await refuseSecond(directory);
  await sweep(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < NEEDED_BYTES)
    throw new Error(`Cannot start: less than 3 GiB are free in ${directory}; make room or set DAAS_CACHE`);
  await writeFile(join(directory, 'pid'), `${process.pid}`);
  return directory;
}

/** Removes everything that a cluster in `directory` may have left on the machine, and the directory. */
export async function sweep(directory: string): Promise<void> {
  await killMarked(directory);
  await removeAll();
  await rm(directory, { recursive: true, force: true });
}

async function refuseSecond(directory: string): Promise<void> {
  const pid = await readFile(join(directory, 'pid'), 'utf8').catch(() => '');
  if (pid === '' || pid === `${process.pid}`) return;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (command.includes('demo') || command.includes('vitest'))
    throw new Error(`Cannot start: another one runs as process ${pid}; stop it first (Ctrl-C)`);
}
