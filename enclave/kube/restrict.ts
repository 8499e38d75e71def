import type { V1Container, V1PodSpec } from '@kubernetes/client-node';

const CONTAINER_RESTRICTIONS = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
} as const;

/**
 * Fills in what the Pod Security level `restricted` demands, so that nobody has to write it, and pins what a tenant
 * must not choose: no service account token, no access to the host.
 *
 * @param worker the node that the contract assigned; a preference, so that the pods outlive it
 */
export function restrictPodSpec(spec: V1PodSpec, worker: string): V1PodSpec {
  return {
    ...spec,
    containers: spec.containers.map(restrictContainer),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(restrictContainer) }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      ...spec.securityContext,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(worker !== '' && { affinity: preferNode(worker) }),
  };
}

function restrictContainer(container: V1Container): V1Container {
  return {
    imagePullPolicy: 'IfNotPresent',
    ...container,
    securityContext: {
      ...container.securityContext,
      ...CONTAINER_RESTRICTIONS,
      capabilities: { drop: ['ALL'] },
    },
  };
}

function preferNode(node: string) {
  // By its name and not by its labels, which a node may set itself.
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: { matchFields } }],
    },
  };
}
