import type { Context } from 'koa';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { FollowerStatus } from '../chain/follower.ts';
import { EnclaveError } from '../error.ts';
import type { Metrics } from '../metrics.ts';
import type { Routes } from './server.ts';

const WORKER_STATUS_NAMES = ['pending', 'active', 'slashed', 'offline', 'draining', 'left'];

/** What the status routes show. */
export interface MonitoringOptions {
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly readiness: () => ReadonlyMap<string, boolean>;
  /** Throws while the chain's word is too old to act upon. */
  readonly assertFresh: () => void;
  /** Boot steps, seat and follower, for `/readyz`. */
  readonly status: () => { readonly follower: FollowerStatus | undefined };
}

/** Routes that anyone may read: health, nodes, history and metrics. */
export function monitoringRoutes({
  state,
  audit,
  metrics,
  readiness,
  assertFresh,
  status,
}: MonitoringOptions): Routes {
  const showMetrics = async (ctx: Context) => {
    ctx.type = metrics.registry.contentType;
    ctx.body = await metrics.registry.metrics();
  };
  return (router) => {
    router.get('/healthz', (ctx) => {
      ctx.body = { status: 'ok' };
    });
    router.get('/readyz', (ctx) => {
      const detail = trouble(assertFresh);
      ctx.status = detail === undefined ? 200 : 503;
      ctx.body = { status: detail === undefined ? 'ready' : 'stale', detail, ...status() };
    });
    router.get('/api/nodes', (ctx) => {
      const workers = state.workers.map(({ nodeId, status }) => ({
        name: nodeId,
        status: readiness().get(nodeId) ? 'ready' : 'not ready',
        chain_status: WORKER_STATUS_NAMES[status] ?? 'unknown',
      }));
      const master = {
        name: 'nautilus-master',
        status: trouble(assertFresh) === undefined ? 'running' : 'stale',
      };
      ctx.body = { status: 'success', data: { master_node: master, worker_nodes: workers } };
    });
    router.get('/api/transactions/history', (ctx) => {
      const data = audit.recent().map(({ action, subject, ...rest }) => ({ type: action, subject, ...rest }));
      ctx.body = { status: 'success', data };
    });
    router.get('/metrics', showMetrics);
    router.get('/api/v1/metrics', showMetrics);
  };
}

/** Why nobody is let in and nothing is written now; undefined when all is well. */
function trouble(assertFresh: () => void): string | undefined {
  try {
    assertFresh();
    return undefined;
  } catch (error) {
    if (error instanceof EnclaveError && error.code === 'stale') return error.message;
    throw error;
  }
}
