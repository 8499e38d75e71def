import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ClosableFetch, proxyFetch, serviceFetch } from './fetch.ts';
import { HybridGuest } from './hybrid-guest.ts';
import { HybridHost } from './hybrid-host.ts';
import { openTunnel } from './tunnel.ts';

const PORT = 9003;
let dir: string;
let guest: HybridGuest;
let host: HybridHost;
let client: ClosableFetch;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vsock-'));
  guest = await HybridGuest.open(join(dir, 'v'));
  host = new HybridHost(join(dir, 'v'));
  client = serviceFetch(guest, PORT);
});

afterEach(async () => {
  await client.close();
  guest.close();
  host.close();
  await rm(dir, { recursive: true });
});

test('serviceFetch() posts to and reads from a service of the host', async () => {
  const server = createServer((request, response) => void request.pipe(response));
  await host.listen(PORT, (socket) => void server.emit('connection', socket));
  for (let i = 0; i < 3; i += 1) {
    const body = JSON.stringify({ turn: i, padding: 'x'.repeat(300_000) });
    const response = await client.fetch('http://host/echo', { method: 'POST', body });
    expect(await response.text()).toBe(body);
  }
});

test('serviceFetch() gives up on an answer without end', async () => {
  const server = createServer((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 20, 'x')));
    };
    response.on('drain', more).on('error', () => {});
    more();
  });
  await host.listen(PORT, (socket) => void server.emit('connection', socket));
  const response = await client.fetch('http://host/');
  await expect(response.text()).rejects.toMatchObject({ cause: { code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' } });
});

test('serviceFetch() fails when nobody serves', async () => {
  await expect(client.fetch('http://host/')).rejects.toMatchObject({ cause: { code: 'refused' } });
});

test('proxyFetch() asks the proxy for host and port, and says what it answered', async () => {
  const asked: (string | undefined)[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    asked.push(request.url);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  await host.listen(PORT, (socket) => void proxy.emit('connection', socket));
  const outside = proxyFetch(guest, PORT);
  for (const url of ['https://rpc.example/', 'http://rpc.example:9000/']) {
    await expect(outside.fetch(url)).rejects.toMatchObject({
      cause: { code: 'refused', message: expect.stringContaining('403') },
    });
  }
  expect(asked).toEqual(['rpc.example:443', 'rpc.example:9000']);
});

test.each(['rpc.example', 'rpc.example:80\r\nX: y', 'a b:80', ':80', 'rpc.example:999999'])(
  'openTunnel() refuses to ask for %j',
  async (authority) => {
    await expect(openTunnel(guest, PORT, authority)).rejects.toMatchObject({ code: 'protocol' });
  },
);

test.each([`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(100)}`, `HTTP/1.1 200 ${'x'.repeat(5000)}\r\n`])(
  'openTunnel() gives up on a proxy that never ends its headers',
  async (answer) => {
    await host.listen(PORT, (socket) => void socket.on('error', () => {}).write(answer));
    await expect(openTunnel(guest, PORT, 'rpc.example:443')).rejects.toMatchObject({ code: 'protocol' });
  },
);
