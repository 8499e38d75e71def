import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { serviceFetch } from '@daasvader/vsock/fetch.ts';
import { HOST_ROUTE } from '@daasvader/vsock/host-routes.ts';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';

const id = (digit: string) => `0x${digit.repeat(64)}`;
let dir: string;
let children: ChildProcess[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'proxy-'));
  children = [];
  const [rpcUrl, chainId, network] = ['http://127.0.0.1:9', 'chain', 'localnet'];
  const ids = {
    packageId: id('1'),
    originalPackageId: id('1'),
    registryId: id('2'),
    workersId: id('3'),
    stakingId: id('4'),
    schedulerId: id('5'),
    imagesId: id('6'),
  };
  await writeFile(join(dir, 'cluster.json'), JSON.stringify({ network, rpcUrl, chainId, ...ids }));
  await writeFile(join(dir, 'host.key'), new Ed25519Keypair().getSecretKey(), { mode: 0o600 });
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

async function run(port = 0, host: object = {}): Promise<ChildProcess> {
  const config = {
    tee: { type: 'SOFTWARE' },
    sui: { rpc_endpoint: 'http://127.0.0.1:9' },
    k3s: {},
    api: { port, enclave_port: 0, listen: '127.0.0.1', external_names: ['localhost'] },
    host: {
      deployment: 'cluster.json',
      key_file: 'host.key',
      state_dir: 'state',
      vsock: 'v',
      metrics_port: 0,
      drain_seconds: 1,
      ...host,
    },
  };
  await writeFile(join(dir, 'nautilus-config.yaml'), stringify(config));
  const arguments_ = [
    join(import.meta.dirname, 'main.ts'),
    'run',
    '--config',
    join(dir, 'nautilus-config.yaml'),
  ];
  const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function ready(child: ChildProcess): Promise<void> {
  for await (const line of createInterface(child.stdout!)) {
    if (line.includes('"ready"')) return;
  }
  throw new Error('it ended before it was ready');
}

test('events survive kill -9 of the process, and a new one takes its place', async () => {
  const guest = await HybridGuest.open(join(dir, 'v'));
  const first = await run();
  await ready(first);
  const client = serviceFetch(guest, HOST_PORT.services);
  const body = JSON.stringify({ log: id('3'), events: [{ seq: 1, type: '0x1::m::E', bcs: 'AQID' }] });
  expect((await client.fetch(`http://host${HOST_ROUTE.events}`, { method: 'POST', body })).status).toBe(200);
  first.kill('SIGKILL');
  await once(first, 'exit');
  await client.close();

  await ready(await run());
  const again = serviceFetch(guest, HOST_PORT.services);
  expect(await (await again.fetch(`http://host${HOST_ROUTE.events}?log=${id('3')}`)).json()).toMatchObject({
    next: 2,
    events: [{ seq: 1 }],
  });
  const foreign = await again.fetch(`http://host${HOST_ROUTE.events}?log=${id('9')}`);
  expect(foreign.status).toBe(403);
  await again.close();
  guest.close();
});

test('a second one on the same folder ends without touching what the first is writing', async () => {
  await ready(await run());
  const log = join(dir, 'state', 'events', `${id('3')}.ndjson`);
  await writeFile(log, '{"seq":1,');
  const second = await run(0, { vsock: 'w' });
  const [message, [code]] = await Promise.all([text(second.stderr!), once(second, 'exit')]);
  expect([code, message]).toEqual([1, expect.stringContaining('[in-use]')]);
  expect(await readFile(log, 'utf8')).toBe('{"seq":1,');
});

test.each([[['run']], [['walk']], [['run', '--config']], [['run', '--config', 'x', 'stray']]])(
  'wrong usage %j exits with 2',
  async (args) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
    children.push(child);
    const [message, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect([code, message]).toEqual([2, expect.stringContaining('error:')]);
  },
);

test('the peer that floods a port is cut off at the limit, and others are served', async () => {
  const guest = await HybridGuest.open(join(dir, 'v'));
  await ready(await run());
  const flood = await Promise.all(Array.from({ length: 100 }, () => guest.connect(HOST_PORT.services)));
  await Promise.all(flood.slice(64).map((socket) => once(socket.resume(), 'end')));
  const configuration = serviceFetch(guest, HOST_PORT.configuration);
  expect((await configuration.fetch(`http://host${HOST_ROUTE.configuration}`)).status).toBe(200);
  await configuration.close();
  for (const socket of flood) socket.destroy();
  guest.close();
});

test('collect-fees has the host proxy that runs collect, and says what it could not', async () => {
  await ready(await run());
  const config = join(dir, 'nautilus-config.yaml');
  const command = [join(import.meta.dirname, 'main.ts'), 'collect-fees', '--config', config, '--json'];
  const child = spawn(process.execPath, command);
  children.push(child);
  const [message, json, [code]] = await Promise.all([
    text(child.stderr),
    text(child.stdout),
    once(child, 'exit'),
  ]);
  expect([code, message]).toEqual([1, expect.stringMatching(/Cannot .*: .*\[request\]/)]);
  expect(JSON.parse(json)).toMatchObject({ ok: false, code: 'request' });
});

test('SIGTERM drains and exits with 0', async () => {
  const child = await run();
  await ready(child);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a taken port ends it with a message that names the port', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const child = await run(port);
  const [message, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect([code, message]).toEqual([1, expect.stringContaining(`Cannot listen on 127.0.0.1:${port}`)]);
  other.close();
});

test('a key that others may read ends it with a message that says what to do', async () => {
  await writeFile(join(dir, 'open.key'), new Ed25519Keypair().getSecretKey(), { mode: 0o644 });
  const child = await run(0, { key_file: 'open.key' });
  const [message, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect([code, message]).toEqual([1, expect.stringContaining('chmod 600')]);
});
