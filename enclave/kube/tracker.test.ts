import type { KubernetesObject } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { Kubernetes } from './kubernetes.ts';
import { Tracker } from './tracker.ts';

const deployment = (status: object = {}): KubernetesObject =>
  ({ kind: 'Deployment', metadata: { name: 'web', namespace: 'a', generation: 1 }, status }) as object;
const ready = deployment({ observedGeneration: 1, availableReplicas: 1, updatedReplicas: 1 });

function tracker() {
  return new Tracker({} as Kubernetes); // nothing here watches
}

test('a request whose workload is replaced before it is ready has not failed', async () => {
  const subject = tracker();
  const first = subject.outcome(deployment(), '1');
  const second = subject.outcome(deployment(), '2');
  expect(await first).toMatchObject({ state: 'replaced', reason: expect.stringContaining('2') });
  expect(await subject.outcome(ready, '3')).toMatchObject({ state: 'ready' });
  expect(await second).toMatchObject({ state: 'replaced' });
});

test('a request that comes again replaces nothing and shares the outcome', async () => {
  const subject = tracker();
  const outcomes = Promise.all([subject.outcome(deployment(), '1'), subject.outcome(deployment(), '1')]);
  await subject.outcome(ready, '2');
  expect(await outcomes).toMatchObject([{ state: 'replaced' }, { state: 'replaced' }]);
});
