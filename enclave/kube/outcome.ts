import type {
  KubernetesObject,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1Pod,
  V1StatefulSet,
} from '@kubernetes/client-node';
import {
  controllerOf,
  DAEMON_SET_GENERATION,
  DEPLOYMENT_REVISION,
  POD_GENERATION,
  REVISION_HASH,
} from './essence.ts';
import { complaintOf, hopelessness, isOver } from './pod.ts';

/** How far a workload has come. */
export interface Outcome {
  /**
   * `ready`: it does what was asked for; of a job that it has started. `replaced`: its requester asked for something
   * else before it was ready. It was carried out, so it has not failed; whether what is there now works is told by the
   * later request.
   */
  readonly state: 'waiting' | 'ready' | 'failed' | 'replaced';
  readonly reason: string;
}

const READY: Outcome = { state: 'ready', reason: '' };
const UNSEEN: Outcome = { state: 'waiting', reason: 'its controller has not looked at it yet' };

/**
 * Judges a workload by its own status and its own pods: those of the template as it is now, that are not about to go.
 * What may still come right by itself is waited for. Whatever has no status of its own is ready once it is applied.
 *
 * @param made what its controllers made for it, of this template or an earlier one
 */
export function outcomeOf(object: KubernetesObject, made: readonly KubernetesObject[] = []): Outcome {
  const pods: V1Pod[] = made.filter(({ kind }) => kind === 'Pod');
  switch (object.kind) {
    case 'Deployment':
      return deploymentOutcome(object, made);
    case 'StatefulSet':
      return statefulSetOutcome(object, pods);
    case 'DaemonSet':
      return daemonSetOutcome(object, pods);
    case 'Job':
      return jobOutcome(object, pods);
    case 'Pod':
      return podOutcome(object);
    default:
      return READY;
  }
}

/** Whether it has done its work and does nothing any more: a later request for it means another one. */
export function isFinished(object: KubernetesObject): boolean {
  if (object.kind === 'Pod') return isOver(object);
  return object.kind === 'Job' && (hasCondition(object, 'Complete') || hasCondition(object, 'Failed'));
}

function deploymentOutcome(deployment: V1Deployment, made: readonly KubernetesObject[]): Outcome {
  if (!isSeen(deployment)) return UNSEEN; // its conditions are about what it was before
  const { metadata, spec, status } = deployment;
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status ?? {};
  if (updated >= wanted && replicas <= updated && available >= wanted) return READY;
  if (spec?.paused) return READY; // nothing is to be expected until somebody has it go on
  const revision = metadata?.annotations?.[DEPLOYMENT_REVISION];
  const current = made.find(
    (each) => each.kind === 'ReplicaSet' && each.metadata?.annotations?.[DEPLOYMENT_REVISION] === revision,
  );
  const own = made.filter(
    (each) => current !== undefined && controllerOf(each)?.uid === current.metadata?.uid,
  );
  // A quota may be met for a moment only, as in an update that needs room for one more; progress may be slow.
  const trouble = status?.conditions?.find(
    ({ type, status }) =>
      (type === 'ReplicaFailure' && status === 'True') || (type === 'Progressing' && status === 'False'),
  );
  const count = `${Math.min(available, updated)} of ${wanted} replicas are available`;
  return byPods(own, trouble?.message ? `${count}: ${trouble.message}` : count);
}

/** Ready when all its pods are, of the template of now but for those that it was told not to replace. */
function statefulSetOutcome(statefulSet: V1StatefulSet, pods: readonly V1Pod[]): Outcome {
  if (!isSeen(statefulSet)) return UNSEEN;
  const { spec, status } = statefulSet;
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, availableReplicas: available = 0, updatedReplicas: updated = 0 } = status ?? {};
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  const kept = type === 'OnDelete' ? wanted : (rollingUpdate?.partition ?? 0);
  if (updated >= wanted - kept && replicas <= wanted && available >= wanted) return READY;
  const own = pods.filter(({ metadata }) => metadata?.labels?.[REVISION_HASH] === status?.updateRevision);
  return byPods(own, `${available} of ${wanted} pods are available, ${updated} of them as they are to be`);
}

/** Ready when its pod is ready on every node that there is; nodes that join later do not change what became of it. */
function daemonSetOutcome(daemonSet: V1DaemonSet, pods: readonly V1Pod[]): Outcome {
  if (!isSeen(daemonSet)) return UNSEEN;
  const { metadata, spec, status } = daemonSet;
  const wanted = status?.desiredNumberScheduled ?? 0;
  const ready = status?.numberAvailable ?? status?.numberReady ?? 0;
  // Of those whose pods are replaced only when somebody deletes them nothing is to be expected.
  const updated = spec?.updateStrategy?.type === 'OnDelete' ? wanted : (status?.updatedNumberScheduled ?? 0);
  if (updated >= wanted && ready >= wanted) return READY;
  const generation = metadata?.annotations?.[DAEMON_SET_GENERATION];
  const own = pods.filter((pod) => pod.metadata?.labels?.[POD_GENERATION] === generation);
  return byPods(own, `${Math.min(ready, updated)} of ${wanted} pods are ready`);
}

/** Ready when it has started: its controller starts other pods for those that fail, and it may take as long as it takes. */
function jobOutcome(job: V1Job, pods: readonly V1Pod[]): Outcome {
  const failed = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (failed) return { state: 'failed', reason: failed.message ?? failed.reason ?? 'the job failed' };
  const { ready = 0, succeeded = 0, failed: lost = 0 } = job.status ?? {};
  const isStarted = ready + succeeded + lost > 0 || hasCondition(job, 'Complete');
  if (isStarted || job.spec?.suspend) return READY; // nothing starts until somebody has it go on
  return byPods(pods, 'the job has not started');
}

function podOutcome(pod: V1Pod): Outcome {
  const { phase, conditions = [], message, reason } = pod.status ?? {};
  // Nobody replaces a pod that stands alone, so it stays what it became.
  if (phase === 'Failed') return { state: 'failed', reason: message ?? reason ?? 'the pod failed' };
  if (phase === 'Succeeded' || conditions.some(({ type, status }) => type === 'Ready' && status === 'True'))
    return READY;
  return byPods([pod], `the pod is ${phase ?? 'unknown'}`);
}

/** What pods that are not ready say: that they never will be, or what they wait for. */
function byPods(own: readonly V1Pod[], reason: string): Outcome {
  const alive = own.filter((pod) => pod.metadata?.deletionTimestamp === undefined && !isOver(pod));
  const hopeless = alive.map(hopelessness).find((each) => each !== undefined);
  if (hopeless !== undefined) return { state: 'failed', reason: hopeless };
  const complaint = alive.map(complaintOf).find((each) => each !== undefined);
  return { state: 'waiting', reason: complaint ? `${reason}: ${complaint}` : reason };
}

function isSeen({ metadata, status }: V1Deployment | V1StatefulSet | V1DaemonSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
}

function hasCondition({ status }: V1Job, wanted: string): boolean {
  return status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
}
