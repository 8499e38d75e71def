import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EnclaveProcess } from './enclave-process.ts';
import { Metrics } from './metrics.ts';

/** Listens on the vsock path as an enclave does and cuts every connection off. */
const PROGRAM = `
import { createServer } from 'node:net';
import { rmSync } from 'node:fs';
const path = process.argv[process.argv.indexOf('--vsock') + 1];
rmSync(path, { force: true });
createServer((socket) => socket.destroy()).listen(path, () => console.log('up', process.pid));
process.on('SIGTERM', () => process.exit(0));
`;

let dir: string;
let enclaves: EnclaveProcess[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'enclave-'));
  enclaves = [];
  await writeFile(join(dir, 'enclave.mjs'), PROGRAM);
});

afterEach(async () => {
  for (const enclave of enclaves) await enclave.stop();
  await rm(dir, { recursive: true });
});

function start(): EnclaveProcess {
  const options = { stateDir: dir, vsock: join(dir, 'v'), entry: join(dir, 'enclave.mjs') };
  const enclave = new EnclaveProcess(options, new Metrics(), pino({ level: 'silent' }));
  enclaves.push(enclave);
  return enclave;
}

const pids = async () =>
  [...(await readFile(join(dir, 'enclave.log'), 'utf8').catch(() => '')).matchAll(/up (\d+)/g)].map((m) =>
    Number(m[1]),
  );
const started = (count: number) =>
  expect.poll(async () => (await pids()).length, { timeout: 10_000 }).toBe(count);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('an enclave that was killed is started again', async () => {
  start();
  await started(1);
  process.kill((await pids())[0]!, 'SIGKILL');
  await started(2);
});

test('stop() ends the enclave and starts no other', async () => {
  const enclave = start();
  await started(1);
  await enclave.stop();
  expect(isAlive((await pids())[0]!)).toBe(false);
  await delay(600);
  expect(await pids()).toHaveLength(1);
});

test('a second supervisor keeps the enclave that runs, and ends it when it stops', async () => {
  start();
  await started(1);
  const second = start();
  await delay(800);
  expect(await pids()).toHaveLength(1);
  enclaves.reverse();
  await Promise.all([second.stop(), enclaves.at(-1)?.stop()]);
  expect(isAlive((await pids())[0]!)).toBe(false);
});
