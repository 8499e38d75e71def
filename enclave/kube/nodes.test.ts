import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import type { KubernetesObject, V1Node } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import type { Statement } from '../chain/writer.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import { Fence } from './fence.ts';
import { Nodes, type NodesOptions } from './nodes.ts';
import { objectOf } from './replay.ts';

function subject() {
  const state = new ClusterState(objectOf);
  const deeds: string[] = [];
  const kubernetes = {
    apply: async <T extends KubernetesObject>(object: T & { data?: object }) => {
      const { kind, metadata } = object;
      if (kind === 'ConfigMap') deeds.push(`revoked: ${Object.keys(object.data ?? {})}`);
      else deeds.push(`apply ${kind}/${metadata?.name} ${JSON.stringify((object as V1Node).spec)}`);
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
    writer: {
      submit: async ({ label, needed }: Statement) => {
        if (needed()) deeds.push(label);
      },
    },
    clock: { now: () => 0 },
    counters: { last: () => 0n },
    log: pino({ enabled: false }),
  } as unknown as NodesOptions);
  const base = { logId: `0x${'01'.repeat(32)}`, seq: '1', nodeId: 'worker-1' };
  state.apply({
    ...base,
    kind: 'WorkerRegisteredEvent',
    owner: '',
    sealToken: '',
    identityKey: new Uint8Array(32),
    stake: '5',
    tokenExpiresAtMs: '0',
  });
  const setStatus = (newStatus: number) => {
    state.apply({ ...base, kind: 'WorkerStatusChangedEvent', oldStatus: 0, newStatus });
    return nodes.onWorkerStatus('worker-1');
  };
  const react = (node: V1Node, phase: 'present' | 'deleted' = 'present') =>
    nodes.react({ metadata: { name: 'worker-1' }, ...node }, phase, new AbortController().signal);
  const see = (unschedulable: boolean) => react({ spec: { unschedulable } });
  return { tokens, deeds, setStatus, react, see, kubernetes };
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

test('a node that comes after its worker began to drain takes no new pods, and takes them again afterwards', async () => {
  const { deeds, setStatus, see } = subject();
  await setStatus(WORKER_STATUS.draining);
  deeds.length = 0;
  await see(false);
  expect(deeds).toEqual(['apply Node/worker-1 {"unschedulable":true}']);
  await see(true);
  expect(deeds).toHaveLength(1);
  await setStatus(WORKER_STATUS.active);
  expect(deeds.at(-1)).toBe('apply Node/worker-1 {"unschedulable":false}');
});

test('what could not be done about a node is done when it can be', async () => {
  const { deeds, setStatus, see, kubernetes } = subject();
  await setStatus(WORKER_STATUS.draining);
  const { apply } = kubernetes;
  kubernetes.apply = async (object) => {
    kubernetes.apply = apply;
    throw new Error(`Kubernetes is away: ${object.kind}`);
  };
  await see(false);
  expect(deeds.at(-1)).toBe('apply Node/worker-1 {"unschedulable":true}');
});

test('a node that is deleted is gone for the chain too, unless its worker went before', async () => {
  const { deeds, setStatus, react } = subject();
  await setStatus(WORKER_STATUS.active);
  await react({ status: { conditions: [{ type: 'Ready', status: 'True' }] } });
  deeds.length = 0;
  await react({}, 'deleted');
  expect(deeds).toEqual(['set worker worker-1 offline']);
  await setStatus(WORKER_STATUS.left);
  deeds.length = 0;
  await react({}, 'deleted');
  expect(deeds).toEqual([]);
});
