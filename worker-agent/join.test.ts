import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { TestControlPlane } from '@daasvader/testbed/cluster/test-control-plane.ts';
import { verifyControlPlane } from '@daasvader/verifier/verify.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Identity } from './identity.ts';
import { joinCluster } from './join.ts';

let controlPlane: TestControlPlane;
let directory: string;

beforeEach(async () => {
  controlPlane = await TestControlPlane.start();
  directory = await mkdtemp(join(tmpdir(), 'worker-join-'));
});

afterEach(async () => {
  await controlPlane.close();
  await rm(directory, { recursive: true, force: true });
});

const warnings: string[] = [];

async function joinOnce(stateDir = directory): Promise<string> {
  const readCluster = async () => controlPlane.cluster;
  const report = () => undefined;
  const verified = await verifyControlPlane({
    apiEndpoint: controlPlane.url,
    readCluster,
    root: controlPlane.rootPem,
    report,
  });
  const kubeconfigFile = join(directory, 'bootstrap.kubeconfig');
  const sealKey = await generateSealKey();
  const masterEndpoint = 'https://10.77.0.1:6443';
  try {
    await joinCluster(verified, {
      nodeId: 'worker-1',
      address: '10.77.0.2',
      sealKey,
      identity: Identity.of(new Uint8Array(32).fill(9), stateDir),
      masterEndpoint,
      dataDir: directory,
      kubeconfigFile,
      report,
      warn: (message) => void warnings.push(message),
    });
  } finally {
    await verified.endpoint.close();
  }
  return kubeconfigFile;
}

test('the bootstrap credential is written for its owner only, with our server and the bound CA', async () => {
  const file = await joinOnce();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const text = await readFile(file, 'utf8');
  const kubeconfig = parse(text);
  expect(text, 'no word that YAML 1.1 might take for another').not.toMatch(/: [^"\s]/);
  expect(kubeconfig.clusters[0].cluster.server).toBe('https://10.77.0.1:6443');
  expect(kubeconfig.users[0].user.token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
});

test('another CA than the bound one is refused and nothing is written', async () => {
  controlPlane.lies = { ca: (await generateKeys([])).tls.certificate };
  await expect(joinOnce()).rejects.toMatchObject({ code: 'check', check: 'ca' });
  await expect(stat(join(directory, 'bootstrap.kubeconfig'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a credential sealed to somebody else is refused', async () => {
  controlPlane.lies = { sealTo: (await generateSealKey()).publicKey };
  await expect(joinOnce()).rejects.toMatchObject({ code: 'key' });
});

test('each join is signed under a greater counter, also after a lost answer', async () => {
  await joinOnce();
  await joinOnce(); // as if the control plane had never heard of the first
  controlPlane.joinCounter = 2n;
  await joinOnce();
  expect(controlPlane.joins.map(({ counter }) => counter)).toEqual(['1', '2', '3']);
  expect(new Set(controlPlane.joins.map(({ nonce }) => nonce)).size).toBe(3);
});

test('a worker that was restored from a backup warns, and signs beyond what the control plane knows', async () => {
  warnings.length = 0;
  controlPlane.joinCounter = 41n;
  await joinOnce();
  expect(controlPlane.joins[0]!['counter']).toBe('42');
  expect(warnings).toEqual([expect.stringContaining('restored from a backup')]);
});

test('a counter that cannot be kept signs nothing', async () => {
  await expect(joinOnce('/proc/nowhere')).rejects.toMatchObject({ code: 'key' });
  expect(controlPlane.joins).toEqual([]);
});

test('a folder of counters that holds something else signs nothing', async () => {
  await mkdir(join(directory, 'join-counters'));
  await writeFile(join(directory, 'join-counters', 'many'), '');
  await expect(joinOnce()).rejects.toMatchObject({ code: 'key' });
  expect(controlPlane.joins).toEqual([]);
});

test('processes that join at the same time from one disk never sign under one counter', async () => {
  const seed = new Uint8Array(32).fill(9);
  const request = {
    ...{ clusterId: `0x${'44'.repeat(32)}`, nodeId: 'worker-1', bootId: new Uint8Array(16) },
    ...{ sealToken: 'ab'.repeat(32), ipAddress: '10.77.0.2' },
  };
  const joins = Array.from({ length: 8 }, () => Identity.of(seed, directory).sign(request, 5n));
  const counters = (await Promise.all(joins)).map(({ counter }) => Number(counter));
  expect(new Set(counters).size).toBe(8);
  expect(Math.min(...counters)).toBeGreaterThan(5);
  const { counter } = await Identity.of(seed, directory).sign(request, 5n);
  expect(Number(counter)).toBe(Math.max(...counters) + 1);
  expect(await readdir(join(directory, 'join-counters'))).toEqual([counter]);
});
