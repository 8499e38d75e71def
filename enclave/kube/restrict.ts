import type { V1Container, V1PodSpec } from '@kubernetes/client-node';

const CONTAINER_RESTRICTIONS = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
} as const;

/**
 * Fills in what the Pod Security level `restricted` demands, so that nobody has to write it, and pins what a tenant
 * must not choose: no service account token, no access to the host.
 * Nothing in it says where it shall run: that is the scheduler's to choose.
 */
export function restrictPodSpec(spec: V1PodSpec): V1PodSpec {
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
