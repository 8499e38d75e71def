import { GRACE_MS, KEPT_MS } from '@daasvader/enclave/chain/tenure.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1ReplicaSet, V1ResourceQuota } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The real API server with its quotas and controllers, without nodes: pods are made, counted and deleted, and run nowhere.

const SOON = { timeout: 120_000, interval: 250 };
const [NONE, DEVELOPER, SUPER] = [0, 2, 4];
const HONEST = `0x${'b0'.repeat(32)}`;
const NAMESPACES = [
  namespaceOf(OWNER),
  ...Array.from({ length: 16 }, (_, index) => `${namespaceOf(OWNER)}-${index}`),
];

const chain = new FakeChain();
let server: BareServer;
let kubernetes: Kubernetes;

/** An enclave that is told of everything from the beginning. */
const boot = () =>
  bootEnclave(chain, {
    kubernetes,
    tracker: {
      outcome: async () => ({ state: 'ready', reason: '' }),
      replaced: () => undefined,
      forget: () => undefined,
    },
    tenants: (roles) => new Tenants(kubernetes, roles),
  });

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  await boot();
});

afterAll(() => server?.[Symbol.asyncDispose]());

function deployment(owner: string, namespace: string, name: string, replicas: number): bigint {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
  return chain.ask({ owner, namespace, path: `/apis/apps/v1/namespaces/${namespace}/deployments`, manifest });
}

async function namesOf(
  path: string,
  of: (object: KubernetesObject) => boolean = () => true,
): Promise<string[]> {
  const { items } = await kubernetes.list<KubernetesObject>(path);
  return items.filter(of).map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name}`);
}

const podsOf = (owner: string) =>
  namesOf('/api/v1/pods', ({ metadata }) => metadata?.namespace?.startsWith(namespaceOf(owner)) ?? false);
const namespacesOf = (owner: string) =>
  namesOf('/api/v1/namespaces', ({ metadata }) => metadata?.name?.startsWith(namespaceOf(owner)) ?? false);

test('who orders all that a stake gives and asks it back has pods for a day and namespaces for seven', async () => {
  chain.hold(SUPER);
  for (const namespace of NAMESPACES.slice(1)) chain.claim(namespace);
  const ids = Array.from({ length: 32 }, (_, index) =>
    deployment(OWNER, NAMESPACES[index % NAMESPACES.length]!, `web-${index}`, 100),
  );
  const honest = deployment(HONEST, namespaceOf(HONEST), 'honest', 3);
  for (const id of [...ids, honest]) await expect.poll(() => chain.status(id), SOON).toBe('COMPLETED');
  await expect.poll(() => podsOf(OWNER).then(({ length }) => length), SOON).toBe(17 * 11); // of 200
  await expect.poll(() => podsOf(HONEST), SOON).toHaveLength(3);

  for (const owner of [OWNER, HONEST]) chain.hold(NONE, owner);
  chain.pass(GRACE_MS - 1);
  expect(await podsOf(OWNER)).toHaveLength(17 * 11);

  chain.pass(1);
  for (const owner of [OWNER, HONEST]) await expect.poll(() => podsOf(owner), SOON).toEqual([]);
  const replicas = await kubernetes.list<V1ReplicaSet>(
    `/apis/apps/v1/namespaces/${NAMESPACES[1]}/replicasets`,
  );
  expect(replicas.items.map(({ spec }) => spec?.replicas)).toContain(100); // as they were ordered
  expect(await hardOf(NAMESPACES[1]!)).toMatchObject({ pods: '0' });

  chain.hold(DEVELOPER, HONEST);
  await expect.poll(() => podsOf(HONEST), SOON).toHaveLength(3);

  chain.pass(KEPT_MS - GRACE_MS);
  await expect.poll(() => namespacesOf(OWNER), SOON).toEqual([]);
  expect(await podsOf(OWNER)).toEqual([]);
  expect(await podsOf(HONEST)).toHaveLength(3);

  await boot();
  const next = deployment(HONEST, namespaceOf(HONEST), 'next', 1);
  await expect.poll(() => chain.status(next), SOON).toBe('COMPLETED');
  expect(await namespacesOf(OWNER)).toEqual([]);
});

async function hardOf(namespace: string): Promise<Record<string, string> | undefined> {
  const metadata = { name: 'daasvader', namespace };
  const quota = await kubernetes.read<V1ResourceQuota>({ apiVersion: 'v1', kind: 'ResourceQuota', metadata });
  return quota?.spec?.hard;
}
