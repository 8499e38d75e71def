import type { Role } from '@daasvader/chain/codes.ts';
import type {
  KubernetesObject,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1ResourceQuota,
} from '@kubernetes/client-node';
import { OWN_PREFIX } from './names.ts';
import { MANAGED_LABEL } from './plan.ts';
import { priorityQuota } from './priority.ts';

/** The annotation that says in full whose namespace it is. */
const REQUESTER_ANNOTATION = `${OWN_PREFIX}requester`;

/** What one namespace may hold, by role; stakes buy room. */
const QUOTAS: Record<Exclude<Role, 'none'>, Record<string, string>> = {
  viewer: { pods: '0' },
  developer: quota({ pods: 20, cpu: 4, memoryGi: 8 }),
  admin: quota({ pods: 100, cpu: 16, memoryGi: 32 }),
  super: quota({ pods: 200, cpu: 32, memoryGi: 64 }),
};

function quota({
  pods,
  cpu,
  memoryGi,
}: {
  pods: number;
  cpu: number;
  memoryGi: number;
}): Record<string, string> {
  return {
    pods: `${pods}`,
    'requests.cpu': `${cpu}`,
    'limits.cpu': `${4 * cpu}`,
    'limits.memory': `${memoryGi}Gi`,
    'requests.ephemeral-storage': `${pods}Gi`,
    'limits.ephemeral-storage': `${2 * pods}Gi`,
    'count/services': `${pods}`,
    'count/configmaps': `${pods}`,
    'count/secrets': `${pods}`,
    'count/deployments.apps': `${pods}`,
    'count/daemonsets.apps': `${pods}`,
    'count/jobs.batch': `${pods}`,
    'count/ingresses.networking.k8s.io': `${pods}`,
    'count/horizontalpodautoscalers.autoscaling': `${pods}`,
    // Nothing may reach out of the namespace through the machine it runs on.
    'services.nodeports': '0',
    'services.loadbalancers': '0',
    persistentvolumeclaims: '0',
  };
}

/** The objects that make a namespace a tenant's, but for the rights, in the order in which they must be applied. */
export function tenantObjects(
  address: string,
  namespace: string,
  role: Exclude<Role, 'none'>,
): KubernetesObject[] {
  return [
    namespaceObject(address, namespace),
    resourceQuota(namespace, role),
    priorityQuota(namespace, role === 'super' ? QUOTAS.super.pods! : '0'),
    limitRange(namespace),
    denyAll(namespace),
    allowWithin(namespace),
  ];
}

function namespaceObject(address: string, name: string): V1Namespace {
  const labels = {
    [MANAGED_LABEL]: 'true',
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/enforce-version': 'latest',
  };
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels, annotations: { [REQUESTER_ANNOTATION]: address } },
  };
}

function resourceQuota(namespace: string, role: Exclude<Role, 'none'>): V1ResourceQuota {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'daasvader', namespace },
    spec: { hard: QUOTAS[role] },
  };
}

function limitRange(namespace: string): V1LimitRange {
  // The quota counts requests and limits, so every container must have them.
  const limits = [
    {
      type: 'Container',
      defaultRequest: { cpu: '50m', memory: '32Mi', 'ephemeral-storage': '64Mi' },
      default: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': '2Gi' },
    },
  ];
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'daasvader', namespace },
    spec: { limits },
  };
}

function denyAll(namespace: string): V1NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'default-deny', namespace },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  };
}

/** Of no closer type: Kubernetes's client calls the field `from` by another name. */
function allowWithin(namespace: string): KubernetesObject & { readonly spec: object } {
  const dns = [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'allow-same-namespace', namespace },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }] }],
      egress: [{ to: [{ podSelector: {} }] }, { ports: dns }],
    },
  };
}
