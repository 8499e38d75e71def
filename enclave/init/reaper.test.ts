import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { listEnded } from './reaper.ts';

describe('listEnded', () => {
  it('finds the child that has ended and was not waited for, and not the one that runs', async () => {
    // The shell becomes a `sleep` that knows nothing of the child that the shell had.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60']);
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const orphan = Number(line.toString());
      await expect.poll(() => listEnded(parent.pid!), { timeout: 10_000 }).toEqual(new Set([orphan]));
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('finds nothing where every child was waited for', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    expect((await listEnded(process.pid)).has(child.pid!)).toBe(false);
  });
});
