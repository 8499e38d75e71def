import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askRunning, listenForCommands } from './control.ts';
import { HostProxyError } from './error.ts';
import { jsonService } from './json-service.ts';
import { Metrics } from './metrics.ts';

let dir: string;
const servers: { close(): unknown }[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'control-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(dir, { recursive: true });
});

const routes = {
  'POST /ask': async () => ({ answer: 1 }),
  'POST /fail': async () => {
    throw new HostProxyError('budget', 'Cannot pay: empty');
  },
};

async function listen(): Promise<void> {
  const handler = jsonService(routes, new Metrics(), pino({ enabled: false }));
  servers.push(await listenForCommands(dir, handler));
}

test('a command reaches the host proxy that runs on the folder, and is told what it refuses', async () => {
  await listen();
  expect(await askRunning(dir, '/ask')).toEqual({ answer: 1 });
  await expect(askRunning(dir, '/fail')).rejects.toThrow('Cannot pay: empty');
  expect((await stat(join(dir, 'control'))).mode & 0o077).toBe(0);
});

test.each([
  ['is no JSON', '2\r\n\r\nno'],
  ['breaks off', '9\r\n\r\n{}'],
])('an answer that %s is an error that says so', async (_what, rest) => {
  const answer = `HTTP/1.1 500 No\r\ncontent-length: ${rest}`;
  servers.push(await listenForCommands(dir, (connection) => void connection.end(answer)));
  await expect(askRunning(dir, '/ask')).rejects.toMatchObject({ code: 'request' });
});

test('it is told when none runs there', async () => {
  expect(await askRunning(dir, '/ask')).toBeUndefined();
});

test('a second host proxy on the folder is refused', async () => {
  await listen();
  await expect(listen()).rejects.toMatchObject({ code: 'in-use' });
});
