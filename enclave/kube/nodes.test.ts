import type { KubernetesObject } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState, WORKER_STATUS } from '../chain/cluster-state.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import { Fence } from './fence.ts';
import { Nodes, type NodesOptions } from './nodes.ts';

function subject() {
  const state = new ClusterState();
  const deeds: string[] = [];
  const kubernetes = {
    apply: async <T extends KubernetesObject>(object: T & { data?: object }) => {
      const { kind, metadata } = object;
      if (kind === 'ConfigMap') deeds.push(`revoked: ${Object.keys(object.data ?? {})}`);
      else deeds.push(`apply ${kind}/${metadata?.name}`);
      return object;
    },
    delete: async ({ kind, metadata }: KubernetesObject) =>
      void deeds.push(`delete ${kind}/${metadata?.name}`),
  };
  const tokens = new BootstrapTokens(kubernetes);
  const nodes = new Nodes({
    kubernetes,
    state,
    tokens,
    fence: new Fence(kubernetes),
    audit: new Audit(() => undefined),
    log: pino({ enabled: false }),
  } as unknown as NodesOptions);
  const base = { logId: `0x${'01'.repeat(32)}`, seq: '1', nodeId: 'worker-1' };
  state.apply({
    ...base,
    kind: 'WorkerRegisteredEvent',
    owner: '',
    sealToken: '',
    stake: '5',
    tokenExpiresAtMs: '0',
  });
  const setStatus = (newStatus: number) => {
    state.apply({ ...base, kind: 'WorkerStatusChangedEvent', oldStatus: 0, newStatus });
    return nodes.onWorkerStatus('worker-1');
  };
  return { tokens, deeds, setStatus };
}

test.each([
  ['slashed', WORKER_STATUS.slashed],
  ['gone', WORKER_STATUS.left],
])('a worker that is %s is cut off before its token and its node go', async (_, status) => {
  const { tokens, deeds, setStatus } = subject();
  const { id } = await tokens.issue('worker-1');
  deeds.length = 0;
  await setStatus(status);
  expect(deeds).toEqual(['revoked: worker-1', `delete Secret/bootstrap-token-${id}`, 'delete Node/worker-1']);
});

test('a worker that is reinstated is let in again', async () => {
  const { deeds, setStatus } = subject();
  await setStatus(WORKER_STATUS.slashed);
  await setStatus(WORKER_STATUS.pending);
  expect(deeds.at(-1)).toBe('revoked: ');
});
