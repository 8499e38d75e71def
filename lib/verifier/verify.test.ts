import { TestControlPlane } from '@daasvader/testbed/cluster/test-control-plane.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CheckPassed } from './checks.ts';
import type { Cluster } from './cluster.ts';
import { verifyControlPlane } from './verify.ts';

let controlPlane: TestControlPlane;
let passed: CheckPassed[];

beforeEach(async () => {
  controlPlane = await TestControlPlane.start();
  passed = [];
});

afterEach(() => controlPlane.close());

async function verify(cluster: Partial<Cluster> = {}, root: string | undefined = controlPlane.rootPem) {
  const { endpoint } = await verifyControlPlane({
    apiEndpoint: controlPlane.url,
    readCluster: async () => ({ ...controlPlane.cluster, ...cluster }),
    root,
    report: (check) => passed.push(check),
  });
  await endpoint.close();
}

test('the control plane in the seat passes every check, and each says what was compared', async () => {
  await verify();
  const names = ['document', 'nonce', 'binding', 'tls-key', 'measurement', 'configuration', 'seat'];
  expect(passed.map(({ check }) => check)).toEqual(names);
  expect(passed[0]?.compared).toContain("NOT AWS's");
});

const other = (length: number) => new Uint8Array(length).fill(0xee);
const address = `0x${'ee'.repeat(32)}`;
const zero = new Map([0, 1, 2].map((index) => [index, new Uint8Array(48)]));
const foreign = new Map([0, 1, 2].map((index) => [index, other(48)]));

test.each([
  ['a document for another nonce', 'nonce', { document: { nonce: other(32) } }],
  ['a document without a nonce', 'nonce', { document: { nonce: null } }],
  ['a document that is an hour old', 'document', { document: { timestamp: Date.now() - 3_600_000 } }],
  ['a document from the future', 'document', { document: { timestamp: Date.now() + 3_600_000 } }],
  ['PCRs of another image', 'measurement', { document: { pcrs: foreign } }],
  ['zero PCRs, as in debug mode', 'measurement', { document: { pcrs: zero } }],
  ['a document about another binding', 'binding', { document: { userData: other(32) } }],
  ['a binding that was not attested', 'binding', { shownBinding: { operator: address } }],
  ['a binding of another TLS key', 'tls-key', { binding: { tlsSpkiSha256: other(32) } }],
  ['another chain', 'configuration', { binding: { chainId: 'elsewhere' } }],
  ['another package', 'configuration', { binding: { packageId: address } }],
  ['another cluster', 'configuration', { binding: { clusterId: address } }],
  ['public addresses for pods', 'configuration', { binding: { clusterCidr: '8.8.0.0/16' } }],
  ['Services among the pods', 'configuration', { binding: { serviceCidr: '10.112.8.0/24' } }],
  ['a range that was not attested', 'binding', { shownBinding: { clusterCidr: '10.44.0.0/16' } }],
  ['an operator that is not in the seat', 'seat', { binding: { operator: address } }],
  ['another boot of the seated enclave', 'seat', { binding: { bootId: other(16) } }],
  ['a CA that was not registered', 'seat', { binding: { caSha256: other(32) } }],
  ['an HPKE key that was not registered', 'seat', { binding: { hpkePublicKey: other(32) } }],
  ['a committee that was not registered', 'seat', { binding: { committeeDigest: other(32) } }],
])('%s fails the check "%s"', async (_, check, lies) => {
  controlPlane.lies = lies;
  await expect(verify()).rejects.toMatchObject({
    code: 'check',
    check,
    expected: expect.any(String),
    actual: expect.any(String),
  });
});

test.each([
  ['an empty seat', 'seat', { seat: undefined }],
  ['no measurement on chain', 'measurement', { measurements: [] }],
])('%s fails the check "%s"', async (_, check, cluster) => {
  await expect(verify(cluster)).rejects.toMatchObject({ code: 'check', check });
});

test('a measurement counts from when it takes effect until it retires, by the time of the chain', async () => {
  const [measurement] = controlPlane.cluster.measurements;
  if (measurement === undefined) throw new Error('no measurement');
  const at = (timeMs: number) =>
    verify({ timeMs, measurements: [{ ...measurement, effectiveAtMs: 100, retireAtMs: 200 }] });
  await at(100);
  await at(199);
  await expect(at(99)).rejects.toMatchObject({ check: 'measurement' });
  await expect(at(200)).rejects.toMatchObject({ check: 'measurement' });
});

test('during a rolling upgrade either of two measurements passes', async () => {
  const [measurement] = controlPlane.cluster.measurements;
  if (measurement === undefined) throw new Error('no measurement');
  const next = { ...measurement, version: '2.0.0', pcrs: ['11', '22', '33'] as const };
  await verify({ measurements: [next, measurement] });
});

test('a document under the development root does not pass as one of AWS', async () => {
  await expect(
    verifyControlPlane({
      apiEndpoint: controlPlane.url,
      readCluster: async () => controlPlane.cluster,
      root: undefined,
      report: () => undefined,
    }),
  ).rejects.toMatchObject({ check: 'document' });
});

test('a genuine document relayed from behind another TLS key fails the check of the key', async () => {
  await controlPlane.serveWithAnotherKey();
  await expect(verify()).rejects.toMatchObject({ check: 'tls-key' });
});

test('after verification a connection to another key is refused', async () => {
  const { endpoint } = await verifyControlPlane({
    apiEndpoint: controlPlane.url,
    readCluster: async () => controlPlane.cluster,
    root: controlPlane.rootPem,
    report: () => undefined,
  });
  await endpoint.probe();
  await controlPlane.serveWithAnotherKey();
  await expect(endpoint.probe()).rejects.toMatchObject({ code: 'tls_key' });
  await endpoint.close();
});

test('silence, refusal and garbage are told apart from a failed check', async () => {
  controlPlane.lies = { status: 503 };
  await expect(verify()).rejects.toMatchObject({ code: 'unreachable' });
  controlPlane.lies = { status: 403 };
  await expect(verify()).rejects.toMatchObject({ code: 'refused' });
  controlPlane.lies = {};
  const failure = { apiEndpoint: 'https://127.0.0.1:1', root: undefined, report: () => undefined };
  const readCluster = async () => controlPlane.cluster;
  await expect(verifyControlPlane({ ...failure, readCluster })).rejects.toMatchObject({
    code: 'unreachable',
  });
});
