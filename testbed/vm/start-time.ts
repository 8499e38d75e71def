import { readFile } from 'node:fs/promises';

/**
 * When a process started, in clock ticks since the machine did: with its number it names one process for good.
 *
 * @returns undefined when there is no such process
 */
export async function startTimeOf(pid: number | string): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the name in parentheses may hold anything; start time is field 22, the 20th after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
