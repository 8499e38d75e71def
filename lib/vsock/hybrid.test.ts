import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HybridGuest } from './hybrid-guest.ts';
import { HybridHost } from './hybrid-host.ts';
import type { Vsock } from './vsock.ts';

const MIB = 1 << 20;
let dir: string;
let path: string;
let guest: HybridGuest;
let host: HybridHost;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vsock-'));
  path = join(dir, 'v');
  guest = await HybridGuest.open(path);
  host = new HybridHost(path);
});

afterEach(async () => {
  guest.close();
  host.close();
  await rm(dir, { recursive: true });
});

/** Echoes without waiting for the end of anything. */
const echo = (socket: Socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
};

async function exchange(socket: Socket, sent: Buffer): Promise<Buffer> {
  socket.write(sent);
  const parts: Buffer[] = [];
  for (let received = 0; received < sent.length; ) {
    const [part] = (await once(socket, 'data')) as [Buffer];
    parts.push(part);
    received += part.length;
  }
  socket.destroy();
  return Buffer.concat(parts);
}

test.each<[string, () => [Vsock, Vsock]]>([
  ['guest', () => [host, guest]],
  ['host', () => [guest, host]],
])('the %s echoes what the other side sends', async (_name, sides) => {
  const [from, to] = sides();
  await to.listen(8443, echo);
  const sent = Buffer.alloc(8 * MIB, 'vsock');
  const received = await exchange(await from.connect(8443), sent);
  expect(received.equals(sent)).toBe(true);
});

test('connect() reaches the listener of its own port', async () => {
  for (const port of [1, 6443, 0xffff_fffe]) {
    await guest.listen(port, (socket) => void socket.end(`port ${port}`));
  }
  for (const port of [1, 6443, 0xffff_fffe]) {
    expect(String(await buffer(await host.connect(port)))).toBe(`port ${port}`);
  }
});

test('the guest loses no byte sent in the same packet as the handshake line', async () => {
  await guest.listen(7, echo);
  const socket = connect(path);
  socket.write('CONNECT 7\nhello');
  let answer = '';
  for await (const part of socket) {
    answer += part;
    if (answer === 'OK 7\nhello') break;
  }
  expect(answer).toBe('OK 7\nhello');
});

test('the host loses no byte sent in the same packet as the answer', async () => {
  const other = join(dir, 'other');
  const device = createServer((socket) => void socket.end('OK 1073741824\nhello')).listen(other);
  await once(device, 'listening');
  expect(String(await buffer(await new HybridHost(other).connect(7)))).toBe('hello');
  device.close();
});

test('an HTTP server of the guest answers over the connection', async () => {
  const server = createHttpServer((request, response) => void response.end(request.url));
  await guest.listen(80, (socket) => void server.emit('connection', socket));
  const socket = await host.connect(80);
  socket.write('GET /over/vsock HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n\r\n');
  expect(String(await buffer(socket))).toContain('/over/vsock');
});

test('a writer that nobody reads is told to wait', async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  await guest.listen(7, resolve);
  const socket = await host.connect(7);
  const reader = await accepted;
  let sent = 0;
  while (socket.write(Buffer.alloc(64 * 1024))) {
    sent += 64 * 1024;
    await new Promise(setImmediate);
    if (sent > 16 * MIB) break;
  }
  expect(sent).toBeLessThan(4 * MIB);
  expect(reader.readableLength).toBeLessThan(MIB);
  socket.destroy();
  reader.destroy();
});

test('three thousand connections at once are all served', async () => {
  await guest.listen(7, echo);
  const answers = await Promise.all(
    Array.from({ length: 3_000 }, async (_, i) => exchange(await host.connect(7), Buffer.from(`n${i}`))),
  );
  expect(answers.map(String)).toEqual(Array.from({ length: 3_000 }, (_, i) => `n${i}`));
});

test('a device that accepts more slowly than others connect is waited for', async () => {
  const other = join(dir, 'slow');
  const slow = createServer((socket) => void socket.end('OK 1\n')).listen({ path: other, backlog: 1 });
  await once(slow, 'listening');
  const sockets = await Promise.all(Array.from({ length: 100 }, () => new HybridHost(other).connect(7)));
  expect(sockets).toHaveLength(100);
  for (const socket of sockets) socket.destroy();
  slow.close();
});

test.each([
  ['a guest that is not there', () => new HybridHost(join(dir, 'none')).connect(7), 'refused'],
  ['a guest without a listener on that port', () => host.connect(9999), 'refused'],
  ['a host without a listener on that port', () => guest.connect(9999), 'refused'],
  ['a negative port', () => host.connect(-1), 'port'],
  ['port ANY', () => guest.connect(0xffff_ffff), 'port'],
  ['a path longer than sun_path', () => new HybridHost(`/tmp/${'x'.repeat(120)}`).connect(7), 'path'],
  ['an attempt called off before', () => host.connect(7, { signal: AbortSignal.abort() }), 'aborted'],
])('connect() refuses %s', async (_name, attempt, code) => {
  await expect(attempt()).rejects.toMatchObject({ name: 'VsockError', code });
});

test('connect() gives up on a peer that never answers, by time or by signal', async () => {
  const other = join(dir, 'silent');
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket)).listen(other);
  await once(silent, 'listening');
  const attempt = (options: object) => new HybridHost(other).connect(7, options);
  await expect(attempt({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
  await expect(attempt({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: 'aborted' });
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test.each(['HTTP/1.1 200 OK\n', 'OK \n', 'OK 1 2\n', 'x'.repeat(1000)])(
  'connect() refuses the answer %j',
  async (answer) => {
    const other = join(dir, 'liar');
    const liar = createServer((socket) => void socket.on('error', () => {}).end(answer)).listen(other);
    await once(liar, 'listening');
    await expect(new HybridHost(other).connect(7)).rejects.toMatchObject({ code: 'protocol' });
    liar.close();
  },
);

test.each([
  'GET / HTTP/1.1\r\n\r\n',
  'CONNECT x\n',
  'CONNECT 7 \n',
  'CONNECT -7\n',
  'connect 7\n',
  'y'.repeat(1000),
])('the guest cuts off a peer that says %j', async (line) => {
  await guest.listen(7, echo);
  const socket = connect(path).on('error', () => {});
  socket.write(line);
  expect(String(await buffer(socket).catch(() => ''))).toBe('');
  expect(await exchange(await host.connect(7), Buffer.from('still there'))).toEqual(
    Buffer.from('still there'),
  );
});

test('the guest cuts off a peer that says nothing', { timeout: 5000 }, async () => {
  const socket = connect(path);
  await once(socket.resume(), 'close');
});

test('a closed listener refuses, its connections go on', async () => {
  const listener = await guest.listen(7, echo);
  const socket = await host.connect(7);
  listener.close();
  await expect(host.connect(7)).rejects.toMatchObject({ code: 'refused' });
  expect(String(await exchange(socket, Buffer.from('on')))).toBe('on');
});

test('listen() takes over the socket file of a process that died, not of one that lives', async () => {
  const child = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  const { spawn } = await import('node:child_process');
  await once(spawn(process.execPath, ['-e', child, `${path}_9000`]), 'exit');
  expect(existsSync(`${path}_9000`)).toBe(true);

  await host.listen(9000, echo);
  expect(String(await exchange(await guest.connect(9000), Buffer.from('new')))).toBe('new');
  await expect(new HybridHost(path).listen(9000, echo)).rejects.toMatchObject({ code: 'in-use' });
  await expect(HybridGuest.open(path)).rejects.toMatchObject({ code: 'in-use' });
});

test('listen() refuses a path that holds something other than a socket', async () => {
  await writeFile(`${path}_9000`, 'precious');
  await expect(host.listen(9000, echo)).rejects.toMatchObject({ code: 'path' });
  expect(existsSync(`${path}_9000`)).toBe(true);
});

test('close() removes the socket files', async () => {
  await host.listen(9000, echo);
  host.close();
  guest.close();
  expect([existsSync(path), existsSync(`${path}_9000`)]).toEqual([false, false]);
});
