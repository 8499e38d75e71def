import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { Tracker } from '@daasvader/enclave/kube/tracker.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { FakeChain } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The real scheduler, and nodes that are no more than what they say of themselves.

const SOON = { timeout: 30_000, interval: 50 };
const IMAGE = 'example.org/app:1';
const HONEST = Array.from({ length: 10 }, (_, index) => `worker-${index}`);
const EVIL = 'evil';
const ORDERS = 20;
const ATTACKER = `0x${'ee'.repeat(32)}`;
const ownerOf = (index: number) => `0x${index.toString(16).padStart(2, '0').repeat(32)}`;

const chain = new FakeChain();
const stop = new AbortController();
let server: BareServer;
let kubernetes: Kubernetes;

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  const tracker = new Tracker(kubernetes);
  void tracker.run(pino({ enabled: false }), stop.signal);
  await bootEnclave(chain, { kubernetes, tracker, tenants: (roles) => new Tenants(kubernetes, roles) });
  // The attacker's claims to have all the room in the world, and the image already.
  await addNode(EVIL, { cpu: '1000', memory: '4Ti' }, [{ names: [IMAGE], sizeBytes: 2_000_000_000 }]);
  for (const name of HONEST) await addNode(name, { cpu: '8', memory: '16Gi' });
});

afterAll(async () => {
  stop.abort();
  await server?.[Symbol.asyncDispose]();
});

async function addNode(name: string, room: object, images: object[] = []): Promise<void> {
  const metadata = { name, labels: { 'kubernetes.io/hostname': name } };
  const call = async (method: string, path: string, body: object) => {
    const { status, text } = await server.call(method, path, server.administrator, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
  };
  await call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata });
  const most = { ...room, pods: '110', 'ephemeral-storage': '1Ti' };
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }];
  await call('PATCH', `/api/v1/nodes/${name}/status`, {
    status: { capacity: most, allocatable: most, conditions, images },
  });
}

function order(owner: string, name: string): bigint {
  const labels = { app: name };
  const resources = { requests: { cpu: '200m', memory: '128Mi' } };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: IMAGE, resources }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
  return chain.ask({ owner, path: '/apis/apps/v1/namespaces/default/deployments', manifest });
}

/** The node that the pod of an order was given. */
async function placed(owner: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespaceOf(owner)}/pods`;
  const find = async () => (await kubernetes.list<V1Pod>(path, `app=${name}`)).items[0]?.spec?.nodeName;
  await expect.poll(() => find().catch(() => undefined), SOON).toBeDefined();
  return (await find())!;
}

test('who submits and cancels in between, with one worker of eleven that claims the most, gets about its share', async () => {
  chain.hold(4, ATTACKER);
  const nodes: string[] = [];
  const ids: bigint[] = [];
  for (let index = 0; index < ORDERS; index += 1) {
    const name = `filler-${index}`;
    const filler = order(ATTACKER, name);
    // What lands on the own worker is called off, so that the others are always the fuller ones.
    if ((await placed(ATTACKER, name)) === EVIL) chain.cancel(filler);
    ids.push(order(ownerOf(index + 1), 'victim'));
    nodes.push(await placed(ownerOf(index + 1), 'victim'));
  }
  // Of 20 with 1 in 11 each: more than 8 come about once in 30,000 times.
  expect(nodes.filter((node) => node === EVIL).length, nodes.join()).toBeLessThanOrEqual(8);
  expect(new Set(nodes).size).toBeGreaterThan(4);
  for (const [index, id] of ids.entries())
    await expect.poll(() => chain.workers(id), SOON).toEqual([nodes[index]]);
});
