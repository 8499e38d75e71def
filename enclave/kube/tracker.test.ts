import type { KubernetesObject } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { Kubernetes } from './kubernetes.ts';
import { Tracker } from './tracker.ts';

const OWN = 'daasvader.io/';

const deployment = (requestId: string, status: object = {}, generation = 1): KubernetesObject =>
  ({
    kind: 'Deployment',
    metadata: {
      ...{ name: 'web', namespace: 'a', uid: 'd', generation },
      annotations: { [`${OWN}request-id`]: requestId, 'deployment.kubernetes.io/revision': `${generation}` },
    },
    status,
  }) as object;
const available = { observedGeneration: 1, replicas: 1, availableReplicas: 1, updatedReplicas: 1 };
const ownedBy = (uid: string) => [{ apiVersion: 'v1', kind: 'x', name: 'x', uid, controller: true }];
const podOf = (name: string, owner: string, more: object = {}, metadata: object = {}) =>
  ({
    kind: 'Pod',
    metadata: { name, namespace: 'a', uid: name, ownerReferences: ownedBy(owner), ...metadata },
    ...more,
  }) as KubernetesObject;
const replicaSet = (revision: string) => ({
  kind: 'ReplicaSet',
  metadata: {
    ...{
      name: `web-${revision}`,
      namespace: 'a',
      uid: `rs${revision}`,
      ownerReferences: ownedBy('d'),
    },
    annotations: { 'deployment.kubernetes.io/revision': revision },
  },
});
const BAD = {
  status: { containerStatuses: [{ state: { waiting: { reason: 'InvalidImageName', message: 'bad' } } }] },
};
const badPod = (revision: string) => podOf(`p${revision}`, `rs${revision}`, BAD);
const job = (requestId: string, status: object = {}) =>
  ({
    kind: 'Job',
    metadata: { name: 'j', namespace: 'a', uid: 'j', annotations: { [`${OWN}request-id`]: requestId } },
    status,
  }) as object;

function tracker(readyMs?: number) {
  return new Tracker({} as Kubernetes, readyMs); // nothing here watches
}

test('a request whose workload is replaced before it is ready has not failed', async () => {
  const subject = tracker();
  const first = subject.outcome(deployment('1'), '1');
  const second = subject.outcome(deployment('2'), '2');
  expect(await first).toMatchObject({ state: 'replaced', reason: expect.stringContaining('2') });
  expect(await subject.outcome(deployment('3', available), '3')).toMatchObject({ state: 'ready' });
  expect(await second).toMatchObject({ state: 'replaced' });
});

test('a request that comes again replaces nothing and shares the outcome', async () => {
  const subject = tracker();
  const outcomes = Promise.all([
    subject.outcome(deployment('1'), '1'),
    subject.outcome(deployment('1'), '1'),
  ]);
  await subject.outcome(deployment('2', available), '2');
  expect(await outcomes).toMatchObject([{ state: 'replaced' }, { state: 'replaced' }]);
});

test('what was there before decides nothing: an order that repairs a bad image is judged by its own pods', async () => {
  const subject = tracker();
  subject.see(deployment('1', { observedGeneration: 1 }), 'present');
  subject.see(replicaSet('1'), 'present');
  subject.see(badPod('1'), 'present');
  expect(await subject.outcome(deployment('1', { observedGeneration: 1 }), '1')).toMatchObject({
    state: 'failed',
    reason: 'InvalidImageName: bad',
  });
  const repaired = subject.outcome(deployment('2', { observedGeneration: 1 }, 2), '2');
  subject.see(deployment('2', { observedGeneration: 2 }, 2), 'present'); // before its ReplicaSet is heard of
  subject.see(badPod('1'), 'present');
  subject.see(replicaSet('2'), 'present');
  subject.see(deployment('2', { ...available, observedGeneration: 2 }, 2), 'present');
  expect(await repaired).toMatchObject({ state: 'ready' });
});

test('a workload of the same name with another uid decides nothing', async () => {
  const subject = tracker(50);
  const other = deployment('1', available);
  other.metadata!.uid = 'another';
  const outcome = subject.outcome(deployment('1'), '1');
  subject.see(other, 'present');
  expect(await outcome).toMatchObject({ state: 'failed' });
});

test('at the deadline it fails with what its own pods say', async () => {
  const subject = tracker(50);
  const outcome = subject.outcome(deployment('1', { observedGeneration: 1 }), '1');
  subject.see(replicaSet('1'), 'present');
  const status = { conditions: [{ type: 'PodScheduled', status: 'False', message: 'no room' }] };
  subject.see({ ...badPod('1'), status } as object, 'present');
  expect(await outcome).toEqual({
    state: 'failed',
    reason: 'not ready in 0.05 s: 0 of 1 replicas are available: no room',
  });
});

test('a job is waited for until it has started, however long it takes then', async () => {
  const subject = tracker();
  const outcome = subject.outcome(job('1', { active: 1 }), '1');
  subject.see(job('1', { active: 1, ready: 1 }), 'present');
  expect(await outcome).toMatchObject({ state: 'ready' });
});

test('a job that is cleared away when it has completed has completed', async () => {
  const subject = tracker();
  const outcome = subject.outcome(job('1'), '1');
  subject.see(job('1', { conditions: [{ type: 'Complete', status: 'True' }] }), 'deleted');
  expect(await outcome).toMatchObject({ state: 'ready' });
});

test('what is gone before it was ready has failed', async () => {
  const subject = tracker();
  const outcome = subject.outcome(deployment('1'), '1');
  subject.see(deployment('1'), 'deleted');
  expect(await outcome).toMatchObject({ state: 'failed', reason: expect.stringContaining('it is gone') });
});

test('a scale, which leaves no stamp, is judged by what came of it', async () => {
  const subject = tracker();
  const scaled = deployment('1', { ...available, observedGeneration: 1 }, 2);
  const outcome = subject.outcome(scaled, '5');
  subject.see(deployment('1', available, 1), 'present'); // as it was before
  subject.see(deployment('1', { ...available, observedGeneration: 2 }, 2), 'present');
  expect(await outcome).toMatchObject({ state: 'ready' });
});

test('what a later request has changed is that one, also when nobody waits for it', async () => {
  const subject = tracker();
  const outcome = subject.outcome(deployment('9', {}, 2), '9');
  subject.see(deployment('8', available), 'present');
  subject.see(deployment('10', {}, 3), 'present');
  expect(await outcome).toMatchObject({ state: 'replaced', reason: expect.stringContaining('10') });
  const late = subject.outcome(deployment('9', {}, 2), '9');
  expect(await late).toMatchObject({ state: 'replaced' });
});

test.each(['Deployment, ReplicaSet, Pod', 'Pod, ReplicaSet, Deployment', 'ReplicaSet, Pod, Deployment'])(
  'pods are found whatever is heard of first: %s',
  async (order) => {
    const subject = tracker();
    const seen = [deployment('1', { observedGeneration: 1 }), replicaSet('1'), badPod('1')];
    for (const kind of order.split(', '))
      subject.see(seen.find((each) => each.kind === kind) as KubernetesObject, 'present');
    expect(await subject.outcome(seen[0]!, '1')).toMatchObject({
      state: 'failed',
      reason: expect.any(String),
    });
  },
);

test("what is in another namespace is nobody's, whatever it says, and what leads to itself leads nowhere", () => {
  const subject = tracker();
  const told: string[][] = [];
  void subject.outcome(
    deployment('1', { observedGeneration: 1 }),
    '1',
    (nodes) => void told.push([...nodes]),
  );
  subject.see(replicaSet('1'), 'present');
  const spec = { nodeName: 'worker-1' };
  subject.see(podOf('p', 'rs1', { ...BAD, spec }, { namespace: 'b' }), 'present');
  expect(told.flat()).toEqual([]);
  const circle = replicaSet('1');
  subject.see({ ...circle, metadata: { ...circle.metadata, ownerReferences: ownedBy('rs1') } }, 'present');
  subject.see(podOf('q', 'q'), 'present');
  subject.see(podOf('q', 'rs1', { spec }), 'present');
  expect(told.flat()).toEqual([]);
});

test('tells where the pods of a workload are, each node once, and not those of what has ended or goes', () => {
  const subject = tracker();
  const told: string[] = [];
  void subject.outcome(deployment('1'), '1', (nodes) => void told.push(nodes.join()));
  subject.see(deployment('1'), 'present');
  subject.see(replicaSet('1'), 'present');
  const pod = (name: string, nodeName: string | undefined, change: object = {}) =>
    subject.see(
      podOf(
        name,
        'rs1',
        { spec: { nodeName }, status: { phase: name === 'over' ? 'Succeeded' : 'Running' } },
        change,
      ),
      'present',
    );
  pod('p1', undefined);
  pod('p1', 'worker-2');
  pod('p2', 'worker-1');
  pod('p3', 'worker-1');
  pod('over', 'worker-3');
  pod('p2', 'worker-1', { deletionTimestamp: new Date() });
  pod('p3', 'worker-1', { deletionTimestamp: new Date() });
  const changes = told.filter((nodes, index) => nodes !== told[index - 1]);
  expect(changes).toEqual(['', 'worker-2', 'worker-1,worker-2', 'worker-2']);
});
