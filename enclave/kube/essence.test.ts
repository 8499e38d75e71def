import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { essenceOf } from './essence.ts';
import { outcomeOf } from './outcome.ts';

const LONG = 'x'.repeat(100_000);
const LITTLE = 2_000;

const pod = (phase: string, metadata: object = {}): V1Pod => ({
  kind: 'Pod',
  metadata: {
    ...{ name: 'p', namespace: 'a', uid: 'u', labels: { app: LONG }, managedFields: [{ manager: LONG }] },
    ...metadata,
  },
  spec: { nodeName: 'worker-1', containers: [{ name: 'c', env: [{ name: 'A', value: LONG }] }] },
  status: {
    phase,
    containerStatuses: [
      {
        name: 'c',
        image: LONG,
        state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
      },
    ] as never,
  },
});
const made = { ownerReferences: [{ apiVersion: 'v1', kind: 'x', name: 'x', uid: 'y', controller: true }] };

test('of a pod little is kept, and it is judged as the whole', () => {
  const essence = essenceOf(pod('Pending')) as V1Pod;
  expect(JSON.stringify(essence).length).toBeLessThan(LITTLE);
  expect(outcomeOf(essence)).toEqual(outcomeOf(pod('Pending')));
  expect(essence.spec?.nodeName).toBe('worker-1');
});

test('a pod that has ended counts only where it stands alone', () => {
  expect(essenceOf(pod('Failed'))).toBeDefined();
  expect(essenceOf(pod('Running', made))?.metadata?.ownerReferences).toEqual(made.ownerReferences);
  expect(essenceOf(pod('Failed', made))).toBeUndefined();
  expect(essenceOf(pod('Succeeded', made))).toBeUndefined();
});

test('of a workload its status is kept, and not its template', () => {
  const deployment = {
    kind: 'Deployment',
    metadata: {
      ...{ name: 'd', namespace: 'a', uid: 'u', generation: 3 },
      annotations: { 'daasvader.io/request-id': '7', 'deployment.kubernetes.io/revision': '2', note: LONG },
    },
    spec: { replicas: 2, template: { metadata: { labels: { app: LONG } } } },
    status: { observedGeneration: 3, availableReplicas: 1 },
  } as KubernetesObject;
  const essence = essenceOf(deployment);
  expect(JSON.stringify(essence).length).toBeLessThan(LITTLE);
  expect(outcomeOf(essence!)).toEqual(outcomeOf(deployment));
  expect(essence?.metadata?.annotations).toMatchObject({ 'daasvader.io/request-id': '7' });
});
