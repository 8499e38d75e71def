import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSilentServer } from '@daasvader/testbed/devnet/lying/silent-server.ts';
import { afterEach, expect, test } from 'vitest';
import { type FullNodeOptions, openFullNode } from './full-node.ts';

const PATIENCE = { answerMs: 200, silenceMs: 200 };
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function silent(words?: string): Promise<string> {
  const server = await startSilentServer(words);
  closing.push(server.close);
  return server.url;
}

const ask = (url: string, options: FullNodeOptions = PATIENCE) =>
  openFullNode('test', url, options).getChainIdentifier();

async function subscribe(url: string): Promise<number> {
  const { responses } = openFullNode('test', url, PATIENCE).subscriptionService.subscribeCheckpoints({});
  let told = 0;
  for await (const _ of responses) told += 1;
  return told;
}

const HEADERS = 'HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\n';
const HALVES = [
  ['nothing', ''],
  ['half its headers', HEADERS],
  ['its headers', `${HEADERS}\r\n`],
  ['half its answer', `${HEADERS}content-length: 100\r\n\r\n\0\0\0`],
] as const;

test.each(HALVES)('a full node that says %s and no more is given up, by name', async (_what, words) => {
  const url = await silent(words);
  await expect(ask(url)).rejects.toThrow(`Cannot ask the full node ${url}: no answer within 0.2 s`);
});

test.each(HALVES)('a subscription that says %s and no more is given up', async (_what, words) => {
  await expect(subscribe(await silent(words))).rejects.toThrow('nothing came within 0.2 s');
});

test('a full node that is not there is named with the reason', async () => {
  const url = await silent();
  closing.pop()?.();
  await expect(ask(url)).rejects.toThrow(
    `Cannot ask the full node ${url}: fetch failed: connect ECONNREFUSED ${new URL(url).host}`,
  );
});

test('a question is called off as soon as the caller has no more time', async () => {
  const stop = new AbortController();
  const asked = ask(await silent(), { signal: stop.signal });
  stop.abort();
  await expect(asked).rejects.toThrow('aborted');
});

test('a subscription brings any number of messages, an answer no more than its limit', async () => {
  const message = Buffer.alloc(5 + (1 << 20));
  message.writeUInt32BE(1 << 20, 1);
  message.set([0x7a, 0xfc, 0xff, 0x3f], 5); // a field that nobody knows, of all the bytes that are left
  const server = createServer(async (_request, response) => {
    response.on('error', () => undefined).writeHead(200, { 'content-type': 'application/grpc-web+proto' });
    for (let sent = 0; sent < 40 && !response.destroyed; sent += 1)
      if (!response.write(message)) await once(response, 'drain').catch(() => undefined);
    response.end();
  }).listen(0, '127.0.0.1');
  closing.push(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const patient = { answerMs: 20_000, silenceMs: 20_000 };
  await expect(ask(url, patient)).rejects.toThrow('its answer is longer than 33554432 bytes');
  const { responses } = openFullNode('test', url, patient).subscriptionService.subscribeCheckpoints({});
  let told = 0;
  const all = async () => {
    for await (const _ of responses) told += 1;
  };
  await expect(all()).rejects.toThrow(); // it ended without saying that it ended well
  expect(told).toBe(40);
});
