import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startK3s, stopOrphan, volumesFolder, volumesIn } from './k3s.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-k3s-'));
  file = join(directory, 'k3s.pid');
});

afterEach(() => rm(directory, { recursive: true }));

test.each([
  ['absent', undefined],
  ['empty', ''],
  ['cut off', '{"pid":12'],
  ['a number alone', '12'],
  ['another thing', '[]'],
  ['of a group of processes', '{"pid":-1,"startTime":"1"}'],
  ['of this group', '{"pid":0,"startTime":"1"}'],
  ['of the first process', '{"pid":1,"startTime":"1"}'],
  ['without a start time', `{"pid":${process.pid}}`],
  ['of another process with this number', `{"pid":${process.pid},"startTime":"1"}`],
])('a pid file that is %s names nobody to stop', async (_what, text) => {
  if (text !== undefined) await writeFile(file, text);
  await stopOrphan(file);
});

test('the process that a pid file names is stopped', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  await writeFile(file, JSON.stringify({ pid: child.pid, startTime }));
  await stopOrphan(file);
  expect(await ended).toEqual([null, 'SIGTERM']);
});

test('a child whose pid file cannot be written does not go on unseen', async () => {
  const binary = join(directory, 'k3s');
  await writeFile(binary, `#!/bin/sh\necho $$ >"${directory}/pid"\nexec sleep 60\n`, { mode: 0o755 });
  await mkdir(join(file, 'in-its-place'), { recursive: true });
  const starting = startK3s({
    binary,
    masterEndpoint: 'https://127.0.0.1:6443',
    bootstrapKubeconfig: join(directory, 'bootstrap.kubeconfig'),
    nodeId: 'worker-1',
    address: '127.0.0.1',
    overlayPort: 51820,
    dataDir: directory,
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    pidFile: file,
    log: pino({ level: 'silent' }),
  });
  await expect(starting).rejects.toThrow();
  const pid = await readFile(join(directory, 'pid'), 'utf8').catch(() => undefined);
  if (pid !== undefined) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});

test("users' volumes are told by their names, and none where the agent has not run", async () => {
  expect(volumesIn(directory)).toEqual([]);
  await mkdir(volumesFolder(directory), { recursive: true });
  for (const name of ['pvc-1.img', 'pvc-2.img.unused', 'notes'])
    await writeFile(join(volumesFolder(directory), name), '');
  expect(volumesIn(directory)).toEqual(['pvc-1']);
});
