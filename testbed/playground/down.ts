import { setTimeout as sleep } from 'node:timers/promises';
import { cleanUp } from '../cluster/directory.ts';
import { findHolder, type Holder } from '../cluster/machine-lock.ts';
import { removeEnvironment } from './environment.ts';

/* Ends the playground and removes whatever it, or one that was killed, has left on the machine. */

/** Every part has its own time to end in; this is more than they may take together. */
const END_TIMEOUT_MS = 120_000;
const KILL_TIMEOUT_MS = 10_000;
const POLL_MS = 100;
const CLAIM = { what: 'a clean-up', toEnd: 'wait for its end' };

try {
  process.stdout.write(`${await down()}\n`);
} catch (error) {
  process.stderr.write(`down: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** @returns what became of it */
async function down(): Promise<string> {
  const holder = await findHolder();
  if (holder !== undefined && holder.playground === undefined)
    throw new Error(`Cannot clean up: ${holder.what} runs as process ${holder.pid}; ${holder.toEnd}`);
  if (holder !== undefined) await end(holder);
  const hasLeft = await cleanUp(CLAIM);
  await removeEnvironment();
  if (holder !== undefined) return 'The playground has ended, and left nothing.';
  return hasLeft
    ? 'No playground runs; what a killed one had left is removed.'
    : 'No playground runs, and nothing is left of one.';
}

async function end({ pid }: Holder): Promise<void> {
  process.stderr.write('down: the playground ends\n');
  signal(pid, 'SIGTERM');
  if (await isGone(pid, END_TIMEOUT_MS)) return;
  process.stderr.write(`down: it did not end in ${END_TIMEOUT_MS / 1_000} s: killing it\n`);
  signal(pid, 'SIGKILL');
  if (!(await isGone(pid, KILL_TIMEOUT_MS)))
    throw new Error(`Cannot kill process ${pid}: see what it waits for`);
}

/** @returns whether it has given up the machine in time */
async function isGone(pid: number, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(POLL_MS))
    if ((await findHolder())?.pid !== pid) return true;
  return false;
}

/** It may have ended just now. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
