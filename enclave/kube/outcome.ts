import type { KubernetesObject, V1DaemonSet, V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node';

/** How far a workload has come. */
export interface Outcome {
  /**
   * `replaced`: its requester asked for something else before it was ready. It was carried out, so it has not failed;
   * whether what is there now works is told by the later request.
   */
  readonly state: 'waiting' | 'ready' | 'failed' | 'replaced';
  readonly reason: string;
}

const READY: Outcome = { state: 'ready', reason: '' };
/** Reasons for which a container waits that no waiting will mend. */
const HOPELESS = new Set([
  'CreateContainerConfigError',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RunContainerError',
]);

/** Judges a workload by its own status. Whatever has no status of its own is ready once it is applied. */
export function outcomeOf(object: KubernetesObject): Outcome {
  switch (object.kind) {
    case 'Deployment':
      return deploymentOutcome(object as V1Deployment);
    case 'DaemonSet':
      return daemonSetOutcome(object as V1DaemonSet);
    case 'Job':
      return jobOutcome(object as V1Job);
    case 'Pod':
      return podOutcome(object as V1Pod);
    default:
      return READY;
  }
}

function deploymentOutcome({ metadata, spec, status }: V1Deployment): Outcome {
  const replicas = spec?.replicas ?? 1;
  const failure = status?.conditions?.find(
    ({ type, status }) =>
      (type === 'Progressing' && status === 'False') || (type === 'ReplicaFailure' && status === 'True'),
  );
  if (failure) return { state: 'failed', reason: failure.message ?? failure.reason ?? failure.type };
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
  const available = Math.min(status?.availableReplicas ?? 0, status?.updatedReplicas ?? 0);
  if (isSeen && available >= replicas) return READY;
  return { state: 'waiting', reason: `${available} of ${replicas} replicas are available` };
}

/** Ready when its pod is ready on every node that there is; nodes that join later do not change what became of it. */
function daemonSetOutcome({ metadata, status }: V1DaemonSet): Outcome {
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
  const desired = status?.desiredNumberScheduled ?? 0;
  const ready = Math.min(status?.numberReady ?? 0, status?.updatedNumberScheduled ?? 0);
  if (isSeen && ready >= desired) return READY;
  return { state: 'waiting', reason: `${ready} of ${desired} pods are ready` };
}

function jobOutcome({ status }: V1Job): Outcome {
  const held = (wanted: string) =>
    status?.conditions?.find(({ type, status }) => type === wanted && status === 'True');
  const failed = held('Failed');
  if (failed) return { state: 'failed', reason: failed.message ?? failed.reason ?? 'the job failed' };
  return held('Complete') ? READY : { state: 'waiting', reason: 'the job has not completed' };
}

function podOutcome(pod: V1Pod): Outcome {
  const trouble = podTrouble(pod);
  if (trouble !== undefined) return { state: 'failed', reason: trouble };
  const { phase, conditions = [] } = pod.status ?? {};
  if (phase === 'Succeeded' || conditions.some(({ type, status }) => type === 'Ready' && status === 'True'))
    return READY;
  return { state: 'waiting', reason: `the pod is ${phase ?? 'unknown'}` };
}

/** Why a pod will never run, if that is certain: an image that needs root ends here. */
export function podTrouble({ status }: V1Pod): string | undefined {
  if (status?.phase === 'Failed') return status.message ?? status.reason ?? 'the pod failed';
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = containers
    .map(({ state }) => state?.waiting)
    .find((each) => HOPELESS.has(each?.reason ?? ''));
  return waiting && `${waiting.reason}: ${waiting.message ?? 'no message'}`;
}
