import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { TestControlPlane } from '@daasvader/testbed/cluster/test-control-plane.ts';
import type { Cluster } from '@daasvader/verifier/cluster.ts';
import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readConfig } from './config.ts';
import { Daemon } from './daemon.ts';
import { Identity } from './identity.ts';
import { AgentState } from './state.ts';

/** Long enough for a loaded machine; a passing test never waits for it. */
const PATIENCE = { timeout: 25_000, interval: 20 };

// Stands where k3s does: what matters here is whether, when and with what it is started and stopped.
const CHILD = `#!/bin/sh
echo "started $*" >>"$(dirname "$0")/child.log"
trap 'echo stopped >>"$(dirname "$0")/child.log"; kill $!; exit 0' TERM
sleep 1000 & wait
`;

let controlPlane: TestControlPlane;
let cluster: Cluster;
let directory: string;
let address: string;
let state: AgentState;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  controlPlane = await TestControlPlane.start();
  cluster = controlPlane.cluster;
  directory = await mkdtemp(join(tmpdir(), 'worker-daemon-'));
  await writeFile(join(directory, 'k3s'), CHILD, { mode: 0o755 });
  address = '127.0.0.1';
  stop = new AbortController();
});

afterEach(async () => {
  vi.restoreAllMocks();
  stop.abort();
  await running;
  await controlPlane.close();
  await rm(directory, { recursive: true, force: true });
});

async function startDaemon(interval = '3600'): Promise<void> {
  const config = await readConfig(undefined, {
    SUI_RPC_URL: 'http://127.0.0.1:1',
    CONTRACT_PACKAGE_ID: cluster.packageId,
    WORKER_REGISTRY_ID: `0x${'dd'.repeat(32)}`,
    MASTER_URL: 'https://127.0.0.1:6443',
    API_URL: controlPlane.url,
    NODE_ID: 'worker-1',
    DATA_DIR: directory,
    DAAS_K3S: join(directory, 'k3s'),
    ATTESTATION_INTERVAL: interval,
  });
  state = new AgentState('worker-1', 'given');
  const chain = { readCluster: async () => cluster, readWorker: async () => undefined };
  const daemon = new Daemon({
    config,
    address: async () => address,
    root: controlPlane.rootPem,
    sealKey: await generateSealKey(),
    identity: Identity.of(randomBytes(32), directory),
    chain,
    state,
    log: pino({ level: 'silent' }),
    report: () => undefined,
    roundMs: 30,
  });
  running = daemon.run(stop.signal, AbortSignal.abort());
}

const reaches = (phase: string) => vi.waitFor(() => expect(state.status.phase).toBe(phase), PATIENCE);
const childLog = () => readFile(join(directory, 'child.log'), 'utf8').catch(() => '');

test('verifies, joins, starts k3s with the bootstrap credential, and stops it at the end', async () => {
  await startDaemon();
  await reaches('running');
  await vi.waitFor(async () => expect(await childLog()).toContain('--bootstrap-kubeconfig'), PATIENCE);
  expect(await childLog()).toContain('--cluster-cidr 10.112.0.0/12 --service-cidr 10.43.0.0/16');
  expect(controlPlane.requests.slice(0, 3)).toEqual([
    '/api/v1/attestation',
    '/api/v1/join-counter',
    '/api/v1/register-worker',
  ]);
  stop.abort();
  await running;
  expect(state.status.phase).toBe('stopped');
  expect(await childLog()).toMatch(/stopped\n$/);
});

test('starts nothing while a check fails, says which one, and starts once it passes', async () => {
  controlPlane.lies = { document: { nonce: new Uint8Array(32) } };
  await startDaemon();
  await reaches('refused');
  expect(state.status.problem).toMatch(/^nonce: /);
  expect(controlPlane.requests).not.toContain('/api/v1/register-worker');
  expect(existsSync(join(directory, 'child.log'))).toBe(false);
  controlPlane.lies = {};
  await reaches('running');
});

test('a CA that is not the bound one starts nothing', async () => {
  const another = await TestControlPlane.start();
  controlPlane.lies = { ca: another.rootPem };
  await startDaemon();
  await reaches('refused');
  expect(state.status.problem).toMatch(/^ca: /);
  expect(existsSync(join(directory, 'child.log'))).toBe(false);
  await another.close();
});

test('stops k3s when the periodic attestation fails a check', async () => {
  await startDaemon('0.05');
  await reaches('running');
  cluster = { ...cluster, measurements: [] };
  await reaches('refused');
  expect(state.status.problem).toMatch(/^measurement: /);
  await vi.waitFor(async () => expect(await childLog()).toMatch(/stopped\n$/), PATIENCE);
});

test.each([
  ['behind, as it seems', () => ({ timestamp: Date.now() + 61_000 }), 'behind the document'],
  ['hours behind, as it seems', () => ({ timestamp: Date.now() + 7_200_000 }), 'at least as far behind'],
  ['ahead, as it seems', () => ({ timestamp: Date.now() - 301_000 }), 'ahead of the document'],
])('leaves k3s running while the clock of this machine is %s, and starts none', async (_, document, why) => {
  await startDaemon('0.05');
  await reaches('running');
  controlPlane.lies = { document: document() };
  await vi.waitFor(() => expect(state.status.problem).toContain(why), PATIENCE);
  expect(state.status.phase).toBe('running');
  expect(await childLog()).not.toContain('stopped');
  controlPlane.lies = {};
  await vi.waitFor(() => expect(state.status.problem).toBeUndefined(), PATIENCE);
  expect((await childLog()).match(/started/g)).toHaveLength(1);
});

test('starts nothing while its clock may be wrong, and says by how much', async () => {
  controlPlane.lies = { document: { timestamp: Date.now() + 61_000 } };
  await startDaemon();
  await vi.waitFor(() => expect(state.status.problem).toMatch(/clock is \d+(\.\d+)? s behind/), PATIENCE);
  expect(state.status.phase).toBe('verifying');
  expect(controlPlane.requests).not.toContain('/api/v1/register-worker');
  controlPlane.lies = {};
  await reaches('running');
});

test('verifies again in time though the clock of this machine was set back', async () => {
  await startDaemon('0.05');
  await reaches('running');
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() - 120_000);
  cluster = { ...cluster, measurements: [] };
  await reaches('refused');
});

test('leaves k3s running while the control plane does not answer, and verifies again when it does', async () => {
  await startDaemon();
  await reaches('running');
  await vi.waitFor(async () => expect(await childLog()).toContain('started'), PATIENCE);
  await controlPlane.close();
  await vi.waitFor(() => expect(state.status.reachable).toBe(false), PATIENCE);
  expect(state.status.phase).toBe('running');
  const verifications = () => controlPlane.requests.filter((path) => path === '/api/v1/attestation').length;
  const before = verifications();
  await controlPlane.listen();
  await vi.waitFor(() => expect(verifications()).toBeGreaterThan(before), PATIENCE);
  expect(await childLog()).not.toContain('stopped');
});

test('joins anew when another enclave took the seat', async () => {
  await startDaemon();
  await reaches('running');
  const { port, root } = controlPlane;
  await vi.waitFor(async () => expect(await childLog()).toContain('started'), PATIENCE);
  await controlPlane.close();
  controlPlane = await TestControlPlane.start(port, root);
  cluster = controlPlane.cluster;
  await vi.waitFor(async () => expect((await childLog()).match(/started/g)).toHaveLength(2), PATIENCE);
  expect(await childLog()).toMatch(/started.*\nstopped\nstarted/);
});

test('joins anew when another enclave answers after an interruption', async () => {
  await startDaemon();
  await reaches('running');
  const { port, root } = controlPlane;
  await vi.waitFor(async () => expect(await childLog()).toContain('started'), PATIENCE);
  await controlPlane.close();
  await vi.waitFor(() => expect(state.status.reachable).toBe(false), PATIENCE);
  controlPlane = await TestControlPlane.start(port, root);
  cluster = controlPlane.cluster;
  await vi.waitFor(async () => expect((await childLog()).match(/started/g)).toHaveLength(2), PATIENCE);
});

test('starts k3s again with the address that the node has now, without joining anew', async () => {
  await startDaemon();
  await reaches('running');
  await vi.waitFor(async () => expect(await childLog()).toContain('--node-ip 127.0.0.1'), PATIENCE);
  address = '127.0.0.2';
  await vi.waitFor(async () => expect(await childLog()).toContain('--node-ip 127.0.0.2'), PATIENCE);
  expect(await childLog()).toMatch(/^started.*\nstopped\nstarted.*\n$/);
  expect(controlPlane.requests.filter((path) => path === '/api/v1/register-worker')).toHaveLength(1);
  expect(state.status.phase).toBe('running');
});

test('goes on when k3s cannot be started again with another address', async () => {
  await startDaemon();
  await reaches('running');
  await vi.waitFor(async () => expect(await childLog()).toContain('--node-ip 127.0.0.1'), PATIENCE);
  const binary = join(directory, 'k3s');
  await rename(binary, `${binary}.away`);
  address = '127.0.0.2';
  await vi.waitFor(() => expect(state.status.problem).toContain('Cannot start'), PATIENCE);
  await rename(`${binary}.away`, binary);
  await vi.waitFor(async () => expect(await childLog()).toContain('--node-ip 127.0.0.2'), PATIENCE);
  await reaches('running');
});

test('starts k3s again after it died', async () => {
  await startDaemon();
  await reaches('running');
  const pid = async () =>
    JSON.parse(await readFile(join(directory, 'worker-agent/k3s.pid'), 'utf8')).pid as number;
  const first = await vi.waitFor(pid, PATIENCE);
  process.kill(first, 'SIGKILL');
  await vi.waitFor(async () => expect(await pid()).not.toBe(first), PATIENCE);
});

test('stops what a killed agent left running when a check fails', async () => {
  const orphan = spawn(join(directory, 'k3s'), ['orphan']);
  await vi.waitFor(async () => expect(await childLog()).toContain('orphan'));
  const stat = await readFile(`/proc/${orphan.pid}/stat`, 'utf8');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  await mkdir(join(directory, 'worker-agent'), { recursive: true });
  await writeFile(join(directory, 'worker-agent/k3s.pid'), JSON.stringify({ pid: orphan.pid, startTime }));
  cluster = { ...cluster, seat: undefined };
  await startDaemon();
  await reaches('refused');
  expect(await childLog()).toBe('started orphan\nstopped\n');
});
