import { decodeEvent, encodeEvent } from '@daasvader/chain/events.ts';
import { generateSealKey, open } from '@daasvader/seal/seal.ts';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import { Join } from './join.ts';
import { objectOf } from './plan.ts';

const LOG = `0x${'01'.repeat(32)}`;
const OWNER = `0x${'02'.repeat(32)}`;
const key = generateSealKey();

function subject(now = 0) {
  const state = new ClusterState(objectOf);
  const emit = (kind: 'WorkerRegisteredEvent' | 'WorkerStatusChangedEvent', fields: object) => {
    const bytes = encodeEvent(kind, { logId: LOG, seq: 1, ...fields } as never);
    state.apply(decodeEvent({ type: `0xa::worker_registry::${kind}`, bytes })!);
  };
  const register = (nodeId: string) =>
    emit('WorkerRegisteredEvent', {
      nodeId,
      owner: OWNER,
      sealToken: key.publicKey,
      stake: 5,
      tokenExpiresAtMs: 1_000,
    });
  register('worker-1');
  const tokens = new BootstrapTokens({ apply: async (object) => object, delete: async () => undefined });
  const audit = new Audit(() => undefined);
  const join = new Join({
    state,
    tokens,
    audit,
    clusterId: OWNER,
    caPem: 'CA',
    apiServer: 'https://master:6443',
    chainTime: () => now,
  });
  return {
    join,
    register,
    audit,
    setStatus: (newStatus: number) =>
      emit('WorkerStatusChangedEvent', { nodeId: 'worker-1', oldStatus: 0, newStatus }),
  };
}

const asked = { nodeId: 'worker-1', sealToken: key.publicKey };

test('the registered worker, and only it, can open its credential', async () => {
  const { join } = subject();
  const { sealedKubeconfig } = await join.admit(asked);
  const plain = await open(key.privateKey, `daasvader/join/v1|${OWNER}`, 'worker-1', sealedKubeconfig);
  const { token } = JSON.parse(Buffer.from(plain).toString()).users[0].user;
  expect(join.nodeOfToken(token.slice(0, 6))).toBe('worker-1');
  expect(join.isAdmitted('worker-1')).toBe(true);
  await expect(
    open(generateSealKey().privateKey, `daasvader/join/v1|${OWNER}`, 'worker-1', sealedKubeconfig),
  ).rejects.toThrow();
});

test('refuses a worker whose name fits into no certificate', async () => {
  const { join, register } = subject();
  const [longest, longer] = ['w'.repeat(52), 'w'.repeat(53)];
  for (const nodeId of [longest, longer]) register(nodeId);
  await join.admit({ ...asked, nodeId: longest });
  await expect(join.admit({ ...asked, nodeId: longer })).rejects.toThrow('more than 52 characters');
});

test('refuses a worker that is unknown, uses another token, has expired, was slashed or has left', async () => {
  await expect(subject().join.admit({ ...asked, nodeId: 'worker-2' })).rejects.toMatchObject({
    code: 'join',
  });
  await expect(subject().join.admit({ ...asked, sealToken: 'ab'.repeat(32) })).rejects.toMatchObject({
    code: 'join',
  });
  await expect(subject(1_000).join.admit(asked)).rejects.toThrow('expired');
  for (const status of [2, 5]) {
    const { join, setStatus } = subject();
    await join.admit(asked);
    setStatus(status);
    await expect(join.admit(asked)).rejects.toMatchObject({ code: 'join' });
    expect(join.isAdmitted('worker-1')).toBe(false);
  }
});

test("asking again and again in a worker's name leaves one entry in the history", async () => {
  const { join, audit } = subject();
  for (let i = 0; i < 10; i += 1) await join.admit(asked);
  expect(audit.recent().filter(({ action }) => action === 'join')).toHaveLength(1);
});
