import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { Tracker } from '@daasvader/enclave/kube/tracker.ts';
import { watchObjects } from '@daasvader/enclave/kube/watch.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { FakeKubelet } from '@daasvader/testbed/cluster/fake-kubelet.ts';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

// The real API server and its controllers, without nodes: what no machine is needed to decide.

const SOON = { timeout: 20_000, interval: 50 };
/** Longer than the Kubernetes client lets a silent connection live by itself. */
const QUIET_MS = 35_000;
const NAMESPACE = namespaceOf(OWNER);
const log = pino({ enabled: false });

let server: BareServer;
let kubernetes: Kubernetes;
let tracker: Tracker;
const stop = new AbortController();
const chain = new FakeChain();

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  tracker = new Tracker(kubernetes);
  void tracker.run(log, stop.signal);
  await bootEnclave(chain, { kubernetes, tracker, tenants: (roles) => new Tenants(kubernetes, roles) });
});

afterAll(async () => {
  stop.abort();
  await server[Symbol.asyncDispose]();
});

const becomes = (id: bigint, status: string | RegExp, timeout = SOON.timeout) =>
  expect.poll(() => chain.status(id), { ...SOON, timeout }).toMatch(status);

function read(name: string): Promise<V1Deployment | undefined> {
  return kubernetes.read({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE },
  });
}

async function pods(app: string): Promise<V1Pod[]> {
  return (await kubernetes.list<V1Pod>(`/api/v1/namespaces/${NAMESPACE}/pods`, `app=${app}`)).items;
}

const deletion = (path: string, name: string): Asked => ({ method: 'DELETE', path: `${path}/${name}`, name });

const container = { name: 'c', image: 'busybox' };
const OWN_DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const deployments = '/apis/apps/v1/namespaces/default/deployments';

function deployment(name: string, podSpec: object, spec: object = {}): Asked {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [container], ...podSpec } };
  const metadata = { name, labels };
  const whole = { replicas: 0, selector: { matchLabels: labels }, template, ...spec };
  return {
    ...{ method: 'PATCH', path: `${deployments}/${name}`, query: 'fieldManager=test&force=true' },
    contentType: 'application/apply-patch+yaml',
    manifest: { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: whole },
  };
}

function service(name: string, ports: object[]): Asked {
  const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports } };
  return { path: '/api/v1/namespaces/default/services', manifest };
}

const twice = <T>(one: T): [T, T] => [one, one];
const volume = { name: 'v', emptyDir: {} };

/** What Kubernetes does not take, some of it with the answer 500. */
const POISON: Record<string, Asked> = {
  'a variable twice': deployment('env', {
    containers: [{ ...container, env: twice({ name: 'A', value: '1' }) }],
  }),
  'a port of a container twice': deployment('port', {
    containers: [{ ...container, ports: twice({ containerPort: 80 }) }],
  }),
  'a mount path twice': deployment('mount', {
    containers: [{ ...container, volumeMounts: twice({ name: 'v', mountPath: '/v' }) }],
    volumes: [volume],
  }),
  'a volume twice': deployment('volume', { volumes: twice(volume) }),
  'a container twice': deployment('container', { containers: twice(container) }),
  'a port of a Service twice': service('port', twice({ port: 80 })),
  'a size that is no quantity': deployment('size', {
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '500MB' } }],
  }),
  'a number beyond 32 bits': deployment(
    'surge',
    {},
    { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2 ** 40 } } },
  ),
  'a volume that is not there': deployment('absent', {
    containers: [{ ...container, volumeMounts: [{ name: 'absent', mountPath: '/v' }] }],
  }),
};

test('an order that Kubernetes does not take fails with its words, and the next one is carried out', async () => {
  const poison = Object.entries(POISON).map(([what, asked]) => ({ what, id: chain.ask(asked) }));
  const next = chain.ask(deployment('next', {}));
  await becomes(next, 'COMPLETED');
  for (const { what, id } of poison) {
    await becomes(
      id,
      /^FAILED: .*(duplicate entries|quantities must match|cannot unmarshal|Not found: "absent"|Duplicate value)/,
    );
    expect(chain.applied(id), what).toBe(false);
  }
  expect(await kubernetes.list<V1Deployment>(OWN_DEPLOYMENTS)).toMatchObject({
    items: [{ metadata: { name: 'next' } }],
  });
});

test('an order that is given while the server starts again is carried out when it is there', async () => {
  await server.crash();
  const id = chain.ask(deployment('patient', {}));
  const bad = chain.ask(POISON['a variable twice']);
  await becomes(id, 'COMPLETED', 60_000);
  await becomes(bad, /^FAILED: .*duplicate entries/);
});

test('a watch on which nothing happens stays open, and still tells what happens then', async () => {
  const opened = vi.spyOn(kubernetes, 'watch');
  const path = '/api/v1/namespaces/default/configmaps';
  const lists = vi.spyOn(kubernetes, 'list');
  const ended = new AbortController();
  const seen: (string | undefined)[] = [];
  const onObject = ({ metadata }: KubernetesObject) => void seen.push(metadata?.name);
  const watching = watchObjects(kubernetes, { path, log, signal: ended.signal, onObject });
  await sleep(QUIET_MS);
  await kubernetes.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'late', namespace: 'default' },
  });
  await expect.poll(() => seen, SOON).toContain('late');
  expect(opened.mock.calls.filter(([of]) => of === path)).toHaveLength(1);
  expect(lists.mock.calls.filter(([of]) => of === path)).toHaveLength(1);
  ended.abort();
  await watching;
  vi.restoreAllMocks();
});

test('an order leaves of the order before it nothing but what it says itself', async () => {
  const env = [{ name: 'A', value: '1' }];
  await becomes(
    chain.ask(deployment('fields', { containers: [{ ...container, env, args: ['x'] }] })),
    'COMPLETED',
  );
  await becomes(chain.ask(deployment('fields', {}, { minReadySeconds: 3 })), 'COMPLETED');
  const { spec } = (await read('fields'))!;
  expect(spec?.minReadySeconds).toBe(3);
  expect(spec?.template.spec?.containers[0]).not.toHaveProperty('env');
  expect(spec?.template.spec?.containers[0]).not.toHaveProperty('args');
});

describe('an order is cancelled', () => {
  test('before its turn, and nothing of it is there', async () => {
    const id = chain.ask(deployment('never', {}, { replicas: 1 }));
    chain.cancel(id);
    await becomes(id, 'CANCELLED: 0');
    expect(await read('never')).toBeUndefined();
  });

  test('while it is tried again, and nothing of it is there', async () => {
    await server.crash();
    const id = chain.ask(deployment('never', {}, { replicas: 1 }));
    await sleep(100);
    chain.cancel(id);
    await becomes(id, /^CANCELLED: [01]$/, 60_000);
    await becomes(chain.ask(deployment('next', {})), 'COMPLETED', 60_000);
    expect(await read('never')).toBeUndefined();
  });

  test('between apply and ready, and what it created is gone with all that belongs to it', async () => {
    const id = chain.ask(deployment('created', {}, { replicas: 2 }));
    await becomes(id, 'RUNNING');
    await expect.poll(() => pods('created'), SOON).toHaveLength(2);
    chain.cancel(id);
    await becomes(id, 'CANCELLED: 1');
    expect(await read('created')).toBeUndefined();
    await expect.poll(() => pods('created'), SOON).toHaveLength(0);
  });

  test('after it changed what was there, which stays as it is', async () => {
    await becomes(chain.ask(deployment('changed', {})), 'COMPLETED');
    const id = chain.ask(deployment('changed', {}, { replicas: 1 }));
    await becomes(id, 'RUNNING');
    chain.cancel(id);
    await becomes(id, 'CANCELLED: 2');
    expect((await read('changed'))?.spec?.replicas).toBe(1);
    await becomes(chain.ask(deletion(deployments, 'changed')), 'COMPLETED');
  });
});

describe('with nodes that do as they are told', () => {
  let kubelet: FakeKubelet;
  beforeAll(() => {
    kubelet = new FakeKubelet(server, NAMESPACE);
  });
  afterAll(() => kubelet.stop());

  test('a Pod that is ordered while the one of its name still goes is another one', async () => {
    const path = '/api/v1/namespaces/default/pods';
    const pod = { path, name: 'one', image: 'busybox' };
    const ref = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one', namespace: NAMESPACE } };
    await becomes(chain.ask(pod), 'COMPLETED');
    const former = (await kubernetes.read<V1Pod>(ref))!;
    await kubelet.keep(former);
    await becomes(chain.ask(deletion(path, 'one')), 'COMPLETED');
    const second = chain.ask(pod);
    await sleep(1_000);
    expect(chain.status(second)).toBe('PENDING');
    await kubelet.letGo(former);
    await becomes(second, 'COMPLETED');
    const now = (await kubernetes.read<V1Pod>(ref))!;
    expect(now.metadata?.uid).not.toBe(former.metadata?.uid);
    await becomes(chain.ask(deletion(path, 'one')), 'COMPLETED');
  });

  test('a Job is completed when it has started, and one that is ordered again when it ended runs again', async () => {
    const path = '/apis/batch/v1/namespaces/default/jobs';
    const ref = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace: NAMESPACE } };
    const job = { path, name: 'work', image: 'busybox' };
    await becomes(chain.ask(job), 'COMPLETED');
    const former = await kubernetes.read(ref);
    await kubelet.finish('work');
    await expect
      .poll(async () => (await kubernetes.read<V1Job>(ref))?.status?.completionTime, SOON)
      .toBeDefined();
    await becomes(chain.ask(job), 'COMPLETED');
    expect((await kubernetes.read(ref))?.metadata?.uid).not.toBe(former?.metadata?.uid);
    await becomes(chain.ask(deletion(path, 'work')), 'COMPLETED');
  });

  test('more replicas than the quota has room for do not decide the order after them', async () => {
    const tooMany = chain.ask(deployment('quota', {}, { replicas: 25 }));
    await expect.poll(async () => (await read('quota'))?.status?.availableReplicas, SOON).toBe(20);
    expect(chain.status(tooMany)).toBe('RUNNING');
    const one = chain.ask(deployment('quota', {}, { replicas: 1 }));
    await becomes(one, 'COMPLETED');
    await becomes(tooMany, 'COMPLETED');
  });

  test('an update that meets the quota goes on within it', async () => {
    await becomes(chain.ask(deployment('quota', {}, { replicas: 20 })), 'COMPLETED');
    const changed = { containers: [{ ...container, args: ['changed'] }] };
    await becomes(chain.ask(deployment('quota', changed, { replicas: 20 })), 'COMPLETED', 60_000);
    expect((await read('quota'))?.status?.updatedReplicas).toBe(20);
    await becomes(chain.ask(deletion(deployments, 'quota')), 'COMPLETED');
    await expect.poll(() => pods('quota'), SOON).toHaveLength(0);
  });

  test('an order with a bad image fails, and the one that repairs it is completed', async () => {
    const bad = chain.ask(
      deployment('image', { containers: [{ ...container, image: 'bad' }] }, { replicas: 2 }),
    );
    await becomes(bad, 'FAILED: InvalidImageName: bad');
    expect(chain.applied(bad)).toBe(true);
    await becomes(chain.ask(deployment('image', {}, { replicas: 2 })), 'COMPLETED');
  });

  test('what heals is waited for: a Secret that comes later, a pod that is evicted', async () => {
    const late = { containers: [{ ...container, image: 'late' }] };
    const id = chain.ask(deployment('late', late, { replicas: 1 }));
    await expect.poll(() => pods('late'), SOON).toHaveLength(1);
    await sleep(500);
    expect(chain.status(id)).toBe('RUNNING');
    const [evicted] = await pods('late');
    await kubelet.tell(evicted!, {
      phase: 'Failed',
      reason: 'Evicted',
      message: 'The node was low on memory',
    });
    await expect.poll(async () => (await pods('late')).length, SOON).toBe(2);
    expect(chain.status(id)).toBe('RUNNING');
    kubelet.hasSecret = true;
    await becomes(id, 'COMPLETED');
  });
});
