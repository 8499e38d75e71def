import type { KubernetesObject, V1ContainerStatus, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { REQUEST_ANNOTATION } from './names.ts';
import { isOver } from './pod.ts';

/** On a Deployment and on the ReplicaSets that it made, by Kubernetes's Deployment controller. */
export const DEPLOYMENT_REVISION = 'deployment.kubernetes.io/revision';
/** On a DaemonSet an annotation, on its pods a label. Both are there from the start, unlike the revision's object. */
export const DAEMON_SET_GENERATION = 'deprecated.daemonset.template.generation';
export const POD_GENERATION = 'pod-template-generation';
/** On the pods of a StatefulSet, whose status names the one of now. */
export const REVISION_HASH = 'controller-revision-hash';

const ANNOTATIONS = [REQUEST_ANNOTATION, DEPLOYMENT_REVISION, DAEMON_SET_GENERATION];
const LABELS = [POD_GENERATION, REVISION_HASH];
/** Of a Pod, and of what makes pods. */
const SPEC = ['nodeName', 'replicas', 'paused', 'suspend', 'updateStrategy'];

type Whole = KubernetesObject & { readonly spec?: object; readonly status?: object };

/**
 * What of a workload, a ReplicaSet or a pod tells how far it has come: little, however much is in it. Undefined for a pod
 * that has ended and that a controller answers for: to that it is as good as gone, and many may be left.
 */
export function essenceOf(object: Whole): KubernetesObject | undefined {
  const { apiVersion = '', kind = '', metadata = {}, spec, status } = object;
  const owner = controllerOf(object);
  const isPod = kind === 'Pod';
  if (isPod && owner !== undefined && isOver(object as V1Pod)) return undefined;
  const essence = {
    ...{ apiVersion, kind, metadata: identityOf(metadata, owner) },
    ...(spec && { spec: pick(spec, SPEC) }),
    ...(status && { status: isPod ? podStatusOf(status) : omit(status, 'uncountedTerminatedPods') }),
  };
  return essence as KubernetesObject;
}

/** Who made an object and goes on looking after it. */
export function controllerOf({ metadata }: KubernetesObject) {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true);
}

function identityOf(metadata: V1ObjectMeta, owner: ReturnType<typeof controllerOf>) {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp } = metadata;
  return {
    ...{ name, namespace, uid, resourceVersion, generation, deletionTimestamp },
    labels: pick(metadata.labels ?? {}, LABELS),
    annotations: pick(metadata.annotations ?? {}, ANNOTATIONS),
    ...(owner && { ownerReferences: [owner] }),
  };
}

function podStatusOf({
  phase,
  reason,
  message,
  conditions,
  initContainerStatuses,
  containerStatuses,
}: NonNullable<V1Pod['status']>) {
  return {
    ...{ phase, reason, message, conditions },
    initContainerStatuses: initContainerStatuses?.map(stateOf),
    containerStatuses: containerStatuses?.map(stateOf),
  };
}

function stateOf({ name, state }: V1ContainerStatus) {
  const { waiting, terminated } = state ?? {};
  const ended = terminated && { exitCode: terminated.exitCode };
  return { name, state: { ...(waiting && { waiting }), ...(ended && { terminated: ended }) } };
}

function pick(from: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

function omit(from: object, left: string): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => name !== left));
}
