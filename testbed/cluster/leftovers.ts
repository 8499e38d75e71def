import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Environment variable that every process of a cluster inherits; its value is the cluster's directory. */
export const MARK = 'DAAS_CLUSTER_DIRECTORY';

const ATTEMPTS = 50;
const PAUSE_MS = 100;

/**
 * Kills whatever still runs of the cluster in `directory`, also what a killed parent left behind.
 *
 * @throws Error when something is still there after five seconds
 */
export async function killMarked(directory: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const pids = await marked(directory);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await sleep(PAUSE_MS);
  }
  throw new Error(`Cannot stop all of ${directory}: still running: ${(await marked(directory)).join(' ')}`);
}

async function marked(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(`${MARK}=${directory}`)) found.push(pid);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
