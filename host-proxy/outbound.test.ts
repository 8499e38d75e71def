import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { outboundHandler, type Resolver } from './outbound.ts';

const limits = { idleMs: 5_000, lingerMs: 100 };
let target: Server;
let proxy: Server;
let allowed: string;
let resolve: Resolver;

beforeEach(async () => {
  target = createServer((request, response) => void response.end(`reached ${request.url}`)).listen(
    0,
    '127.0.0.1',
  );
  await once(target, 'listening');
  allowed = `127.0.0.1:${(target.address() as AddressInfo).port}`;
  resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  const allow = new Set([allowed, 'rpc.example:443', `rpc.example:${port()}`, `localhost:${port()}`]);
  const options = { allow, ...limits, connectMs: 1_500, resolve: (host: string) => resolve(host) };
  proxy = createTcpServer(outboundHandler(options, new Metrics(), pino({ level: 'silent' }))).listen(
    0,
    '127.0.0.1',
  );
  await once(proxy, 'listening');
});

afterEach(() => {
  target.close();
  proxy.close();
});

/** The target's port. */
const port = () => Number(allowed.split(':')[1]);

/** What a name resolves to. */
const found = (...addresses: string[]) =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** A process that listens but accepts nobody, its queue full: whoever dials gets no answer at all. */
async function startDeafServer(host: string, port: number): Promise<ChildProcess> {
  const listen = `require('net').createServer().listen({ host: '${host}', port: ${port}, backlog: 1 },
    () => { console.log('listening'); process.kill(process.pid, 'SIGSTOP'); })`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  const queue = Array.from({ length: 4 }, () =>
    connect({ host, port })
      .on('error', () => undefined)
      .unref(),
  );
  child.once('exit', () => queue.forEach((socket) => void socket.destroy()));
  await Promise.all(queue.slice(0, 2).map((socket) => once(socket, 'connect')));
  return child;
}

/** Sends bytes to the proxy and returns everything that comes back until it closes. */
async function say(bytes: string): Promise<string> {
  const socket = connect((proxy.address() as AddressInfo).port, '127.0.0.1');
  socket.write(bytes);
  return text(socket).catch(() => 'reset');
}

/** Resolves when a connection is over, however it ended. */
const closing = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

const get = 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const tunnel = (authority: string) => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

test('an allowed target is reached, also when the client does not wait for the answer', async () => {
  expect(await say(tunnel(allowed) + get)).toMatch(/^HTTP\/1\.1 200 .*reached \/x/s);
});

test('localhost is reached when the allow-list names it', async () => {
  expect(await say(tunnel(`localhost:${allowed.split(':')[1]}`) + get)).toContain('reached');
});

test('when the first address of a name refuses, the second is dialled', async () => {
  resolve = async () => found('127.0.0.9', '127.0.0.1');
  expect(await say(tunnel(`localhost:${port()}`) + get)).toContain('reached');
});

test('when the first address of a name does not answer, the second is dialled', async () => {
  const silent = await startDeafServer('127.0.0.7', port());
  resolve = async () => found('127.0.0.7', '127.0.0.1');
  expect(await say(tunnel(`localhost:${port()}`) + get)).toContain('reached');
  silent.kill('SIGKILL');
});

test('a target that does not answer is given up', async () => {
  const silent = await startDeafServer('127.0.0.7', port());
  resolve = async () => found('127.0.0.7');
  expect(await say(tunnel(`localhost:${port()}`))).toMatch(/^HTTP\/1\.1 502 /);
  silent.kill('SIGKILL');
});

test('of the addresses of a name an internal one is never dialled, whatever becomes of the others', async () => {
  let reached = 0;
  target.on('connection', () => (reached += 1));
  resolve = async () => found('127.0.0.1', '203.0.113.1', '::1');
  expect(await say(tunnel(`rpc.example:${port()}`) + get)).toMatch(/^HTTP\/1\.1 502 /);
  expect(reached).toBe(0);
});

test('a name none of whose addresses answers is answered 502', async () => {
  resolve = async () => found('127.0.0.8', '127.0.0.9');
  expect(await say(tunnel(`localhost:${port()}`))).toMatch(/^HTTP\/1\.1 502 /);
});

test.each([
  ['another host', () => 'evil.example:443'],
  ['another port', () => 'rpc.example:22'],
  ['no port', () => 'rpc.example'],
  ['a trailing dot', () => 'rpc.example.:443'],
  ['other case', () => 'RPC.example:443'],
  ['credentials', () => 'rpc.example:443@evil.example:443'],
  ['the address in decimal', () => `2130706433:${allowed.split(':')[1]}`],
  ['the short address', () => `127.1:${allowed.split(':')[1]}`],
  ['the mapped address', () => `[::ffff:127.0.0.1]:${allowed.split(':')[1]}`],
  ['the metadata service', () => '169.254.169.254:80'],
  ['a property of every object', () => '__proto__'],
])('CONNECT with %s is refused', async (_name, authority) => {
  expect(await say(tunnel(authority()))).toMatch(/^HTTP\/1\.1 (403|400) /);
});

test.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '100.64.0.1', '0.0.0.0', '224.0.0.1'])(
  'an allowed name that resolves to %s is refused',
  async (address) => {
    resolve = async () => [{ address, family: 4 }];
    expect(await say(tunnel('rpc.example:443'))).toMatch(/^HTTP\/1\.1 403 /);
  },
);

test.each([
  '::1',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fd00::1',
  'fec0::1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::1',
  '2001::1',
])('an allowed name that resolves to %s is refused', async (address) => {
  resolve = async () => [{ address, family: 6 }];
  expect(await say(tunnel('rpc.example:443'))).toMatch(/^HTTP\/1\.1 403 /);
});

test('a client that leaves before its target answers takes the connection with it', async () => {
  const dialled = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  resolve = async () => {
    dialled.resolve();
    await answer.promise;
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const client = connect((proxy.address() as AddressInfo).port, '127.0.0.1');
  const left = once(proxy, 'connection').then(([socket]) => closing(socket));
  client.write(tunnel(`localhost:${allowed.split(':')[1]}`));
  await dialled.promise;
  client.resetAndDestroy();
  await left;
  const reached = once(target, 'connection');
  answer.resolve();
  const [socket] = await reached;
  if (!socket.closed) await closing(socket);
});

test.each(['203.0.113.1', '8.8.8.8', '2606:4700::1'])(
  'an allowed name that resolves to %s is dialled',
  async (address) => {
    resolve = async () => found(address);
    // Nobody listens there on such a port, or nothing leads there: either way it was not refused.
    expect(await say(tunnel(`rpc.example:${port()}`))).toMatch(/^HTTP\/1\.1 502 /);
  },
);

test('a name that does not resolve is answered 502', async () => {
  resolve = () => Promise.reject(new Error('ENOTFOUND'));
  expect(await say(tunnel('rpc.example:443'))).toMatch(/^HTTP\/1\.1 502 /);
});

test.each([
  ['an ordinary request', get, /^HTTP\/1\.1 405 /],
  [
    'a request for a URL',
    'GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 405 /,
  ],
  [
    'oversized headers',
    `CONNECT a:1 HTTP/1.1\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`,
    /^(HTTP\/1\.1 431 |reset)/,
  ],
  ['no HTTP at all', '\x16\x03\x01\x00\x00', /^(HTTP\/1\.1 400 |reset)/],
])('%s is turned down', async (_name, bytes, answer) => {
  expect(await say(bytes)).toMatch(answer);
});
