import type {
  KubernetesObject,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1Pod,
  V1ReplicaSet,
} from '@kubernetes/client-node';
import { complaintOf, hopelessness, isOver } from './pod.ts';

/** How far a workload has come. */
export interface Outcome {
  /**
   * `running`: a job that has started and may take as long as it takes. `replaced`: its requester asked for something
   * else before it was ready. It was carried out, so it has not failed; whether what is there now works is told by the
   * later request.
   */
  readonly state: 'waiting' | 'running' | 'ready' | 'failed' | 'replaced';
  readonly reason: string;
}

/** What a workload's controller made for it, of this template or an earlier one, and for others of the same name. */
export interface Parts {
  readonly pods: readonly V1Pod[];
  readonly replicaSets: readonly V1ReplicaSet[];
}

const NO_PARTS: Parts = { pods: [], replicaSets: [] };
const READY: Outcome = { state: 'ready', reason: '' };
const UNSEEN: Outcome = { state: 'waiting', reason: 'its controller has not looked at it yet' };

const DEPLOYMENT_REVISION = 'deployment.kubernetes.io/revision';
/** On a DaemonSet an annotation, on its pods a label. Both are there from the start, unlike the revision's object. */
const DAEMON_SET_GENERATION = 'deprecated.daemonset.template.generation';
const POD_GENERATION = 'pod-template-generation';

/**
 * Judges a workload by its own status and its own pods: those of the template as it is now, that are not about to go.
 * What may still come right by itself is waited for. Whatever has no status of its own is ready once it is applied.
 */
export function outcomeOf(object: KubernetesObject, parts: Parts = NO_PARTS): Outcome {
  switch (object.kind) {
    case 'Deployment':
      return deploymentOutcome(object, parts);
    case 'DaemonSet':
      return daemonSetOutcome(object, parts);
    case 'Job':
      return jobOutcome(object, parts);
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

function deploymentOutcome(deployment: V1Deployment, { pods, replicaSets }: Parts): Outcome {
  if (!isSeen(deployment)) return UNSEEN; // its conditions are about what it was before
  const { metadata, spec, status } = deployment;
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status ?? {};
  if (updated >= wanted && replicas <= updated && available >= wanted) return READY;
  const current = replicaSets.find(
    (each) =>
      isOwnedBy(each, metadata?.uid) &&
      each.metadata?.annotations?.[DEPLOYMENT_REVISION] === metadata?.annotations?.[DEPLOYMENT_REVISION],
  );
  const own = current ? pods.filter((pod) => isOwnedBy(pod, current.metadata?.uid)) : [];
  // A quota may be met for a moment only, as in an update that needs room for one more; progress may be slow.
  const trouble = status?.conditions?.find(
    ({ type, status }) =>
      (type === 'ReplicaFailure' && status === 'True') || (type === 'Progressing' && status === 'False'),
  );
  const count = `${Math.min(available, updated)} of ${wanted} replicas are available`;
  return byPods(own, trouble?.message ? `${count}: ${trouble.message}` : count);
}

/** Ready when its pod is ready on every node that there is; nodes that join later do not change what became of it. */
function daemonSetOutcome(daemonSet: V1DaemonSet, { pods }: Parts): Outcome {
  if (!isSeen(daemonSet)) return UNSEEN;
  const { metadata, spec, status } = daemonSet;
  const wanted = status?.desiredNumberScheduled ?? 0;
  const ready = status?.numberAvailable ?? status?.numberReady ?? 0;
  // Of those whose pods are replaced only when somebody deletes them nothing is to be expected.
  const updated = spec?.updateStrategy?.type === 'OnDelete' ? wanted : (status?.updatedNumberScheduled ?? 0);
  if (updated >= wanted && ready >= wanted) return READY;
  const generation = metadata?.annotations?.[DAEMON_SET_GENERATION];
  const own = pods.filter(
    (pod) => isOwnedBy(pod, metadata?.uid) && pod.metadata?.labels?.[POD_GENERATION] === generation,
  );
  return byPods(own, `${Math.min(ready, updated)} of ${wanted} pods are ready`);
}

/** Its controller starts other pods for those that failed, as often as it was told, and then says so. */
function jobOutcome(job: V1Job, { pods }: Parts): Outcome {
  const failed = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (failed) return { state: 'failed', reason: failed.message ?? failed.reason ?? 'the job failed' };
  if (hasCondition(job, 'Complete')) return READY;
  const own = pods.filter((pod) => isOwnedBy(pod, job.metadata?.uid));
  const { ready = 0, succeeded = 0, failed: lost = 0 } = job.status ?? {};
  if (ready + succeeded + lost > 0) return { state: 'running', reason: 'the job has not completed' };
  return byPods(own, 'the job has not started');
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

function isSeen({ metadata, status }: V1Deployment | V1DaemonSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
}

function isOwnedBy({ metadata }: KubernetesObject, uid: string | undefined): boolean {
  return metadata?.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false;
}

function hasCondition({ status }: V1Job, wanted: string): boolean {
  return status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
}
