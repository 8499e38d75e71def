import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { findHolder } from '@daasvader/testbed/cluster/machine-lock.ts';
import type { HostChange } from '@daasvader/testbed/vm/snapshot.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchHost } from './support/left-on-host.ts';
import { type Program, runProgram as run, startProgram } from './support/program.ts';

const ROOT = resolve(import.meta.dirname, '..');
const ENV_FILE = join(ROOT, 'build/cluster.env');
const ORDER = `
  . build/cluster.env
  bin/daas deploy hello --image "$DAAS_IMAGE" --port 8080 --wait 60 &&
  bin/kubectl wait pod --selector app=hello --for condition=Ready --timeout 60s &&
  bin/kubectl exec deployment/hello -- cat /www/index.html &&
  bin/kubectl --kubeconfig "$ADMIN_KUBECONFIG" get nodes`;

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

describe('in the middle of the start', () => {
  let changes: () => Promise<HostChange[]>;
  let up: Program;

  beforeEach(async () => {
    changes = await watchHost();
    up = startProgram('bin/up');
  });

  afterEach(async () => {
    expect(await findHolder()).toBeUndefined();
    expect(await changes()).toEqual([]);
  });

  test('Ctrl-C tears down everything', async () => {
    await up.told('cluster 0x'); // host proxy and enclave come next
    await sleep(2_000);
    up.child.kill('SIGINT');
    expect(await up.ended).toEqual(saying(130, 'tearing down'));
  });

  test('bin/down tears down everything', async () => {
    await up.told('devnet at');
    expect(await run('bin/down')).toEqual(saying(0, 'has ended'));
    expect(await up.ended).toEqual(saying(1, 'ended before'));
  });

  test('the death of bin/up tears down everything', async () => {
    await up.told('devnet at');
    up.child.kill('SIGKILL');
    await up.ended;
    await vi.waitUntil(async () => (await findHolder()) === undefined, { timeout: 60_000 });
  });
});

test('more workers than a machine bears are refused before anything starts', async () => {
  expect(await run('bin/up', '--workers', '9')).toEqual(saying(1, 'give 0 to 8'));
  expect(await findHolder()).toBeUndefined();
});
