import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findHolder, MachineLock } from './machine-lock.ts';

const CLAIM = { what: 'the test', toEnd: 'let it be' };
const MODULE = join(import.meta.dirname, 'machine-lock.ts');

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-lock-'));
  file = join(directory, 'holder.json');
});

afterEach(() => rm(directory, { recursive: true }));

/** A process that holds the lock until it is killed. */
async function otherHolder() {
  const script = `
    const { MachineLock } = await import(${JSON.stringify(MODULE)});
    await MachineLock.take({ what: 'another', toEnd: 'end it' }, process.argv[1]);
    console.log('taken');
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('who comes second is told who has it and how to end that', async () => {
  const child = await otherHolder();
  await expect(MachineLock.take(CLAIM, file)).rejects.toThrow(`another runs as process ${child.pid}; end it`);
  expect(await findHolder(file)).toEqual({ what: 'another', toEnd: 'end it', pid: child.pid });
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a holder that is killed leaves it free', async () => {
  const child = await otherHolder();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await findHolder(file)).toBeUndefined();
  await using _lock = await MachineLock.take(CLAIM, file);
  expect(await findHolder(file)).toEqual({ ...CLAIM, pid: process.pid });
});

test('when it is given back it is free, and nothing is left', async () => {
  await (await MachineLock.take(CLAIM, file))[Symbol.asyncDispose]();
  expect(await findHolder(file)).toBeUndefined();
  expect(await readdir(directory)).toEqual([]);
});

test('only one of many that come at once has it', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => MachineLock.take(CLAIM, file)));
  const taken = outcomes.filter((outcome) => outcome.status === 'fulfilled');
  expect(taken).toHaveLength(1);
  await taken[0]?.value[Symbol.asyncDispose]();
});

test('a process that got the number of a dead holder is not taken for it', async () => {
  await using _lock = await MachineLock.take(CLAIM, file);
  await writeFile(file, JSON.stringify({ ...CLAIM, pid: process.pid, startTime: '1' }));
  await expect(findHolder(file)).rejects.toThrow('another process');
});

test('a holder can say more later', async () => {
  await using lock = await MachineLock.take(CLAIM, file);
  const playground = { workers: 2, nitro: false, envFile: '/cluster.env' };
  await lock.announce({ ...CLAIM, playground });
  expect(await findHolder(file)).toMatchObject({ playground });
});
