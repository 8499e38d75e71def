import type { KubernetesObject, V1Pod, V1ReplicaSet } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { outcomeOf, type Parts } from './outcome.ts';

const deployment = (status: object) => ({
  kind: 'Deployment',
  metadata: { uid: 'd', generation: 2, annotations: { 'deployment.kubernetes.io/revision': '2' } },
  spec: { replicas: 2 },
  status: { observedGeneration: 2, ...status },
});

const daemonSet = (numberAvailable: number, observedGeneration = 2, type = 'RollingUpdate') => ({
  kind: 'DaemonSet',
  metadata: { uid: 'ds', generation: 2, annotations: { 'deprecated.daemonset.template.generation': '2' } },
  spec: { updateStrategy: { type } },
  status: { observedGeneration, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable },
});

test.each([
  ['a DaemonSet on all nodes', daemonSet(2), 'ready'],
  ['a DaemonSet that is missing on a node', daemonSet(1), 'waiting'],
  ['a DaemonSet whose controller saw an older one', daemonSet(2, 1), 'waiting'],
  [
    'a DaemonSet with an older pod',
    { ...daemonSet(2), status: { ...daemonSet(2).status, updatedNumberScheduled: 1 } },
    'waiting',
  ],
  [
    'a DaemonSet with an older pod that waits to be deleted',
    { ...daemonSet(2, 2, 'OnDelete'), status: { ...daemonSet(2).status, updatedNumberScheduled: 1 } },
    'ready',
  ],
  [
    'a Deployment whose controller saw an older one',
    deployment({ observedGeneration: 1, replicas: 2, availableReplicas: 2, updatedReplicas: 2 }),
    'waiting',
  ],
  [
    'a Deployment with old replicas',
    deployment({ replicas: 3, availableReplicas: 2, updatedReplicas: 1 }),
    'waiting',
  ],
  [
    'a Deployment whose old replicas are those that are available',
    deployment({ replicas: 4, availableReplicas: 2, updatedReplicas: 2 }),
    'waiting',
  ],
  [
    'a Deployment with all replicas',
    deployment({ replicas: 2, availableReplicas: 2, updatedReplicas: 2 }),
    'ready',
  ],
  [
    'a Deployment over its quota',
    deployment({ conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] }),
    'waiting',
  ],
  [
    'a Deployment that is slow',
    deployment({ conditions: [{ type: 'Progressing', status: 'False' }] }),
    'waiting',
  ],
  ['a new Job', { kind: 'Job' }, 'waiting'],
  ['a Job that has started', { kind: 'Job', status: { active: 1, ready: 1 } }, 'running'],
  ['a Job between two attempts', { kind: 'Job', status: { failed: 1 } }, 'running'],
  [
    'a completed Job',
    { kind: 'Job', status: { conditions: [{ type: 'Complete', status: 'True' }] } },
    'ready',
  ],
  ['a failed Job', { kind: 'Job', status: { conditions: [{ type: 'Failed', status: 'True' }] } }, 'failed'],
  ['a pending Pod', { kind: 'Pod', status: { phase: 'Pending' } }, 'waiting'],
  ['a Pod that runs but is not ready', { kind: 'Pod', status: { phase: 'Running' } }, 'waiting'],
  ['a Pod that was evicted', { kind: 'Pod', status: { phase: 'Failed', reason: 'Evicted' } }, 'failed'],
  [
    'a ready Pod',
    { kind: 'Pod', status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    'ready',
  ],
  ['a ConfigMap', { kind: 'ConfigMap' }, 'ready'],
])('%s is %s', (_, object, state) => {
  expect(outcomeOf(object as KubernetesObject).state).toBe(state);
});

const waitingPod = (reason: string, message: string, metadata: V1Pod['metadata'] = {}): V1Pod => ({
  kind: 'Pod',
  metadata,
  status: {
    phase: 'Pending',
    containerStatuses: [{ state: { waiting: { reason, message } } } as never],
  },
});

test.each([
  [
    'an image that needs root',
    'CreateContainerConfigError',
    'container has runAsNonRoot and image will run as root',
  ],
  ['an image whose name is none', 'InvalidImageName', 'invalid reference format'],
  ['an image that must not be fetched', 'ErrImageNeverPull', 'Container image is not present'],
])('%s fails at once and says so', (_, reason, message) => {
  expect(outcomeOf(waitingPod(reason, message))).toEqual({
    state: 'failed',
    reason: `${reason}: ${message}`,
  });
});

test.each([
  ['a Secret that is not there yet', 'CreateContainerConfigError', 'secret "db" not found'],
  ['an image that is not there yet', 'ImagePullBackOff', 'Back-off pulling image'],
  ['a container that fails', 'CrashLoopBackOff', 'back-off 10s restarting'],
  ['a container that cannot be started', 'RunContainerError', 'exec: not found'],
])('%s is waited for, and told', (_, reason, message) => {
  expect(outcomeOf(waitingPod(reason, message))).toEqual({
    state: 'waiting',
    reason: `the pod is Pending: ${reason}: ${message}`,
  });
});

describe('of the pods of a workload', () => {
  const owned = (uid: string, fields: object = {}) => ({
    uid: `${uid}-pod`,
    ownerReferences: [{ apiVersion: 'v1', kind: 'x', name: 'x', uid, controller: true }],
    ...fields,
  });
  const replicaSet = (uid: string, revision: string, owner = 'd'): V1ReplicaSet => ({
    metadata: { ...owned(owner), uid, annotations: { 'deployment.kubernetes.io/revision': revision } },
  });
  const bad = (metadata: object) => waitingPod('InvalidImageName', 'bad', metadata);
  const parts = (...pods: V1Pod[]): Parts => ({
    pods,
    replicaSets: [replicaSet('old', '1'), replicaSet('new', '2'), replicaSet('foreign', '2', 'another')],
  });

  test.each<[string, V1Pod, string]>([
    ['the current template', bad(owned('new')), 'failed'],
    ['the former template', bad(owned('old')), 'waiting'],
    ['another workload of the same name', bad(owned('foreign')), 'waiting'],
    ['nobody', bad({}), 'waiting'],
    ['the current template and terminating', bad(owned('new', { deletionTimestamp: new Date() })), 'waiting'],
    [
      'the current template, and was evicted',
      { metadata: owned('new'), status: { phase: 'Failed', reason: 'Evicted' } },
      'waiting',
    ],
  ])('one of %s: the Deployment is judged by it or not', (_, pod, state) => {
    expect(outcomeOf(deployment({}), parts(pod)).state).toBe(state);
  });

  test('none is believed before the controller has seen the new template', () => {
    const { state } = outcomeOf(deployment({ observedGeneration: 1 }), parts(bad(owned('new'))));
    expect(state).toBe('waiting');
  });

  test('those of a DaemonSet are of its current generation', () => {
    const of = (generation: string, uid = 'ds') =>
      outcomeOf(daemonSet(1), parts(bad(owned(uid, { labels: { 'pod-template-generation': generation } }))));
    expect(of('2').state).toBe('failed');
    expect(of('1').state).toBe('waiting');
    expect(of('2', 'another').state).toBe('waiting');
  });

  test('those of a Job are its own', () => {
    const job = { kind: 'Job', metadata: { uid: 'j' } };
    expect(outcomeOf(job, parts(bad(owned('j')))).state).toBe('failed');
    expect(outcomeOf(job, parts(bad(owned('another')))).state).toBe('waiting');
  });

  test('the complaint is told while it is waited', () => {
    const pod: V1Pod = {
      metadata: owned('new'),
      status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }] },
    };
    expect(outcomeOf(deployment({}), parts(pod)).reason).toBe(
      '0 of 2 replicas are available: 0/1 nodes are available',
    );
  });
});
