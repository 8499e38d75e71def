import type { V1PriorityClass, V1ResourceQuota } from '@kubernetes/client-node';
import { MANAGED } from './names.ts';

/** The quota of pods of the classes below in a tenant's namespace. */
export const PRIORITY_QUOTA = 'daasvader-priority';

/**
 * The PriorityClasses that the cluster offers to super users, with their values. Pods without a class have 0, so those
 * of `daasvader-high` are placed before them and those of `daasvader-low` after them, when both wait for room.
 */
export const PRIORITY_CLASSES: Readonly<Record<string, number>> = {
  'daasvader-high': 1_000,
  'daasvader-low': -1_000,
};

/** Neither class evicts anybody's pods to make room. */
export function priorityClasses(): V1PriorityClass[] {
  return Object.entries(PRIORITY_CLASSES).map(([name, value]) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    globalDefault: false,
    preemptionPolicy: 'Never',
    description: 'For super users of DaasVader',
  }));
}

/** How many pods of these classes a namespace may hold. Kubernetes itself keeps to it, whoever makes the pods. */
export function priorityQuota(namespace: string, pods: string): V1ResourceQuota {
  const values = Object.keys(PRIORITY_CLASSES);
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: PRIORITY_QUOTA, namespace, labels: MANAGED },
    spec: {
      hard: { pods },
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values }] },
    },
  };
}
