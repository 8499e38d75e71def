import { z } from 'zod';
import { getJson, type Kubernetes, KubernetesError } from './request.ts';

const pod = z.object({
  metadata: z.object({
    name: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  status: z.object({ phase: z.string().optional() }),
});
const pods = z.object({ items: z.array(pod) });

/** What is read of a pod. */
export type Pod = z.output<typeof pod>;

/**
 * The pod that a name means: the one that is called so, or of those with the label `app=NAME`, as `daas deploy` makes them,
 * the newest that runs.
 *
 * @param preferred of those the one to take as long as it runs
 * @throws KubernetesError, with status 404 when there is none
 */
export async function findPod(
  kubernetes: Kubernetes,
  namespace: string,
  name: string,
  preferred?: string,
): Promise<Pod> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  try {
    return await getJson(kubernetes, `${path}/${encodeURIComponent(name)}`, pod);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
  const query = new URLSearchParams({ labelSelector: `app=${name}`, limit: '500' });
  const { items } = await getJson(kubernetes, `${path}?${query}`, pods);
  const [best] = items.sort((a, b) => rank(b, preferred) - rank(a, preferred) || (age(a) < age(b) ? 1 : -1));
  if (best !== undefined) return best;
  const why = `no pod is called so or has the label app=${name}`;
  throw new KubernetesError(`Cannot find ${name} in ${namespace}: ${why}; look with daas requests`, 404);
}

/** Whether a pod has ended for good. */
export function hasEnded({ status: { phase } }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

function rank({ metadata, status }: Pod, preferred: string | undefined): number {
  const isStaying = metadata.deletionTimestamp === undefined;
  const isRunning = status.phase === 'Running';
  const isPreferred = isRunning && isStaying && metadata.name === preferred;
  return (isPreferred ? 4 : 0) + (isRunning ? 2 : 0) + (isStaying ? 1 : 0);
}

function age({ metadata }: Pod): string {
  return metadata.creationTimestamp;
}
