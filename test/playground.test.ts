import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { findHolder } from '@daasvader/testbed/cluster/machine-lock.ts';
import { afterEach, expect, test } from 'vitest';
import { watchHost } from './support/left-on-host.ts';

const ROOT = resolve(import.meta.dirname, '..');
const ENV_FILE = join(ROOT, 'build/cluster.env');
const ORDER = `
  . build/cluster.env
  bin/daas deploy hello --image "$DAAS_IMAGE" --port 8080 --wait 60 &&
  bin/kubectl wait pod --selector app=hello --for condition=Ready --timeout 60s &&
  bin/kubectl exec deployment/hello -- cat /www/index.html &&
  bin/kubectl --kubeconfig "$ADMIN_KUBECONFIG" get nodes`;

interface Outcome {
  code: number | null;
  output: string;
}

/** Starts a program as a shell does, which knows nothing but what it is given. */
function start(...argv: string[]): { child: ChildProcess; ended: Promise<Outcome> } {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, output })) };
}

const run = (...argv: string[]) => start(...argv).ended;
const saying = (code: number, text: string) => ({ code, output: expect.stringContaining(text) });

afterEach(() => run('bin/down'));

test('a playground serves an order by its environment alone, refuses others, and can be killed', async () => {
  const changes = await watchHost();
  const up = await run('bin/up', '--workers', '1');
  expect(up).toEqual(saying(0, ENV_FILE));

  const order = await run('sh', '-c', ORDER);
  expect(order).toEqual(saying(0, 'hello from the playground'));
  expect(order.output).toMatch(/worker-1 +Ready/);

  expect(await run('bin/up')).toEqual(saying(0, 'runs already (1 worker)'));
  expect(await run('bin/up', '--workers', '2')).toEqual(saying(1, 'runs already (1 worker)'));
  expect(await run('bin/demo')).toEqual(saying(1, 'a playground runs'));
  await expect(LiveCluster.start()).rejects.toThrow('a playground runs');

  const supervisor = await findHolder();
  expect(supervisor).toBeDefined();
  process.kill(supervisor?.pid ?? Number.NaN, 'SIGKILL');
  expect(await run('bin/down')).toEqual(saying(0, 'what a killed one had left is removed'));
  expect(await changes()).toEqual([]);
  expect(existsSync(ENV_FILE)).toBe(false);
  expect(await run('bin/down')).toEqual(saying(0, 'nothing is left'));
});

test.each(['bin/up is interrupted', 'bin/down is called'])(
  'when in the middle %s, all is torn down',
  async (how) => {
    const changes = await watchHost();
    const up = start('bin/up');
    await once(up.child.stdout as NodeJS.ReadableStream, 'data'); // the first step begins
    if (how.startsWith('bin/up')) {
      up.child.kill('SIGINT');
      expect(await up.ended).toEqual(saying(130, 'tearing down'));
    } else {
      expect(await run('bin/down')).toEqual(saying(0, 'has ended'));
      expect(await up.ended).toEqual(saying(1, 'ended before'));
    }
    expect(await changes()).toEqual([]);
    expect(await findHolder()).toBeUndefined();
  },
);

test('more workers than a machine bears are refused before anything starts', async () => {
  expect(await run('bin/up', '--workers', '9')).toEqual(saying(1, 'give 0 to 8'));
  expect(await findHolder()).toBeUndefined();
});
