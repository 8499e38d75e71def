import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from './outcome.ts';
import { MAX_REASON_BYTES } from './reason.ts';

const deployment = (status: object) => ({
  kind: 'Deployment',
  metadata: { uid: 'd', generation: 2, annotations: { 'deployment.kubernetes.io/revision': '2' } },
  spec: { replicas: 2 },
  status: { observedGeneration: 2, ...status },
});

const statefulSet = (status: object, updateStrategy: object = { type: 'RollingUpdate' }) => ({
  kind: 'StatefulSet',
  metadata: { uid: 's', generation: 2 },
  spec: { replicas: 3, updateStrategy },
  status: {
    ...{
      observedGeneration: 2,
      replicas: 3,
      availableReplicas: 3,
      updatedReplicas: 3,
      updateRevision: 'new',
    },
    ...status,
  },
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
  [
    'a Deployment that is held up by whoever wants it so',
    { ...deployment({ updatedReplicas: 0 }), spec: { replicas: 2, paused: true } },
    'ready',
  ],
  ['a StatefulSet with all pods', statefulSet({}), 'ready'],
  ['a StatefulSet whose controller saw an older one', statefulSet({ observedGeneration: 1 }), 'waiting'],
  ['a StatefulSet with a pod that is not available', statefulSet({ availableReplicas: 2 }), 'waiting'],
  ['a StatefulSet with a pod too many', statefulSet({ replicas: 4 }), 'waiting'],
  ['a StatefulSet with an older pod', statefulSet({ updatedReplicas: 2 }), 'waiting'],
  [
    'a StatefulSet with an older pod that is to stay',
    statefulSet({ updatedReplicas: 2 }, { rollingUpdate: { partition: 1 } }),
    'ready',
  ],
  [
    'a StatefulSet with older pods that wait to be deleted',
    statefulSet({ updatedReplicas: 0 }, { type: 'OnDelete' }),
    'ready',
  ],
  ['a new Job', { kind: 'Job' }, 'waiting'],
  ['a Job whose pod waits', { kind: 'Job', status: { active: 1 } }, 'waiting'],
  ['a Job that has started', { kind: 'Job', status: { active: 1, ready: 1 } }, 'ready'],
  ['a Job between two attempts', { kind: 'Job', status: { failed: 1 } }, 'ready'],
  ['a Job that is not to start yet', { kind: 'Job', spec: { suspend: true } }, 'ready'],
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
  ['a CronJob', { kind: 'CronJob' }, 'ready'],
  [
    'a claim of a volume, which is bound where its first pod lands',
    { kind: 'PersistentVolumeClaim' },
    'ready',
  ],
])('%s is %s', (_, object, state) => {
  expect(outcomeOf(object as KubernetesObject).state).toBe(state);
});

const waitingPod = (reason: string, message: string, metadata: V1Pod['metadata'] = {}): V1Pod => ({
  kind: 'Pod',
  metadata,
  status: {
    phase: 'Pending',
    containerStatuses: [{ name: 'c', state: { waiting: { reason, message } } } as never],
  },
});

test.each([
  ['an image whose name is none', 'InvalidImageName', 'invalid reference format'],
  ['an image that must not be fetched', 'ErrImageNeverPull', 'Container image is not present'],
])('%s fails at once and says so', (_, reason, message) => {
  expect(outcomeOf(waitingPod(reason, message))).toEqual({
    state: 'failed',
    reason: `${reason}: ${message}`,
  });
});

test.each([
  'container has runAsNonRoot and image will run as root (pod: "web", container: c)',
  'container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root',
])('an image that needs root fails at once and says what to do: %s', (message) => {
  const { state, reason } = outcomeOf(waitingPod('CreateContainerConfigError', message));
  expect(state).toBe('failed');
  expect(reason).toMatch(/set runAsUser, take another image, or set hostUsers: false/);
  expect(Buffer.byteLength(reason.replace('container c', 'c'.repeat(63)))).toBeLessThan(MAX_REASON_BYTES);
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
  const replicaSet = (uid: string, revision: string): KubernetesObject => ({
    kind: 'ReplicaSet',
    metadata: { ...owned('d'), uid, annotations: { 'deployment.kubernetes.io/revision': revision } },
  });
  const bad = (metadata: object) => waitingPod('InvalidImageName', 'bad', metadata);
  const made = (...pods: V1Pod[]) => [...pods, replicaSet('old', '1'), replicaSet('new', '2')];

  test.each<[string, V1Pod, string]>([
    ['the current template', bad(owned('new')), 'failed'],
    ['the former template', bad(owned('old')), 'waiting'],
    ['nobody', bad({}), 'waiting'],
    ['the current template and terminating', bad(owned('new', { deletionTimestamp: new Date() })), 'waiting'],
    [
      'the current template, and was evicted',
      { kind: 'Pod', metadata: owned('new'), status: { phase: 'Failed', reason: 'Evicted' } },
      'waiting',
    ],
  ])('one of %s: the Deployment is judged by it or not', (_, pod, state) => {
    expect(outcomeOf(deployment({}), made(pod)).state).toBe(state);
  });

  test('none is believed before the controller has seen the new template', () => {
    const { state } = outcomeOf(deployment({ observedGeneration: 1 }), made(bad(owned('new'))));
    expect(state).toBe('waiting');
  });

  test('those of a DaemonSet are of its current generation', () => {
    const of = (generation: string) =>
      outcomeOf(daemonSet(1), [bad(owned('ds', { labels: { 'pod-template-generation': generation } }))]);
    expect(of('2').state).toBe('failed');
    expect(of('1').state).toBe('waiting');
  });

  test('those of a StatefulSet are of its current revision', () => {
    const of = (revision: string) =>
      outcomeOf(statefulSet({ updatedReplicas: 2 }), [
        bad(owned('s', { labels: { 'controller-revision-hash': revision } })),
      ]);
    expect(of('new').state).toBe('failed');
    expect(of('old').state).toBe('waiting');
  });

  test('those of a Job are all that were made for it', () => {
    const job = { kind: 'Job', metadata: { uid: 'j' } };
    expect(outcomeOf(job, [bad(owned('j'))]).state).toBe('failed');
  });

  test('the complaint is told while it is waited, such as that of a claim that nobody can bind', () => {
    const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims';
    const pod: V1Pod = {
      kind: 'Pod',
      metadata: owned('new'),
      status: { conditions: [{ type: 'PodScheduled', status: 'False', message }] },
    };
    expect(outcomeOf(deployment({}), made(pod)).reason).toBe(`0 of 2 replicas are available: ${message}`);
  });
});
