import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { clusterBaseline, grantBinding, roleBinding } from '@daasvader/enclave/kube/roles.ts';
import { nodeName, requestPem } from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { BareServer, type Caller } from '@daasvader/testbed/cluster/bare-server.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The control plane alone, on a file system of its own that is soon full: a quarter of it is the datastore's.

const run = promisify(execFile);
const FILE_SYSTEM = 160 << 20;
const LIMIT = FILE_SYSTEM / 4;
const KIB = 1_024;
const SOON = { timeout: 30_000, interval: 250 };
const [TENANT, OTHER] = ['1', '2'].map((digit) => `0x${digit.repeat(64)}`) as [string, string];
const SECRETS = '/api/v1/namespaces/tenant/secrets';

let directory: string;
let server: BareServer;
let admin: Caller;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'datastore-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${FILE_SYSTEM}`, 'datastore-test', directory]);
  server = await BareServer.start(directory);
  admin = server.administrator;
  const bindings = [roleBinding(TENANT, 'admin', 'tenant'), grantBinding('admin', 'tenant', [OTHER])];
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tenant' } };
  for (const object of [...clusterBaseline(), namespace, ...bindings]) await server.kubernetes.apply(object);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await run('umount', [directory]);
  await rm(directory, { recursive: true, force: true });
});

/** Bytes of the datastore's files. */
async function datastoreBytes(): Promise<number> {
  const folder = join(server.dataDir, 'server/db');
  const sizes = (await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const noise = (bytes: number) => randomBytes(bytes / 2).toString('hex');
const secret = (name: string, bytes: number) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData: { k: noise(bytes) },
});
/** What the node `wild` may tell of itself. */
const event = (name: string, bytes: number) => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name },
  involvedObject: { kind: 'Node', name: 'wild' },
  reason: 'Flood',
  message: 'm'.repeat(bytes),
  source: { component: 'kubelet', host: 'wild' },
  type: 'Normal',
});

/** Calls that often, eight at a time; counts the answers by status. */
async function flood(
  calls: number,
  call: (i: number) => Promise<{ status: number }>,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  let next = 0;
  const work = async () => {
    while (next < calls) {
      const { status } = await call(next++);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return counts;
}

test('a node that floods is bounded in bytes and numbers, and everybody else goes on', async () => {
  const [wild, calm] = await Promise.all(
    ['wild', 'calm'].map((name) => server.caller(`system:node:${name}`, 'system:nodes')),
  );
  const tenant = await server.caller(userOf(TENANT));
  const before = await datastoreBytes();
  const events = '/api/v1/namespaces/default/events';
  expect(await server.call('POST', events, wild!, event('large', 120 * KIB))).toMatchObject({
    ...{ status: 403, text: expect.stringContaining('of 4096 that it may have') },
  });
  expect(await server.call('POST', events, wild!, event('huge', 200 * KIB))).toMatchObject({ status: 413 });
  const flooding = flood(5_000, (i) => server.call('POST', events, wild!, event(`e${i}`, 3 * KIB)));
  const started = Date.now();
  const others: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'calm' } };
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const made = await (i === 0
      ? server.call('POST', path, calm!, lease)
      : server.call('PATCH', `${path}/calm`, calm!, { spec: { leaseDurationSeconds: 40 + i } }));
    others.push(made.status, (await server.call('GET', SECRETS, tenant)).status);
    await sleep(300);
  }
  const counts = await flooding;
  const grown = (await datastoreBytes()) - before;
  console.log(`events by status: ${JSON.stringify([...counts])}; the datastore grew by ${grown >> 10} KiB`);
  expect(others.filter((status) => status >= 300)).toEqual([]);
  const seconds = (Date.now() - started) / 1_000;
  expect(counts.get(201)).toBeLessThan(505 + seconds); // 500, and one more each second
  expect(counts.get(429)).toBeGreaterThan(100);
  expect(grown).toBeLessThan(8 << 20); // 1.6 MiB of events, their indices, and SQLite's journal
});

test('a node asks for certificates a few times, and has one lease', async () => {
  const node = await server.caller('system:node:asking', 'system:nodes');
  const request = Buffer.from(requestPem({ subject: nodeName('asking') })).toString('base64');
  const answers: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    const csr = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: `asking-${i}` },
      spec: {
        request,
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['client auth', 'digital signature'],
      },
    };
    answers.push(
      (await server.call('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', node, csr))
        .status,
    );
    await sleep(50);
  }
  expect(answers.filter((status) => status === 201)).toHaveLength(4);
  expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0);
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'another' } };
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  expect(await server.call('POST', leases, node, lease)).toMatchObject({ status: 403 });
});

test('what a user writes is bounded, however it is written', async () => {
  const tenant = await server.caller(userOf(TENANT));
  expect(await server.call('POST', SECRETS, tenant, secret('larger', 1_100 * KIB))).toMatchObject({
    status: 422,
  });
  expect(await server.call('POST', SECRETS, tenant, secret('mine', 700 * KIB))).toMatchObject({
    status: 201,
  });
  const patch = (i: number) => ({ metadata: { labels: { n: `${i}` } } });
  const counts = await flood(60, (i) => server.call('PATCH', `${SECRETS}/mine`, tenant, patch(i)));
  console.log(`patches of 40 bytes to a Secret of 700 KiB, by status: ${JSON.stringify([...counts])}`);
  expect(counts.get(200)).toBeLessThan(20);
  expect(counts.get(429)).toBeGreaterThan(30);
});

test('many updates of one large object do not stay', async () => {
  let largest = 0;
  for (let i = 0; i < 200; i += 1) {
    const made = await server.call('PATCH', `${SECRETS}/mine`, admin, secret('mine', 250 * KIB));
    expect(made.status).toBeLessThan(300);
    largest = Math.max(largest, await datastoreBytes());
  }
  console.log(`200 updates, 98 MiB with what they replaced: at most ${largest >> 20} MiB of files`);
  expect(largest).toBeLessThan(FILE_SYSTEM / 2);
});

test('a full datastore refuses what grows, loses nothing, and deletes make room again', async () => {
  const tenant = await server.caller(userOf(OTHER));
  const made: string[] = [];
  let refusal = { status: 0, text: '' };
  for (let i = 0; refusal.status === 0; i += 1) {
    // In one namespace, until the control plane makes nothing new for tenants; then in its own, until nothing goes.
    const path = refusal.text === '' ? SECRETS : '/api/v1/namespaces/kube-system/secrets';
    const { status, text } = await server.call('POST', path, admin, secret(`s${i}`, 200 * KIB));
    if (status < 300) made.push(`${path}/s${i}`);
    else if (refusal.text === '') {
      expect(status).toBe(507);
      const late = await server.call('POST', SECRETS, tenant, secret(`late${i}`, 100));
      if (late.status < 300) {
        made.push(`${SECRETS}/late${i}`); // compaction has found some room
        continue;
      }
      expect(late).toMatchObject({ status: 507, text: expect.stringContaining('delete something') });
      refusal = { status: 0, text };
    } else refusal = { status, text };
  }
  console.log(
    `${made.length} Secrets of 200 KiB in ${LIMIT >> 20} MiB, then ${refusal.status}: ${refusal.text}`,
  );
  for (let i = 0; i < 20; i += 1) {
    const path = '/api/v1/namespaces/kube-system/secrets';
    const { status } = await server.call('POST', path, admin, secret(`late${i}`, 200 * KIB));
    if (status < 300)
      made.push(`${path}/late${i}`); // compaction has found some room
    else expect(status).toBe(500);
  }
  for (const path of made) expect((await server.call('GET', path, admin)).status, path).toBe(200);
  expect((await server.call('DELETE', `${SECRETS}/mine`, tenant)).status).toBe(200);
  for (const path of made)
    await expect.poll(async () => (await server.call('DELETE', path, admin)).status, SOON).toBe(200);
  await expect
    .poll(async () => (await server.call('POST', SECRETS, tenant, secret('after', 100))).status, SOON)
    .toBe(201);
  await expect.poll(datastoreBytes, SOON).toBeLessThan(LIMIT / 2);
});
