import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { RelayServer } from './relay-server.ts';

const MIB = 1 << 20;
const silent = pino({ level: 'silent' });
const limits = { idleMs: 60_000, lingerMs: 200, maxConnections: 4_096 };
let path: string;
let dir: string;
let guest: HybridGuest;
const servers: RelayServer[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'relay-'));
  path = join(dir, 'v');
  guest = await HybridGuest.open(path);
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.drain(0);
  guest.close();
  await rm(dir, { recursive: true });
});

async function startRelay(options: Partial<typeof limits> = {}): Promise<RelayServer> {
  const where = { host: '127.0.0.1', port: 0, vsockPort: 6443 };
  const server = await RelayServer.listen(
    new HybridHost(path),
    { ...where, ...limits, ...options },
    new Metrics(),
    silent,
  );
  servers.push(server);
  return server;
}

async function dial(server: RelayServer): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

function receive(socket: Socket, length: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const parts: Buffer[] = [];
  let received = 0;
  const onData = (part: Buffer) => {
    parts.push(part);
    received += part.length;
    if (received < length) return;
    socket.off('data', onData).off('error', reject);
    resolve(Buffer.concat(parts));
  };
  socket.on('data', onData).on('error', reject).resume();
  return promise;
}

const ignore = (socket: Socket) => socket.on('error', () => socket.destroy());
const echo: ConnectionHandler = (socket) => void ignore(socket).pipe(socket);

test('large transfers cross whole in both directions at once', async () => {
  await guest.listen(6443, echo);
  const socket = await dial(await startRelay());
  const sent = randomBytes(32 * MIB);
  socket.write(sent);
  expect((await receive(socket, sent.length)).equals(sent)).toBe(true);
  socket.destroy();
});

test('a slow reader makes the sender wait instead of filling memory', async () => {
  let written = 0;
  await guest.listen(6443, (socket) => {
    ignore(socket);
    const chunk = Buffer.alloc(MIB);
    const fill = () => {
      while (socket.write(chunk, () => (written += chunk.length)) && !socket.destroyed);
    };
    socket.on('drain', fill);
    fill();
  });
  const socket = (await dial(await startRelay())).pause();
  await delay(500);
  // What the kernel and the streams hold, not what the sender could send.
  expect(written).toBeLessThan(32 * MIB);
  const before = written;
  await receive(socket, 64 * MIB);
  expect(written).toBeGreaterThan(before);
  socket.destroy();
});

test('two thousand connections at once are all carried', async () => {
  await guest.listen(6443, echo);
  const server = await startRelay();
  const sockets = await Promise.all(Array.from({ length: 2_000 }, () => dial(server)));
  const answers = await Promise.all(
    sockets.map(async (socket, i) => {
      const message = `connection ${i}`;
      socket.write(message);
      return String(await receive(socket, message.length)) === message;
    }),
  );
  expect(answers.every(Boolean)).toBe(true);
  for (const socket of sockets) socket.destroy();
});

test('a connection over the limit is reset', async () => {
  await guest.listen(6443, echo);
  const server = await startRelay({ maxConnections: 1 });
  const first = await dial(server);
  first.write('x');
  await receive(first, 1);
  const [error] = await once(connect({ host: '127.0.0.1', port: server.port }).resume(), 'error');
  expect(error.code).toBe('ECONNRESET');
  first.destroy();
});

test('a client that resets ends the connection inside the enclave', async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  await guest.listen(6443, (socket) => resolve(ignore(socket)));
  const client = await dial(await startRelay());
  const inside = await accepted;
  client.resetAndDestroy();
  await once(inside.resume(), 'end');
});

test('an enclave that closes ends the client, with everything it had sent', async () => {
  await guest.listen(6443, (socket) => void ignore(socket).end('bye'));
  const client = await dial(await startRelay());
  expect(String(await receive(client, 3))).toBe('bye');
  await once(client, 'end');
  client.destroy();
});

test('a client is reset when the enclave is down, and served when it is back', async () => {
  guest.close();
  const server = await startRelay();
  const [error] = await once(connect({ host: '127.0.0.1', port: server.port }).resume(), 'error');
  expect(error.code).toBe('ECONNRESET');

  guest = await HybridGuest.open(path);
  await guest.listen(6443, echo);
  const socket = await dial(server);
  socket.write('back');
  expect(String(await receive(socket, 4))).toBe('back');
  socket.destroy();
});

test('a silent connection is closed after the idle time', async () => {
  await guest.listen(6443, echo);
  const socket = await dial(await startRelay({ idleMs: 100 }));
  await once(socket.resume(), 'end');
  socket.destroy();
});

test('drain() lets a connection finish and then accepts nobody', async () => {
  await guest.listen(6443, echo);
  const server = await startRelay();
  const socket = await dial(server);
  const { port } = server;
  const drained = server.drain(5_000);
  socket.write('last');
  expect(String(await receive(socket, 4))).toBe('last');
  socket.end();
  await drained;
  const [error] = await once(connect({ host: '127.0.0.1', port }), 'error');
  expect(error.code).toBe('ECONNREFUSED');
  servers.splice(0);
});

test('a taken port is an error that names it', async () => {
  const { port } = await startRelay();
  const options = { host: '127.0.0.1', port, vsockPort: 6443, ...limits };
  const second = RelayServer.listen(new HybridHost(path), options, new Metrics(), silent);
  await expect(second).rejects.toMatchObject({
    code: 'port-taken',
    message: expect.stringContaining(String(port)),
  });
});
