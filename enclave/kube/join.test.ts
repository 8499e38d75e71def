import { generateKeyPairSync, sign } from 'node:crypto';
import { decodeEvent, encodeEvent } from '@daasvader/chain/events.ts';
import { joinDigest, joinStatement } from '@daasvader/chain/join-statement.ts';
import { generateSealKey, open } from '@daasvader/seal/seal.ts';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import { Join } from './join.ts';
import { type DoubleIdentityProof, JoinCounters, type SignedJoinRequest } from './join-counters.ts';
import { objectOf } from './replay.ts';

const LOG = `0x${'01'.repeat(32)}`;
const OWNER = `0x${'02'.repeat(32)}`;
const BOOT_ID = new Uint8Array(16).fill(3);
const key = generateSealKey();
const identity = generateKeyPairSync('ed25519');
const identityKey = rawKey(identity);

function rawKey({ publicKey }: typeof identity): Uint8Array {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
}

function subject(now = 0) {
  const state = new ClusterState(objectOf);
  const emit = (
    kind:
      | 'WorkerRegisteredEvent'
      | 'WorkerStatusChangedEvent'
      | 'WorkerCounterEvent'
      | 'WorkerReinstatedEvent'
      | 'StakeSlashedEvent',
    fields: object,
  ) => {
    const bytes = encodeEvent(kind, { logId: LOG, seq: 1, ...fields } as never);
    state.apply(decodeEvent({ type: `0xa::worker_registry::${kind}`, bytes })!);
  };
  const register = (nodeId: string) =>
    emit('WorkerRegisteredEvent', {
      nodeId,
      owner: OWNER,
      sealToken: key.publicKey,
      identityKey,
      stake: 5,
      tokenExpiresAtMs: 1_000,
    });
  register('worker-1');
  const tokens = new BootstrapTokens({ apply: async (object) => object, delete: async () => undefined });
  const audit = new Audit(() => undefined);
  const proofs: DoubleIdentityProof[] = [];
  const onDoubleIdentity = (proof: DoubleIdentityProof) => void proofs.push(proof);
  const counters = new JoinCounters({ state, clusterId: OWNER, bootId: BOOT_ID, onDoubleIdentity });
  const join = new Join({
    state,
    tokens,
    counters,
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
    proofs,
    setCounter: (counter: number) => emit('WorkerCounterEvent', { nodeId: 'worker-1', counter }),
    reinstate: (identityKey: Uint8Array) => {
      emit('WorkerReinstatedEvent', { nodeId: 'worker-1', identityKey });
      emit('WorkerStatusChangedEvent', { nodeId: 'worker-1', oldStatus: 2, newStatus: 0 });
    },
    slash: () => {
      emit('StakeSlashedEvent', { nodeId: 'worker-1', counter: 1, amount: 1, remaining: 1 });
    },
    setStatus: (newStatus: number) =>
      emit('WorkerStatusChangedEvent', { nodeId: 'worker-1', oldStatus: 0, newStatus }),
  };
}

/** A join as a worker sends it. */
function signed(change: Partial<SignedJoinRequest> & { bootId?: Uint8Array; by?: typeof identity } = {}) {
  const request = {
    ...{ nodeId: 'worker-1', sealToken: key.publicKey, ipAddress: '10.77.0.2', counter: 1n },
    nonce: new Uint8Array(32),
    ...change,
  };
  const { nodeId, counter, bootId = BOOT_ID, by = identity } = request;
  const digest = joinDigest({ ...request, bootId });
  const statement = joinStatement({ clusterId: OWNER, nodeId, counter, digest });
  return { signature: sign(null, statement, by.privateKey), ...request };
}

const asked = signed();
const OTHER_NONCE = new Uint8Array(32).fill(1);

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
  await join.admit(signed({ nodeId: longest }));
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

test('a join that its worker did not sign, or for another boot, is refused', async () => {
  const { join, proofs } = subject();
  const forged = [
    signed({ by: generateKeyPairSync('ed25519') }),
    signed({ bootId: new Uint8Array(16) }),
    { ...asked, ipAddress: '10.77.0.3' },
    { ...asked, counter: 2n },
    { ...asked, nonce: OTHER_NONCE },
    { ...asked, signature: new Uint8Array(64) },
    { ...asked, signature: new Uint8Array(0) },
  ];
  for (const each of forged) await expect(join.admit(each)).rejects.toThrow('did not sign');
  expect(proofs).toEqual([]);
});

test('a worker that reconnects, restarts or is restored from yesterday is not caught', async () => {
  const { join, proofs } = subject();
  for (const counter of [1n, 2n, 7n]) await join.admit(signed({ counter }));
  await join.admit(signed({ counter: 7n })); // the answer was lost
  await expect(join.admit(signed({ counter: 2n, nonce: OTHER_NONCE }))).rejects.toThrow('greater one than 7');
  expect(join.lastCounter('worker-1')).toBe(7n);
  await join.admit(signed({ counter: 8n }));
  expect(proofs).toEqual([]);
});

test('two joins under one counter are told once, as the proof that the chain takes', async () => {
  const { join, proofs, audit } = subject();
  const first = signed();
  const second = signed({ nonce: OTHER_NONCE });
  await join.admit(first);
  for (let i = 0; i < 3; i += 1) await expect(join.admit(second)).rejects.toThrow('is used');
  expect(proofs).toEqual([
    {
      nodeId: 'worker-1',
      counter: '1',
      first: Buffer.from(joinDigest({ ...first, bootId: BOOT_ID })).toString('hex'),
      firstSignature: first.signature.toString('hex'),
      second: Buffer.from(joinDigest({ ...second, bootId: BOOT_ID })).toString('hex'),
      secondSignature: second.signature.toString('hex'),
    },
  ]);
  expect(join.doubleIdentities).toEqual(proofs);
  expect(audit.recent().some(({ action }) => action === 'join')).toBe(true);
});

test('who was slashed and comes back under another key begins anew, and is caught again', async () => {
  const { join, proofs, slash, reinstate } = subject();
  await join.admit(asked);
  await expect(join.admit(signed({ nonce: OTHER_NONCE }))).rejects.toThrow('is used');
  slash();
  expect(join.doubleIdentities).toEqual([]);
  const by = generateKeyPairSync('ed25519');
  reinstate(rawKey(by));
  expect(join.lastCounter('worker-1')).toBe(0n);
  await join.admit(signed({ by }));
  expect(proofs).toHaveLength(1);
  await expect(join.admit(signed({ by, nonce: OTHER_NONCE }))).rejects.toThrow('is used');
  expect(proofs).toHaveLength(2);
  expect(join.doubleIdentities).toEqual(proofs.slice(1));
});

test('a proof against a worker that has left is kept until somebody brought it, and no longer', async () => {
  const { join, proofs, setStatus, slash } = subject();
  await join.admit(asked);
  await expect(join.admit(signed({ nonce: OTHER_NONCE }))).rejects.toThrow('is used');
  setStatus(5);
  expect(join.doubleIdentities).toEqual(proofs);
  slash();
  expect(join.doubleIdentities).toEqual([]);
});

test('a control plane that started again goes on from the counter that the chain has', async () => {
  const { join, setCounter } = subject();
  setCounter(41);
  await expect(join.admit(signed({ counter: 41n }))).rejects.toThrow('greater one than 41');
  await join.admit(signed({ counter: 42n }));
  expect(join.lastCounter('worker-1')).toBe(42n);
  expect(() => join.lastCounter('worker-9')).toThrow('no such worker');
});

test("asking again and again in a worker's name leaves one entry in the history", async () => {
  const { join, audit } = subject();
  for (let i = 0; i < 10; i += 1) await join.admit(asked);
  expect(audit.recent().filter(({ action }) => action === 'join')).toHaveLength(1);
});
