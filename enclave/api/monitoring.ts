import type { Context } from 'koa';
import { z } from 'zod';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { FollowerStatus } from '../chain/follower.ts';
import { namespaceOf, roleName } from '../kube/names.ts';
import type { Metrics } from '../metrics.ts';
import type { Routes } from './server.ts';

const WORKER_STATUS_NAMES = ['pending', 'active', 'slashed', 'offline', 'draining', 'left'];
const address = z.object({ address: z.string().regex(/^0x[0-9a-f]{64}$/, 'must be a full Sui address') });

/** What the status routes show. */
export interface MonitoringOptions {
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly readiness: () => ReadonlyMap<string, boolean>;
  readonly isReady: () => boolean;
  /** Boot steps, seat and follower, for `/readyz`. */
  readonly status: () => { readonly follower: FollowerStatus | undefined };
}

/** Routes that anyone may read: health, nodes, history, roles and metrics. */
export function monitoringRoutes({
  state,
  audit,
  metrics,
  readiness,
  isReady,
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
      ctx.status = isReady() ? 200 : 503;
      ctx.body = { status: isReady() ? 'ready' : 'booting', ...status() };
    });
    router.get('/api/nodes', (ctx) => {
      const workers = state.workers.map(({ nodeId, status }) => ({
        name: nodeId,
        status: readiness().get(nodeId) ? 'ready' : 'not ready',
        chain_status: WORKER_STATUS_NAMES[status] ?? 'unknown',
      }));
      const master = { name: 'nautilus-master', status: isReady() ? 'running' : 'booting' };
      ctx.body = { status: 'success', data: { master_node: master, worker_nodes: workers } };
    });
    router.get('/api/transactions/history', (ctx) => {
      const data = audit.recent().map(({ action, subject, ...rest }) => ({ type: action, subject, ...rest }));
      ctx.body = { status: 'success', data };
    });
    router.get('/api/v1/staking/status', (ctx) => {
      const { address: who } = address.parse(ctx.query);
      ctx.body = { address: who, role: roleName(state.role(who)), namespace: namespaceOf(who) };
    });
    router.get('/metrics', showMetrics);
    router.get('/api/v1/metrics', showMetrics);
  };
}
