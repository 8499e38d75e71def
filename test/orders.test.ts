import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { K3s } from '@daasvader/enclave/kube/k3s.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/enclave/kube/testing/chain.ts';
import { bootEnclave } from '@daasvader/enclave/kube/testing/enclave.ts';
import { Tracker } from '@daasvader/enclave/kube/tracker.ts';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findK3s } from '../scripts/demo/k3s.ts';

// The real API server and its controllers, without nodes: what no machine is needed to decide.

const SOON = { timeout: 20_000, interval: 50 };
const log = pino({ enabled: false });

let directory: string;
let k3s: K3s;
let kubernetes: Kubernetes;
let tracker: Tracker;
const stop = new AbortController();
const chain = new FakeChain();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orders-'));
  k3s = await K3s.start({
    binary: await findK3s(new AbortController().signal),
    dataDir: join(directory, 'k3s'),
    apiSocket: join(directory, 'api.sock'),
    names: [],
    externalUrl: 'https://127.0.0.1:6443',
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    log,
    onRestart: () => undefined,
  });
  kubernetes = await k3s.ready();
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  tracker = new Tracker(kubernetes);
  void tracker.run(log, stop.signal);
  await bootEnclave(chain, { kubernetes, tracker, tenants: new Tenants(kubernetes, { grantsIn: () => [] }) });
});

afterAll(async () => {
  stop.abort();
  await k3s.stop();
  await rm(directory, { recursive: true, force: true });
});

const container = { name: 'c', image: 'busybox' };
const deployments = '/apis/apps/v1/namespaces/default/deployments';

function deployment(name: string, podSpec: object, spec: object = {}): Asked {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [container], ...podSpec } };
  const metadata = { name, labels };
  const whole = { replicas: 0, selector: { matchLabels: labels }, template, ...spec };
  return {
    path: deployments,
    manifest: { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: whole },
  };
}

function service(name: string, ports: object[]): Asked {
  const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports } };
  return { path: '/api/v1/namespaces/default/services', manifest };
}

const twice = <T>(one: T): [T, T] => [one, one];
const volume = { name: 'v', emptyDir: {} };

/** What the schema of manifests lets pass and Kubernetes does not take, some of it with the answer 500. */
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

test.each(Object.keys(POISON))(
  'an order with %s fails with the reason, and the next one is carried out',
  async (what) => {
    const poison = chain.ask(POISON[what]);
    const next = chain.ask(deployment('next', {}));
    await expect.poll(() => chain.status(next), SOON).toBe('COMPLETED');
    await expect.poll(() => chain.status(poison), SOON).toMatch(/^FAILED: ./);
    console.log(what, chain.status(poison));
    expect(chain.applied(poison)).toBe(false);
  },
);
