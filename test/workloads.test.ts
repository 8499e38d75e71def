import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { shareOf } from '@daasvader/enclave/kube/quota.ts';
import { tenantObjects } from '@daasvader/enclave/kube/tenant.ts';
import { Tracker } from '@daasvader/enclave/kube/tracker.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { FakeKubelet } from '@daasvader/testbed/cluster/fake-kubelet.ts';
import { OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

// Workloads as the real controllers tell of them, with templates as people write them: nothing in them is ours.

const NAMESPACE = namespaceOf(OWNER);
const APPS = `/apis/apps/v1/namespaces/${NAMESPACE}`;
const SOON = { timeout: 30_000, interval: 50 };

let server: BareServer;
let kubernetes: Kubernetes;
let tracker: Tracker;
let kubelet: FakeKubelet;
const stop = new AbortController();
let requests = 0;

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  const objects = tenantObjects(OWNER, NAMESPACE, shareOf('super', [{}], []), true);
  for (const object of objects) await kubernetes.apply(object);
  tracker = new Tracker(kubernetes, 60_000);
  void tracker.run(pino({ enabled: false }), stop.signal);
  kubelet = new FakeKubelet(server, NAMESPACE);
});

afterAll(async () => {
  stop.abort();
  await kubelet?.stop();
  await server?.[Symbol.asyncDispose]();
});

function workload(kind: string, name: string, image: string, spec: object = {}): KubernetesObject {
  const isJob = kind === 'Job';
  const labels = { app: name };
  const podSpec = { containers: [{ name: 'c', image }], ...(isJob && { restartPolicy: 'Never' }) };
  const whole = {
    template: { metadata: { labels }, spec: podSpec },
    ...(!isJob && { selector: { matchLabels: labels } }),
    ...(kind === 'StatefulSet' && { serviceName: name }),
    ...spec,
  };
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: isJob ? 'batch/v1' : 'apps/v1', kind, metadata, spec: whole } as KubernetesObject;
}

/** What became of what was applied. */
async function outcome(object: KubernetesObject, onNodes?: (nodes: readonly string[]) => void) {
  requests += 1;
  return tracker.outcome(await kubernetes.apply(object), `${requests}`, onNodes);
}

test.each(['Deployment', 'StatefulSet'])(
  'a %s is ready with all its pods, fails by those of its template of now, and is repaired',
  async (kind) => {
    const name = `a-${kind.toLowerCase()}`;
    expect(await outcome(workload(kind, name, 'busybox', { replicas: 2 }))).toMatchObject({ state: 'ready' });
    expect(await outcome(workload(kind, name, 'bad', { replicas: 2 }))).toEqual({
      state: 'failed',
      reason: 'InvalidImageName: bad',
    });
    const repaired = outcome(workload(kind, name, 'busybox:2', { replicas: 2 }));
    // A StatefulSet does not take away a pod that never was ready by itself.
    if (kind === 'StatefulSet') await removeBad(name);
    expect(await repaired).toMatchObject({ state: 'ready' });
  },
);

async function removeBad(app: string): Promise<void> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const { items } = await kubernetes.list<V1Pod>(path, `app=${app}`);
  for (const { metadata, spec } of items)
    if (spec?.containers[0]?.image === 'bad')
      await server.call('DELETE', `${path}/${metadata?.name}`, server.administrator);
}

test('who scales waits for the pods of now', async () => {
  const object = workload('Deployment', 'scaled', 'busybox', { replicas: 1 });
  expect(await outcome(object)).toMatchObject({ state: 'ready' });
  const scale = { spec: { replicas: 3 } };
  await server.call('PATCH', `${APPS}/deployments/scaled/scale`, server.administrator, scale);
  const scaled = await kubernetes.get<KubernetesObject>(`${APPS}/deployments/scaled`);
  expect(await tracker.outcome(scaled, `${++requests}`)).toMatchObject({ state: 'ready' });
  expect(await kubernetes.get(`${APPS}/deployments/scaled`)).toMatchObject({
    status: { availableReplicas: 3 },
  });
});

test('a Job is done as an order when it has started, and one that is not to start at once', async () => {
  expect(await outcome(workload('Job', 'work', 'busybox'))).toMatchObject({ state: 'ready' });
  expect(await outcome(workload('Job', 'later', 'busybox', { suspend: true }))).toMatchObject({
    state: 'ready',
  });
  expect(await outcome(workload('Job', 'broken', 'bad'))).toMatchObject({ state: 'failed' });
});

test('where its pods are is told of a workload that another made', async () => {
  const told = new Set<string>();
  const result = outcome(workload('Deployment', 'placed', 'late', { replicas: 1 }), (nodes) => {
    for (const node of nodes) told.add(node);
  });
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const find = async () => (await kubernetes.list<V1Pod>(path, 'app=placed')).items[0];
  await expect.poll(find, SOON).toBeDefined();
  const pod = await find();
  const target = { apiVersion: 'v1', kind: 'Node', name: 'worker-9' };
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod?.metadata?.name }, target };
  const bound = await server.call(
    'POST',
    `${path}/${pod?.metadata?.name}/binding`,
    server.administrator,
    binding,
  );
  expect(bound).toMatchObject({ status: 201 });
  await expect.poll(() => [...told], SOON).toEqual(['worker-9']);
  kubelet.hasSecret = true;
  expect(await result).toMatchObject({ state: 'ready' });
});
