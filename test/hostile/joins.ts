import { randomBytes } from 'node:crypto';
import { slashDoubleIdentity } from '@daasvader/chain/calls/anyone.ts';
import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Attack } from './attack.ts';
import { type Field, HOSTILE_ADDRESS } from './field.ts';
import type { Join, Joiner } from './joiner.ts';
import { Peer } from './peer.ts';
import { certificateFor } from './rogue-node.ts';

const HONEST = 'worker-1';
/** Far above what an honest worker of this cluster has joined with. */
const COUNTER = 1_000n;

/** A join that must not be taken, and what is wrong with it. */
const forged = (
  attack: string,
  refusal: RegExp,
  join: (twin: Joiner, field: Field) => Join | Promise<Join>,
): Attack => ({
  attack,
  expected: 'refused',
  refusal,
  run: async (field) => field.twin.send(await join(field.twin, field)),
});

const UNSIGNED = /^403 .*did not sign/;

/** What somebody tries with the keys of a registered worker, or with what everybody knows of another's. */
export const JOIN_ATTACKS: Attack[] = [
  forged('joins without a signature', /^400 signature/, (twin) => {
    const { signature, ...rest } = twin.sign({ counter: COUNTER });
    return rest;
  }),
  forged('joins with a signature of zeros', UNSIGNED, (twin) => ({
    ...twin.sign({ counter: COUNTER }),
    signature: '00'.repeat(64),
  })),
  forged('joins with the signature of another key', UNSIGNED, (twin) =>
    twin.sign({ counter: COUNTER, seed: randomBytes(32) }),
  ),
  forged('joins with what it signed for another boot', UNSIGNED, (twin) =>
    twin.sign({ counter: COUNTER, bootId: randomBytes(16) }),
  ),
  forged('joins with what it signed for another cluster', UNSIGNED, (twin) =>
    twin.sign({ counter: COUNTER, clusterId: `0x${'1'.repeat(64)}` }),
  ),
  ...Object.entries<Partial<Join>>({
    counter: { counter: `${COUNTER + 1n}` },
    nonce: { nonce: '00'.repeat(32) },
    address: { ip_address: '10.77.0.202' },
  }).map(([what, change]) =>
    forged(`joins with another ${what} than it signed`, UNSIGNED, (twin) => ({
      ...twin.sign({ counter: COUNTER }),
      ...change,
    })),
  ),
  forged('joins under a counter that no contract takes', /^400 counter/, (twin) => ({
    ...twin.sign({ counter: COUNTER }),
    counter: `${2n ** 64n}`,
  })),
  forged('joins as the honest worker, by the token that all can read', UNSIGNED, async (twin, { chain }) => {
    const { sealToken } = (await chain.worker(HONEST))!;
    return twin.sign({ counter: COUNTER, nodeId: HONEST, sealToken });
  }),
  forged('joins as the honest worker, by its own token', /^403 .*seal token is not/, (twin) =>
    twin.sign({ counter: COUNTER, nodeId: HONEST }),
  ),
  {
    attack: 'joins again under a counter that is used',
    expected: 'refused, and no proof of anything',
    refusal: /^403 .*sign a greater one than 3; no proof/,
    run: async (field) => {
      const { twin } = field;
      const first = await twin.send(twin.sign({ counter: 3n }));
      if (!first.startsWith('200')) return first;
      return `${await twin.send(twin.sign({ counter: 2n }))}; ${(await proofOf(field)) ? 'a proof' : 'no proof'}`;
    },
  },
  slashing('has the honest worker slashed with signatures of its own', HONEST, (twin) => {
    const [first, second] = [twin.sign({ counter: 1n }), twin.sign({ counter: 1n })];
    return [first, second];
  }),
  slashing('has a worker slashed for one join, told twice', undefined, (twin) => {
    const join = twin.sign({ counter: COUNTER });
    return [join, join];
  }),
  slashing('has a worker slashed for two joins under two counters', undefined, (twin) => [
    twin.sign({ counter: COUNTER }),
    twin.sign({ counter: COUNTER + 1n }),
  ]),
  {
    attack: 'runs twice under one identity',
    expected: 'one is refused, anybody has the proof, half of the stake is taken',
    refusal: /^403 .*is used.*; slashed, 2500000000 of 5000000000 left/,
    run: async (field) => {
      const { twin, chain, victim } = field;
      const before = stakeOf(await chain.worker(twin.nodeId));
      const counter = (await twin.counter()) + 1n;
      const copies = [twin.sign({ counter }), twin.sign({ counter })];
      const seen = await Promise.all(copies.map((join) => twin.send(join)));
      const refused = seen.filter((answer) => !answer.startsWith('200'));
      if (refused.length !== 1) return `${refused.length} of 2 refused: ${refused}`;
      await victim.user.daas('slash', twin.nodeId);
      const worker = await chain.worker(twin.nodeId);
      const state = worker?.status === WORKER_STATUS.slashed ? 'slashed' : `status ${worker?.status}`;
      return `${refused}; ${state}, ${stakeOf(worker)} of ${before} left`;
    },
  },
  {
    attack: 'asks for a certificate with the token that it got before it was slashed',
    expected: 'no certificate',
    refusal: /^(denied|never signed|40[13] )/,
    run: async ({ cluster, twin }) => {
      if (twin.token === undefined) return 'it never got one';
      const peer = new Peer(cluster.addresses.kubernetesUrl, { token: twin.token }, HOSTILE_ADDRESS);
      const seen = await certificateFor(peer, twin.request());
      return typeof seen === 'string' ? seen : 'SIGNED';
    },
  },
  forged('joins again after it was slashed', /^403 .*was slashed/, async (twin) =>
    twin.sign({ counter: (await twin.counter()) + 1n }),
  ),
];

/** A proof that proves nothing: the contract does not take it. */
function slashing(attack: string, nodeId: string | undefined, joins: (twin: Joiner) => [Join, Join]): Attack {
  return {
    attack,
    expected: 'the contract refuses',
    refusal: /^not taken: .*EBadProof/,
    run: async ({ twin, victim }) => {
      const [first, second] = joins(twin);
      const args = {
        ...{ nodeId: nodeId ?? twin.nodeId, counter: BigInt(first.counter) },
        ...{ first: twin.statementOf(first), second: twin.statementOf(second) },
      };
      return victim.try((tx, ids) => slashDoubleIdentity(tx, ids, args));
    },
  };
}

async function proofOf({ api, twin }: Field): Promise<object | undefined> {
  const { proofs } = await api.object<{ proofs: { nodeId: string }[] }>({ path: ROUTE.doubleIdentity });
  return proofs.find(({ nodeId }) => nodeId === twin.nodeId);
}

/** Of a worker, in MIST, bonded and waiting. */
function stakeOf(worker: Awaited<ReturnType<Field['chain']['worker']>>): bigint {
  return BigInt(worker?.stake.bonded ?? 0);
}
