import type { KubernetesObject, V1Namespace, V1ResourceQuota } from '@kubernetes/client-node';
import { MANAGED, OWN_PREFIX } from './names.ts';
import { priorityQuota } from './priority.ts';
import { type Amounts, toHard } from './quota.ts';

/** The annotation that says in full whose namespace it is. */
const REQUESTER_ANNOTATION = `${OWN_PREFIX}requester`;

/** The quota of a tenant's namespace. */
export const QUOTA = 'daasvader';

/**
 * The objects that make a namespace a tenant's, but for the rights, in the order in which they must be applied.
 *
 * @param isSuper whether pods of the classes for super users may be in it
 */
export function tenantObjects(
  address: string,
  namespace: string,
  share: Amounts,
  isSuper: boolean,
): KubernetesObject[] {
  return [namespaceObject(address, namespace), ...quotas(namespace, share, isSuper)];
}

/** What earlier versions put into a tenant's namespace, where nobody else may delete it. */
export function formerObjects(namespace: string): KubernetesObject[] {
  // What pods may reach without policies is compiled into nodes' rules; these would close the internet to them.
  const names = ['default-deny', 'allow-same-namespace'];
  return names.map((name) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
  }));
}

/** How much may be in a namespace. */
export function quotas(namespace: string, share: Amounts, isSuper: boolean): KubernetesObject[] {
  return [resourceQuota(namespace, share), priorityQuota(namespace, isSuper ? `${share.pods}` : '0')];
}

function namespaceObject(address: string, name: string): V1Namespace {
  const labels = {
    ...MANAGED,
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/enforce-version': 'latest',
    // Templates are as their owners wrote them: what `restricted` asks for is filled in where pods are made.
    'pod-security.kubernetes.io/warn': 'privileged',
    'pod-security.kubernetes.io/audit': 'privileged',
  };
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels, annotations: { [REQUESTER_ANNOTATION]: address } },
  };
}

function resourceQuota(namespace: string, share: Amounts): V1ResourceQuota {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: QUOTA, namespace, labels: MANAGED },
    spec: { hard: toHard(share) },
  };
}
