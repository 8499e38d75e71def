import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kubernetes } from './kubernetes.ts';
import { OWN_PREFIX } from './names.ts';

const RESUMED_ANNOTATION = `${OWN_PREFIX}resumed-at`;
/** What makes pods; those of Deployments by ReplicaSets. */
const MAKERS = ['apps/v1|replicasets', 'apps/v1|statefulsets', 'apps/v1|daemonsets', 'batch/v1|jobs'];

/**
 * Has the controllers of a namespace look at it again at once: what was refused for want of room they try more and more
 * seldom, in the end every quarter of an hour.
 */
export async function wake(kubernetes: Pick<Kubernetes, 'list' | 'merge'>, namespace: string): Promise<void> {
  const patch = { metadata: { annotations: { [RESUMED_ANNOTATION]: new Date().toISOString() } } };
  for (const maker of MAKERS) {
    const path = `/apis/${maker.replace('|', `/namespaces/${namespace}/`)}`;
    const { items } = await kubernetes.list<KubernetesObject & { spec?: { replicas?: number } }>(path);
    for (const { metadata, spec } of items)
      if (spec?.replicas !== 0) await kubernetes.merge(`${path}/${metadata?.name}`, patch);
  }
}
