import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** What a container waits for while all is well. */
const ORDINARY = new Set(['ContainerCreating', 'PodInitializing']);

/** Whether a pod has ended for good, evicted ones included: it stays in its list, but what replaces it counts. */
export function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

/**
 * Why a pod will never run, if that is certain; undefined while it may. A Secret that is missing may be written, an
 * image that cannot be pulled may be pushed, a container that fails is started again.
 */
export function hopelessness(pod: V1Pod): string | undefined {
  for (const container of containersOf(pod)) {
    const { reason, message = '' } = container.state?.waiting ?? {};
    // The name stands in the template, so each pod of it has the same.
    if (reason === 'InvalidImageName') return waitingText(container);
    // The manifest forbids to fetch the image, and nobody else brings images to a node.
    if (reason === 'ErrImageNeverPull') return waitingText(container);
    // The same reason as for a missing Secret, but who the image runs as is part of the image.
    if (reason === 'CreateContainerConfigError' && message.includes('runAsNonRoot'))
      return rootText(container);
  }
  return undefined;
}

function rootText({ name }: V1ContainerStatus): string {
  return (
    `the image of container ${name} runs as root, or as a user without a number: set runAsUser, take another ` +
    'image, or set hostUsers: false where nodes have user namespaces'
  );
}

/** What keeps a pod from being ready, in Kubernetes's words; undefined when nothing is out of the ordinary. */
export function complaintOf(pod: V1Pod): string | undefined {
  const waiting = containersOf(pod).find(
    ({ state }) => state?.waiting && !ORDINARY.has(state.waiting.reason ?? ''),
  );
  if (waiting) return waitingText(waiting);
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unscheduled) return unscheduled.message ?? unscheduled.reason;
  const ended = containersOf(pod).find(({ state }) => state?.terminated && state.terminated.exitCode !== 0);
  return ended && `${ended.name} ended with code ${ended.state?.terminated?.exitCode}`;
}

function waitingText({ state }: V1ContainerStatus): string {
  const { reason, message } = state?.waiting ?? {};
  return `${reason}: ${message ?? 'no message'}`;
}

function containersOf({ status }: V1Pod): V1ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
