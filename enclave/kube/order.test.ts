import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeEvent } from '@daasvader/chain/events.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { FakeKubernetes } from '@daasvader/testbed/enclave/fake-kubernetes.ts';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import type { Report } from '../chain/report.ts';
import { Metrics } from '../metrics.ts';
import { Order, type OrderOptions } from './order.ts';
import { objectOf } from './replay.ts';
import { RETRY_LIMITS } from './retry.ts';
import { Turns } from './turns.ts';

const NEVER = new Promise<never>(() => undefined);
const PATH = '/api/v1/namespaces/default/configmaps';

/** What orders are carried out with, on a chain that never says that it was told. */
function hands(kubernetes = new FakeKubernetes()): OrderOptions {
  const told = () => NEVER;
  return {
    kubernetes,
    state: stateOf(),
    tenants: { ensure: async () => undefined },
    tracker: { outcome: told, replaced: () => undefined, forget: () => undefined },
    answers: { record: () => undefined },
    blobs: { fetch: told },
    report: { started: told, completed: told, failed: told, settled: told } as unknown as Report,
    whenFresh: async () => undefined,
    turns: new Turns(),
    limits: RETRY_LIMITS,
    audit: new Audit(() => undefined),
    metrics: new Metrics(),
    log: pino({ enabled: false }),
  };
}

/** What the chain says: the owner is a developer. */
function stateOf(): ClusterState {
  const state = new ClusterState(objectOf);
  const chain = new FakeChain();
  chain.hold(2);
  for (const event of chain.events) state.apply(decodeEvent(event)!);
  return state;
}

function request(id: number, method: 'POST' | 'DELETE', value = '') {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { value } };
  const nothing = { labels: '', containerName: '', image: '', port: '', query: '', size: 0, blob: undefined };
  return {
    ...{ requestId: BigInt(id), method, requester: OWNER, owner: OWNER, namespace: 'default', atMs: 1_000 },
    ...nothing,
    ...(method === 'POST'
      ? { path: PATH, name: '', contentType: 'application/json', body: Buffer.from(JSON.stringify(object)) }
      : { path: `${PATH}/web`, name: 'web', contentType: '', body: undefined }),
    ...{ status: 0, wasStarted: false, isSuperseded: false, workers: [] },
  };
}

/** MiB in use that cannot be given back. */
function used(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

test('a deletion makes an end of what is before it, whatever the number of deletions between them', async () => {
  const options = hands();
  const first = new Order(request(1, 'POST'), options, () => undefined);
  const chain = [first];
  for (let id = 2; id <= 20_000; id += 1)
    chain.push(new Order(request(id, 'DELETE'), options, () => chain.at(-1)));
  for (const order of chain.slice(-2)) void order.run(Promise.resolve());
  await first.written;
});

test('what is cancelled keeps nothing big while the chain is not told, however many there are', async () => {
  const options = hands();
  const before = used();
  const orders = Array.from({ length: 2_000 }, (_, id) => {
    const order = new Order(request(id, 'POST', `${id}`.padEnd(7_000)), options, () => undefined);
    void order.run(NEVER);
    void order.cancel();
    return order;
  });
  // Of 28 MiB that they were asked for with, once each has come to where it waits for the chain.
  await expect.poll(() => used() - before, { timeout: 20_000, interval: 200 }).toBeLessThan(10);
  expect(orders).toHaveLength(2_000);
});
