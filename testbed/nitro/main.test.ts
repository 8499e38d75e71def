import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildPrograms } from './programs.ts';
import { buildRelayImage } from './testing/relay-image.ts';

const HALF_AN_HOUR = 1_800_000;
const MAIN = join(import.meta.dirname, 'main.ts');

let directory: string;
let image: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-machine-'));
  await buildPrograms();
  ({ path: image } = await buildRelayImage(directory));
}, HALF_AN_HOUR);

afterAll(() => rm(directory, { recursive: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

function powerOn(name: string): ChildProcess {
  const paths = ['--state-dir', directory, '--vsock', join(directory, name), '--image', image];
  return start(...paths, '--memory-mib', '256', '--cpus', '1', '--cid', '4');
}

test.each<[string, (machine: ChildProcess) => void]>([
  ['its channel closes', (machine) => machine.disconnect()],
  ['it is told to end', (machine) => void machine.kill('SIGTERM')],
])(
  'a machine says that it is on, and is off with nothing left when %s',
  async (name, end) => {
    const machine = powerOn(name);
    const vsock = join(directory, name);
    const printed = once(machine.stdout!, 'data');
    const [told] = await once(machine, 'message');
    expect(told).toEqual({ moduleId: expect.stringMatching(/^i-[0-9a-f]{17}-enc[0-9a-f]{16}$/) });
    await printed;
    end(machine);
    expect(await once(machine, 'exit')).toEqual([0, null]);
    expect([vsock, `${vsock}.machine`].filter(existsSync)).toEqual([]);
  },
  120_000,
);

test('a machine without an image says what is missing', async () => {
  const machine = start('--state-dir', directory, '--vsock', join(directory, 'none'));
  const [said] = await once(machine.stderr!, 'data');
  expect(String(said)).toContain('--image is missing');
  expect(await once(machine, 'exit')).toEqual([1, null]);
});
