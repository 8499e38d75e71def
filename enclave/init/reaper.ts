import { readdir, readFile } from 'node:fs/promises';
import { repeat } from '../repeat.ts';

const INTERVAL_MS = 5_000;

/** Where processes are looked up and how an ended one is taken away. */
export interface ReaperOptions {
  readonly reap: (pid: number) => void;
  /** Told when one round failed or hangs; the next one comes all the same. */
  readonly onTrouble: (problem: Error) => void;
  /** Parent of the orphans; ourselves unless given. */
  readonly parent?: number;
}

/**
 * Takes away orphans that have ended: PID 1 inherits the children of whoever dies.
 *
 * Node waits for its own children by itself, and at once; whoever took one away from it would leave it waiting for
 * ever. What is still there a whole interval after it ended is nobody's.
 *
 * @returns stops it
 */
export function reapOrphans(options: ReaperOptions): () => void {
  let before = new Set<number>();
  const round = async () => {
    const ended = await listEnded(options.parent ?? process.pid);
    for (const pid of ended) if (before.has(pid)) options.reap(pid);
    before = ended;
  };
  return repeat(round, INTERVAL_MS, options.onTrouble);
}

/** Children of `parent` that have ended and were not waited for. */
export async function listEnded(parent: number): Promise<Set<number>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const ended = await Promise.all(pids.map((pid) => isEndedChild(pid, parent)));
  return new Set(pids.filter((_, index) => ended[index]).map(Number));
}

async function isEndedChild(pid: string, parent: number): Promise<boolean> {
  // A process that is gone by now needs nobody.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // proc_pid_stat(5): the command in parentheses may hold anything, then state and parent.
  const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' && Number(parentPid) === parent;
}
