import { expect, test } from 'vitest';
import { outcomeOf } from './outcome.ts';

const deployment = (status: object) => ({
  kind: 'Deployment',
  metadata: { generation: 2 },
  spec: { replicas: 2 },
  status,
});

const daemonSet = (numberReady: number, observedGeneration = 2) => ({
  kind: 'DaemonSet',
  metadata: { generation: 2 },
  status: { observedGeneration, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady },
});

test.each([
  ['a DaemonSet on all nodes', daemonSet(2), 'ready'],
  ['a DaemonSet that is missing on a node', daemonSet(1), 'waiting'],
  ['a DaemonSet whose controller saw an older one', daemonSet(2, 1), 'waiting'],
  [
    'a Deployment whose controller saw an older one',
    deployment({ observedGeneration: 1, availableReplicas: 2, updatedReplicas: 2 }),
    'waiting',
  ],
  [
    'a Deployment with old replicas',
    deployment({ observedGeneration: 2, availableReplicas: 2, updatedReplicas: 1 }),
    'waiting',
  ],
  [
    'a Deployment with all replicas',
    deployment({ observedGeneration: 2, availableReplicas: 2, updatedReplicas: 2 }),
    'ready',
  ],
  [
    'a Deployment over its quota',
    deployment({ conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] }),
    'failed',
  ],
  [
    'a Deployment that gave up',
    deployment({ conditions: [{ type: 'Progressing', status: 'False' }] }),
    'failed',
  ],
  ['a new Job', { kind: 'Job' }, 'waiting'],
  [
    'a completed Job',
    { kind: 'Job', status: { conditions: [{ type: 'Complete', status: 'True' }] } },
    'ready',
  ],
  ['a failed Job', { kind: 'Job', status: { conditions: [{ type: 'Failed', status: 'True' }] } }, 'failed'],
  ['a pending Pod', { kind: 'Pod', status: { phase: 'Pending' } }, 'waiting'],
  ['a Pod that runs but is not ready', { kind: 'Pod', status: { phase: 'Running' } }, 'waiting'],
  [
    'a ready Pod',
    { kind: 'Pod', status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    'ready',
  ],
  ['a ConfigMap', { kind: 'ConfigMap' }, 'ready'],
])('%s is %s', (_, object, state) => {
  expect(outcomeOf(object).state).toBe(state);
});

test('an image that needs root fails and says so', () => {
  const waiting = {
    reason: 'CreateContainerConfigError',
    message: 'container has runAsNonRoot and image will run as root',
  };
  const outcome = outcomeOf({
    kind: 'Pod',
    status: { containerStatuses: [{ state: { waiting } }] },
  } as object);
  expect(outcome).toEqual({ state: 'failed', reason: expect.stringContaining('will run as root') });
});
