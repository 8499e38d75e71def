import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EventStore, type StoredEvent } from './event-store.ts';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'events-'));
  path = join(dir, 'log.ndjson');
});

afterEach(() => rm(dir, { recursive: true }));

const event = (seq: number, bcs = 'AQID'): StoredEvent => ({ seq, type: '0x1::m::E', bcs });
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));

test('append() keeps events in order and read() gives them back after a restart', async () => {
  const first = await EventStore.open(path);
  expect(await first.append(events(1, 3))).toBe(3);
  expect(await first.append(events(2, 5))).toBe(2);
  await first.close();
  const second = await EventStore.open(path);
  expect(second.next).toBe(6);
  expect(await second.read(1)).toEqual(events(1, 5));
  expect(await second.read(4)).toEqual(events(4, 5));
  expect(await second.read(6)).toEqual([]);
  await second.close();
});

test('one answer holds a bounded number of bytes and the next continues it', async () => {
  const store = await EventStore.open(path);
  const large = Array.from({ length: 40 }, (_, i) => event(i + 1, 'A'.repeat(200_000)));
  await store.append(large);
  const read: number[] = [];
  while (read.length < 40) {
    const part = await store.read(read.length + 1);
    expect(part.length).toBeGreaterThan(0);
    expect(part.length).toBeLessThan(40);
    read.push(...part.map(({ seq }) => seq));
  }
  expect(read).toEqual(large.map(({ seq }) => seq));
  await store.close();
});

test.each([
  ['a gap', [event(1), event(3)]],
  ['a log that does not begin at 1', [event(2)]],
  ['another event under a stored number', [event(1), event(1, 'BBBB')]],
])('append() refuses %s and stores nothing', async (_name, batch) => {
  const store = await EventStore.open(path);
  await expect(store.append(batch)).rejects.toMatchObject({ code: 'conflict' });
  expect(await readFile(path, 'utf8')).toBe('');
  await store.close();
});

test('append() refuses a different event under a number on disk', async () => {
  const store = await EventStore.open(path);
  await store.append([event(1)]);
  await expect(store.append([event(1, 'BBBB')])).rejects.toMatchObject({ code: 'conflict' });
  await store.close();
});

test('a torn last line is cut off', async () => {
  const store = await EventStore.open(path);
  await store.append(events(1, 2));
  await store.close();
  await appendFile(path, '{"seq":3,"type":"0x1');
  const again = await EventStore.open(path);
  expect(again.next).toBe(3);
  await again.append([event(3)]);
  expect(await again.read(1)).toEqual(events(1, 3));
  await again.close();
});

test.each(['garbage\n', '{"seq":2,"type":"t","bcs":""}\n', '{"seq":1}\n', `"${'A'.repeat(1 << 20)}`])(
  'a damaged line %j is an error, never skipped',
  async (line) => {
    await writeFile(path, line);
    await expect(EventStore.open(path)).rejects.toMatchObject({ code: 'store' });
  },
);

test('every acknowledged event survives kill -9 at a random moment of appending', {
  timeout: 60_000,
}, async () => {
  const writer = `
    import { EventStore } from ${JSON.stringify(join(import.meta.dirname, 'event-store.ts'))};
    const store = await EventStore.open(process.argv[1]);
    for (;;) {
      await store.append([{ seq: store.next, type: '0x1::m::E', bcs: 'A'.repeat(4 * (1 + (store.next * 977) % 5000)) }]);
      console.log(store.next - 1);
    }`;
  let total = 0;
  for (let round = 0; round < 8; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let acknowledged = 0;
    const killAfter = total + 1 + Math.floor(Math.random() * 40);
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line);
      if (acknowledged >= killAfter) child.kill('SIGKILL');
    }
    await exited;
    const store = await EventStore.open(path);
    expect(store.next - 1).toBeGreaterThanOrEqual(acknowledged);
    expect((await store.read(store.next - 1)).map(({ seq }) => seq)).toEqual([store.next - 1]);
    total = store.next - 1;
    await store.close();
  }
});
