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
const perAddress = { connections: 4_096, perSecond: 4_096 };
const limits = { idleMs: 60_000, lingerMs: 200, maxConnections: 4_096, perAddress, firstByteMs: 60_000 };
let path: string;
let dir: string;
let guest: HybridGuest;
const servers: RelayServer[] = [];
const afterwards: Socket[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'relay-'));
  path = join(dir, 'v');
  guest = await HybridGuest.open(path);
});

afterEach(async () => {
  for (const socket of afterwards.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.drain(0);
  guest.close();
  await rm(dir, { recursive: true });
});

async function startRelay(
  options: Partial<typeof limits> = {},
  metrics = new Metrics(),
): Promise<RelayServer> {
  const where = { host: '127.0.0.1', port: 0, vsockPort: 6443 };
  const server = await RelayServer.listen(
    new HybridHost(path),
    { ...where, ...limits, ...options },
    metrics,
    silent,
  );
  servers.push(server);
  return server;
}

async function dial(server: RelayServer, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, localAddress, allowHalfOpen: true });
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

/** How a connection ends: `end`, or the code of its error. */
async function endOf(socket: Socket): Promise<string> {
  try {
    await once(socket.resume(), 'end');
    return 'end';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  } finally {
    socket.destroy();
  }
}

/** Whether a client from an address is answered by the echo; the connection stays open. */
async function isServed(server: RelayServer, from: string): Promise<boolean> {
  try {
    const socket = await dial(server, from);
    afterwards.push(socket);
    socket.on('error', () => undefined).write('x');
    await receive(socket, 1);
    return true;
  } catch {
    return false; // reset
  }
}

/** Writes a byte every 50 ms, so many of them, and closes. */
async function drip(socket: Socket, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    socket.write('x');
    await delay(50);
  }
  socket.end();
}

/** How many connections were refused, by reason. */
async function refusals(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.relayRefused.get();
  return Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value]));
}

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

test('a silent connection is reset after the idle time', async () => {
  await guest.listen(6443, echo);
  const socket = await dial(await startRelay({ idleMs: 100 }));
  await expect(endOf(socket)).resolves.toBe('ECONNRESET');
});

test('what flows when the client has said its last word comes whole, however long it takes', async () => {
  await guest.listen(6443, (socket) => void ignore(socket).once('data', () => drip(socket, 12)));
  const socket = await dial(await startRelay());
  socket.end('?');
  expect(String(await receive(socket, 12))).toBe('x'.repeat(12)); // in three times the linger time
  await once(socket, 'end');
});

test('a client that has said its last word is reset, not closed, when the answer stops in between', async () => {
  await guest.listen(6443, (socket) => void ignore(socket).once('data', () => socket.write('half')));
  const socket = await dial(await startRelay());
  socket.end('?');
  expect(String(await receive(socket, 4))).toBe('half');
  await expect(endOf(socket)).resolves.toBe('ECONNRESET');
});

test('a client that reads late gets all of an answer that the enclave finished', async () => {
  await guest.listen(6443, (socket) => void ignore(socket).end(Buffer.alloc(MIB / 4, 'x')));
  const socket = (await dial(await startRelay())).pause();
  await delay(1_000); // five times the linger time
  expect(await receive(socket, MIB / 4)).toHaveLength(MIB / 4);
  await expect(endOf(socket)).resolves.toBe('end');
});

test('a client that says nothing at first is reset, and one that has spoken may be silent', async () => {
  await guest.listen(6443, echo);
  const metrics = new Metrics();
  const server = await startRelay({ firstByteMs: 300 }, metrics);
  const [quiet, polite] = [await dial(server), await dial(server)];
  polite.write('hello');
  await receive(polite, 5);
  await expect(endOf(quiet)).resolves.toBe('ECONNRESET');
  expect(await refusals(metrics)).toEqual({ silent: 1 });
  polite.write('still here');
  expect(String(await receive(polite, 10))).toBe('still here');
  polite.destroy();
});

test('one address cannot take the connections of the others', async () => {
  await guest.listen(6443, echo);
  const metrics = new Metrics();
  const server = await startRelay({ perAddress: { connections: 2, perSecond: 100 } }, metrics);
  const greedy = await Promise.all(Array.from({ length: 10 }, () => isServed(server, '127.0.0.2')));
  expect(greedy.filter(Boolean)).toHaveLength(2);
  expect(await Promise.all(['127.0.0.3', '127.0.0.4'].map((from) => isServed(server, from)))).toEqual([
    true,
    true,
  ]);
  expect(await refusals(metrics)).toEqual({ address: 8 });
});

test('one address that connects again and again is slowed down alone', async () => {
  await guest.listen(6443, echo);
  const metrics = new Metrics();
  const server = await startRelay({ perAddress: { connections: 100, perSecond: 1 } }, metrics);
  const hasty = [];
  for (let i = 0; i < 8; i += 1) hasty.push(await isServed(server, '127.0.0.2'));
  expect(hasty.slice(0, 4)).toEqual([true, true, true, true]);
  expect(hasty).toContain(false);
  expect(await isServed(server, '127.0.0.3')).toBe(true);
  expect(Object.keys(await refusals(metrics))).toEqual(['rate']);
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
