import { REQUEST_STATUS, type Request } from '../chain/cluster-state.ts';
import { type Plan, planRequest } from './plan.ts';

/**
 * Which requests make an empty cluster what the chain says it should be, in the order of the chain: those that were
 * neither refused nor called off, without what a later one deleted.
 */
export function desiredRequests(requests: readonly Request[]): Request[] {
  const ordered = requests.toSorted((a, b) => (a.requestId < b.requestId ? -1 : 1));
  const kept = new Map<bigint, { request: Request; key: string }>();
  for (const request of ordered) {
    if (request.status === REQUEST_STATUS.failed || request.status === REQUEST_STATUS.cancelled) continue;
    const plan = planOf(request);
    const key = plan ? `${plan.kind}/${plan.namespace}/${plan.name}` : '';
    const isDone = request.status === REQUEST_STATUS.completed;
    if (plan?.verb === 'delete' && isDone) {
      for (const [id, earlier] of kept) if (earlier.key === key) kept.delete(id);
    } else kept.set(request.requestId, { request, key });
  }
  return [...kept.values()].map(({ request }) => request);
}

/** The plan, or undefined for a bad request: the executor will refuse it with the reason. */
function planOf(request: Request): Plan | undefined {
  try {
    return planRequest(request);
  } catch {
    return undefined;
  }
}
