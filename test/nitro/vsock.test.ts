import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Machine } from '@daasvader/testbed/nitro/machine.ts';
import { loadRoot } from '@daasvader/testbed/nitro/pki.ts';
import { buildPrograms } from '@daasvader/testbed/nitro/programs.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildVariant } from './support/variant.ts';

// lib/vsock as the enclave has it: AF_VSOCK in a guest, on the kernel and the Node of the image.

const CONTROL_PORT = 5000;
const ECHO_PORT = 5001;
const FIRST_PORT = 6000;
const MIB = 1 << 20;
/** PID 1 of the variant. */
const INIT = "#!/usr/bin/node\nimport '../../test/nitro/guest/vsock-peer.ts';\n";

let directory: string;
let machine: Machine;
let host: HybridHost;
let lines: AsyncIterator<string>;
let control: Socket;
let console = '';
let nextPort = FIRST_PORT;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-vsock-'));
  const { file: image } = await buildVariant(join(directory, 'peer'), { 'enclave/init/main.ts': () => INIT });
  const [programs, root] = [await buildPrograms(), await loadRoot(directory, Date.now())];
  const vsock = join(directory, 'vsock');
  host = new HybridHost(vsock);
  const { promise: connected, resolve } = Promise.withResolvers<Socket>();
  await host.listen(CONTROL_PORT, resolve);
  const onConsole = (bytes: Buffer) => {
    console += bytes;
  };
  machine = await Machine.boot({ programs, image, root, vsock, memoryMib: 1024, cpus: 2, cid: 4, onConsole });
  const died = machine.exited.then(({ reason }) => {
    throw new Error(`${reason}\n${console}`);
  });
  control = await Promise.race([connected, died]);
  died.catch(() => {});
  lines = createInterface({ input: control })[Symbol.asyncIterator]();
});

afterAll(async () => {
  await machine?.stop();
  host?.close();
  await rm(directory, { recursive: true });
});

/** Has the guest do something, and gives what came of it. */
// biome-ignore lint/suspicious/noExplicitAny: each task has an outcome of another form
async function guest(task: string, options: object): Promise<any> {
  control.write(`${JSON.stringify({ task, ...options })}\n`);
  return JSON.parse((await lines.next()).value);
}

/** Listens on a port that no test has used. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const port = nextPort++;
  await host.listen(port, (socket) => onConnection(socket.on('error', () => socket.destroy())));
  return port;
}

async function hashOf(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  let read = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk);
    read += chunk.length;
    if (read >= bytes) break;
  }
  expect(read).toBe(bytes);
  return hash.digest('hex');
}

test('a write of 32 MiB arrives whole at the host', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const port = await listen(async (socket) => {
    resolve(await hashOf(socket, 32 * MIB));
    socket.write('.');
  });
  const { sha256 } = await guest('send', { port, bytes: 32 * MIB });
  expect(await promise).toBe(sha256);
});

test('a write of 32 MiB arrives whole in the guest', async () => {
  const data = randomBytes(32 * MIB);
  const port = await listen((socket) => void socket.write(data));
  const sha256 = createHash('sha256').update(data).digest('hex');
  expect(await guest('receive', { port, bytes: data.length })).toEqual({ read: data.length, sha256 });
});

test('a guest whose host does not read waits, and goes on when it does', async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const port = await listen((socket) => resolve(socket.pause()));
  const pressed = guest('press', { port });
  const socket = await promise;
  setTimeout(() => socket.resume(), 3_000);
  expect((await pressed).taken).toBeLessThan(8 * MIB);
});

test('500 connections at once are all served, from either side', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  expect(await guest('crowd', { port, count: 500 })).toEqual({ answered: 500 });
  const echoed = Array.from({ length: 500 }, async (_, index) => {
    const socket = await host.connect(ECHO_PORT);
    socket.write(`${index}`);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    return `${answer}` === `${index}`;
  });
  expect((await Promise.all(echoed)).filter(Boolean)).toHaveLength(500);
});

test('a connection that the host cuts fails in the guest, and the next one works', async () => {
  const port = await listen((socket) => socket.once('data', () => socket.destroy()));
  expect(await guest('write', { port })).toEqual({ error: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) });
  expect(await guest('dial', { port })).not.toHaveProperty('code');
});

// vhost-device-vsock says nothing about a port where nobody listens, so to the guest that is silence too.
test.each([
  ['port', 2],
  ['CID', 3],
])('a %s of which nothing is heard is a clear error, in time', async (_, cid) => {
  const { code, message } = await guest('dial', { cid, port: nextPort });
  expect({ code, message }).toEqual({
    code: 'timeout',
    message: `Cannot connect to vsock port ${nextPort} of CID ${cid}: ETIMEDOUT`,
  });
});
