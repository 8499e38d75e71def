import { codeName, WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Context } from 'koa';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { FollowerStatus } from '../chain/follower.ts';
import { EnclaveError } from '../error.ts';
import type { Metrics } from '../metrics.ts';
import type { Routes } from './server.ts';

/** What the status routes show. */
export interface MonitoringOptions {
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly readiness: () => ReadonlyMap<string, boolean>;
  /** Throws while nobody may act: the chain's word is too old, or Kubernetes keeps nothing that is written. */
  readonly assertSound: () => void;
  /** Boot steps, seat and follower, for `/readyz`. */
  readonly status: () => { readonly follower: FollowerStatus | undefined };
}

/** Routes that anyone may read: health, nodes, history and metrics. */
export function monitoringRoutes({
  state,
  audit,
  metrics,
  readiness,
  assertSound,
  status,
}: MonitoringOptions): Routes {
  const showMetrics = async (ctx: Context) => {
    ctx.type = metrics.registry.contentType;
    ctx.body = await metrics.registry.metrics();
  };
  return (router) => {
    router.get(ROUTE.health, (ctx) => {
      ctx.body = { status: 'ok' };
    });
    router.get(ROUTE.readiness, (ctx) => {
      const why = trouble(assertSound);
      ctx.status = why === undefined ? 200 : 503;
      ctx.body = { status: why?.code ?? 'ready', detail: why?.message, ...status() };
    });
    router.get(ROUTE.nodes, (ctx) => {
      const workers = state.workers.map(({ nodeId, status }) => ({
        name: nodeId,
        status: readiness().get(nodeId) ? 'ready' : 'not ready',
        chain_status: codeName(WORKER_STATUS, status) ?? 'unknown',
      }));
      const master = {
        name: 'nautilus-master',
        status: trouble(assertSound)?.code ?? 'running',
      };
      ctx.body = { status: 'success', data: { master_node: master, worker_nodes: workers } };
    });
    router.get(ROUTE.history, (ctx) => {
      const data = audit.recent().map(({ action, subject, ...rest }) => ({ type: action, subject, ...rest }));
      ctx.body = { status: 'success', data };
    });
    router.get(ROUTE.metrics, showMetrics);
    router.get(ROUTE.metricsV1, showMetrics);
  };
}

/** Why nobody is let in and nothing is written now; undefined when all is well. */
function trouble(assertSound: () => void): EnclaveError | undefined {
  try {
    assertSound();
    return undefined;
  } catch (error) {
    if (error instanceof EnclaveError) return error;
    throw error;
  }
}
