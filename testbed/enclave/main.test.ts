import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpHandler } from '@daasvader/vsock/http.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ID = `0x${'1'.repeat(64)}`;
const CONFIGURATION = {
  cluster: {
    network: 'test',
    rpcUrl: 'http://127.0.0.1:1',
    chainId: 'chain',
    ...{ packageId: ID, originalPackageId: ID, registryId: ID },
    ...{ workersId: ID, stakingId: ID, schedulerId: ID, imagesId: ID },
  },
  tee: { type: 'SOFTWARE' },
  sui: { rpc_endpoint: 'http://127.0.0.1:1', event_filter: '' },
  k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '10.43.0.0/16' },
  api: { port: 6443, external_names: ['localhost'], external_url: 'https://localhost:6443' },
};
/** Stands where k3s does and never becomes ready. */
const K3S = `#!/bin/sh
echo $$ >"$(dirname "$0")/k3s.started"
trap 'kill $!; exit 0' TERM
sleep 1000 & wait
`;

let dir: string;
let host: HybridHost;
let enclave: ChildProcess;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'enclave-main-'));
  await writeFile(join(dir, 'k3s'), K3S, { mode: 0o755 });
  host = new HybridHost(join(dir, 'v'));
});

afterEach(async () => {
  enclave.kill('SIGKILL');
  host.close();
  await rm(dir, { recursive: true, force: true });
});

function start(): void {
  const args = ['--dev', '--state-dir', join(dir, 'state'), '--vsock', join(dir, 'v')];
  enclave = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DAAS_K3S: join(dir, 'k3s') },
  });
}

/** Sends SIGTERM and gives the exit code and signal, once it has ended. */
async function terminate(): Promise<unknown[]> {
  const ended = once(enclave, 'exit', { signal: AbortSignal.timeout(5_000) });
  enclave.kill('SIGTERM');
  return ended;
}

test('SIGTERM ends an enclave whose host accepts and says nothing', async () => {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  await host.listen(HOST_PORT.pulse, (socket) => {
    socket.on('error', () => socket.destroy()).resume();
    resolve();
  });
  start();
  await reached;
  expect(await terminate()).toEqual([0, null]);
});

test('SIGTERM ends an enclave that waits for Kubernetes, and Kubernetes with it', async () => {
  await host.listen(
    HOST_PORT.pulse,
    (socket) => void socket.on('error', () => socket.destroy()).pipe(socket),
  );
  const server = createServer((_request, response) => void response.end(JSON.stringify(CONFIGURATION)));
  await host.listen(HOST_PORT.configuration, httpHandler(server));
  start();
  const pid = await expect
    .poll(() => readFile(join(dir, 'k3s.started'), 'utf8').catch(() => ''), { timeout: 30_000 })
    .not.toBe('')
    .then(() => readFile(join(dir, 'k3s.started'), 'utf8'));
  expect(await terminate()).toEqual([0, null]);
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});
