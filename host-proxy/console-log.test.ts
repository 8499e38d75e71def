import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConsoleLog } from './console-log.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'console-'));
});

afterEach(() => rm(dir, { recursive: true }));

test('write() keeps the order and starts a new file when one is full', async () => {
  const path = join(dir, 'console.log');
  const log = await ConsoleLog.open(path, 10);
  await Promise.all(['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee'].map((text) => log.write(Buffer.from(text))));
  await log.close();
  expect([await readFile(`${path}.1`, 'utf8'), await readFile(path, 'utf8')]).toEqual(['ccccdddd', 'eeee']);
});

test('open() continues the file of an earlier run', async () => {
  const path = join(dir, 'console.log');
  for (const text of ['one', 'two']) {
    const log = await ConsoleLog.open(path);
    await log.write(Buffer.from(text));
    await log.close();
  }
  expect(await readFile(path, 'utf8')).toBe('onetwo');
});
