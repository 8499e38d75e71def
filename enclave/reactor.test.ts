import { encodeEvent } from '@daasvader/chain/events.ts';
import { logPrefix, type RawEvent } from '@daasvader/chain/log.ts';
import { FakeKubernetes } from '@daasvader/testbed/enclave/fake-kubernetes.ts';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from './audit/audit.ts';
import { ClusterState } from './chain/cluster-state.ts';
import { Freshness } from './chain/freshness.ts';
import type { Request } from './chain/requests.ts';
import { Writer } from './chain/writer.ts';
import { Executor } from './kube/executor.ts';
import type { Nodes } from './kube/nodes.ts';
import { objectOf } from './kube/replay.ts';
import type { Tenants } from './kube/tenants.ts';
import type { Tracker } from './kube/tracker.ts';
import { Metrics } from './metrics.ts';
import { Reactor } from './reactor.ts';

const LOG = `0x${'01'.repeat(32)}`;
const USER = `0x${'a1'.repeat(32)}`;
const log = pino({ enabled: false });
const soon = () => new Promise((resolve) => setTimeout(resolve, 150));

function raw(
  kind:
    | 'K8sAPIRequestScheduledEvent'
    | 'UserStakedEvent'
    | 'RequestCancelledEvent'
    | 'SealTokenRefreshedEvent'
    | 'WorkerRegisteredEvent'
    | 'RoleStakesProposedEvent',
  fields: object,
): RawEvent {
  const bytes = encodeEvent(kind, fields as never);
  return { ...logPrefix(bytes), type: `0xda::module::${kind}`, bytes };
}

const scheduled = raw('K8sAPIRequestScheduledEvent', {
  ...{
    logId: LOG,
    seq: 1,
    requestId: 7,
    method: 'POST',
    path: '/apis/apps/v1/namespaces/default/deployments',
  },
  ...{
    name: 'web',
    labels: '',
    namespace: 'default',
    containerName: 'web',
    image: 'nginx:alpine',
    port: '80',
  },
  ...{ requester: USER, owner: USER, role: 2, atMs: 5 },
});
const roleStakes = raw('RoleStakesProposedEvent', {
  ...{ logId: LOG, seq: 1, proposedAtMs: 0, effectiveAtMs: 0 },
  roleStakes: { viewer: 1, developer: 4, admin: 10, super: 20 },
});
const cancelled = raw('RequestCancelledEvent', { logId: LOG, seq: 2, requestId: 7 });
const staked = raw('UserStakedEvent', {
  logId: LOG,
  seq: 1,
  user: USER,
  amount: 1,
  total: 4,
  role: 2,
  atMs: 5,
});

/** A reactor with hands that note what they do, and a chain whose word is old until `makeFresh`. */
async function reactor() {
  const done: string[] = [];
  const state = new ClusterState(objectOf);
  const metrics = new Metrics();
  const freshness = new Freshness(60_000);
  const whenFresh = () => freshness.wait();
  const kubernetes = new FakeKubernetes();
  kubernetes.onWrite = () => done.push('apply');
  const tenants = {
    ensure: async () => void done.push('ensure'),
    follow: async () => void done.push('follow'),
  } as unknown as Tenants;
  const tracker = {
    outcome: async () => ({ state: 'ready' }),
    forget: () => undefined,
  } as unknown as Tracker;
  const operator = {
    execute: async () => {
      done.push('transaction');
      return { digest: 'digest', objectTypes: {} };
    },
  };
  const writer = new Writer({ operator, begin: () => '' as never, freshness, metrics, log });
  const seat = {} as never;
  const audit = new Audit(() => undefined);
  const answers = { record: () => undefined };
  const blobs = { fetch: () => Promise.reject(new Error('no blobs')) };
  const parts = {
    answers,
    blobs,
    kubernetes,
    tenants,
    tracker,
    state,
    writer,
    seat,
    whenFresh,
    audit,
    metrics,
    log,
  };
  const subject = new Reactor({ state, whenFresh, log, metrics });
  for (const event of [roleStakes, staked]) subject.onEvent(event);
  state.roles.takeChanged();
  const nodes = { onWorkerStatus: async (nodeId: string) => void done.push(nodeId) } as Nodes;
  await subject.rebuild({ executor: new Executor(parts), tenants, nodes });
  const makeFresh = () => {
    freshness.sent('fresh');
    freshness.echoed('fresh');
  };
  return { subject, done, state, freshness, makeFresh };
}

test.each([
  [
    'is registered, whose name may have been kept out',
    raw('WorkerRegisteredEvent', {
      ...{ logId: LOG, seq: 1, nodeId: 'w', owner: USER, sealToken: '', identityKey: new Uint8Array(32) },
      ...{ stake: 5, tokenExpiresAtMs: 0 },
    }),
  ],
  [
    'has a new seal token, for which its return may have waited',
    raw('SealTokenRefreshedEvent', { logId: LOG, seq: 1, nodeId: 'w', sealToken: '', tokenExpiresAtMs: 0 }),
  ],
])('a worker that %s is looked at', async (_, event) => {
  const { subject, done, makeFresh } = await reactor();
  makeFresh();
  subject.onEvent(event);
  await expect.poll(() => done).toEqual(['w']);
});

test('while the word is old nothing is written, to Kubernetes or the chain; then what waited is done', async () => {
  const { subject, done, makeFresh } = await reactor();
  subject.onEvent(staked);
  subject.onEvent(scheduled);
  await soon();
  expect(done).toEqual([]);
  makeFresh();
  await expect.poll(() => done).toContain('transaction');
  expect(done).toEqual(expect.arrayContaining(['follow', 'ensure', 'apply']));
});

test('a request that was called off while it waited is not carried out', async () => {
  const { subject, done, makeFresh } = await reactor();
  subject.onEvent(scheduled);
  await soon();
  subject.onEvent(cancelled);
  makeFresh();
  await expect.poll(() => done).toEqual(['transaction']); // which settles it
  await soon();
  expect(done).toEqual(['transaction']);
});

test('halted for good, nothing is ever written', async () => {
  const { subject, done, freshness, makeFresh } = await reactor();
  makeFresh();
  freshness.halt('the log was forged');
  subject.onEvent(staked);
  subject.onEvent(scheduled);
  await soon();
  expect(done).toEqual([]);
});

test('an event that cannot be decoded is not taken note of, and whoever reports it hears of it', async () => {
  const { subject, state } = await reactor();
  const cut = { ...scheduled, bytes: scheduled.bytes.slice(0, 60) };
  expect(() => subject.onEvent(cut)).toThrow();
  expect(state.requests.desired).toEqual([]);
});

test('a boot does not wait for a request that hangs', async () => {
  const state = new ClusterState(objectOf);
  const subject = new Reactor({
    ...{ state, log, metrics: new Metrics(), whenFresh: async () => undefined, rebuildMs: 20 },
  });
  subject.onEvent(scheduled);
  const submitted: bigint[] = [];
  const submit = ({ requestId }: Request) => void submitted.push(requestId);
  const executor = { submit, tried: new Promise(() => undefined) } as unknown as Executor;
  const tenants = { follow: async () => undefined } as unknown as Tenants;
  await subject.rebuild({ executor, tenants, nodes: {} as Nodes });
  expect(submitted).toEqual([7n]);
});

test('what is asked for again and again while Kubernetes is away is done once when it is back', async () => {
  const state = new ClusterState(objectOf);
  const subject = new Reactor({ state, log, metrics: new Metrics(), whenFresh: async () => undefined });
  let [isThere, tries, changes] = [false, 0, 0];
  const follow = async () => {
    tries += 1;
    if (!isThere) throw new Error('away');
    changes += 1;
  };
  const executor = {} as Executor;
  await subject.rebuild({ executor, tenants: { follow } as unknown as Tenants, nodes: {} as Nodes });
  for (let index = 0; index < 50; index += 1) {
    subject.onEvent(staked);
    await new Promise((resolve) => setImmediate(resolve));
  }
  isThere = true;
  await expect.poll(() => changes, { timeout: 5_000 }).toBeGreaterThan(0);
  await soon();
  expect(changes).toBeLessThan(3);
  expect(tries).toBeLessThan(60);
});
