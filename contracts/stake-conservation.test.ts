import { ForkedCluster, outcomeOf } from '@daasvader/testbed/cluster/forked-cluster.ts';
import type { Execution } from '@daasvader/testbed/devnet/execution/execute.ts';
import { netCost } from '@daasvader/testbed/devnet/transaction/gas.ts';
import { type ChainObject, coinBalance } from '@daasvader/testbed/devnet/transaction/object.ts';
import { SUI_COIN_TYPE } from '@daasvader/testbed/devnet/transaction/type-name.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from './testing/random.ts';
import { type Stake, StakeModel } from './testing/stake-model.ts';
import { ANYBODYS, type Operation, type Scene, StakeOperations } from './testing/stake-operations.ts';

/** Two minutes and a half of a quiet machine; `DAAS_SEQUENCES` makes them more or fewer. */
const SEQUENCES = Number(process.env.DAAS_SEQUENCES ?? 10_000);
const LONGEST = 24;
/** Every operation changes something at least so often. */
const LEAST_SUCCESSES = 10;
/** There is no worker, or one that is pending, active, slashed, offline, draining or left. */
const STATUSES = [undefined, 0, 1, 2, 3, 4, 5];
/** How many operations of a sequence open workers and accounts. */
const FIRST = 3;
/** Kinds of operations: 13 about workers, 8 about users. */
const KINDS = 21;
const SEED = Number(process.env.DAAS_SEED ?? Date.now() % 2 ** 32);
/** MIST that an order costs. */
const FEE = 1_000_003n;
const DAY_MS = 86_400_000;
/** Stake waits for 7 days, seal tokens live for 30. */
const PAUSES_MS = [1, DAY_MS, 7 * DAY_MS, 7 * DAY_MS, 30 * DAY_MS];

let cluster: ForkedCluster;

beforeAll(async () => {
  cluster = await ForkedCluster.start();
  expect(outcomeOf(cluster.setFee(FEE))).toBe('ok');
});

afterAll(() => cluster.close());

/** How often what happened. */
class Counts {
  /** Operation → outcome → how often. */
  readonly outcomes = new Map<string, Map<string, number>>();
  /** Operation → how often it changed something. */
  readonly changes = new Map<string, number>();
  /** Operations, those about a worker with its status before. */
  readonly met = new Set<string>();
  operations = 0;
  payouts = 0;

  add(name: string, outcome: string, changed: boolean, paidOut: bigint): void {
    const counts = this.outcomes.get(name) ?? new Map<string, number>();
    this.outcomes.set(name, counts.set(outcome, (counts.get(outcome) ?? 0) + 1));
    this.changes.set(name, (this.changes.get(name) ?? 0) + Number(changed));
    this.operations += 1;
    if (paidOut > 0n) this.payouts += 1;
  }

  get changed(): number {
    return [...this.changes.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Wrong order and twice: each operation about a worker on one of each status. Without one there is no capability. */
  get untried(): string[] {
    const pairs = [...this.met].filter((pair) => / (\d|undefined)$/.test(pair));
    const tried = new Set(pairs.map((pair) => pair.slice(0, pair.lastIndexOf(' '))));
    const wanted = [...tried].flatMap((name) =>
      STATUSES.filter((status) => status !== undefined || ANYBODYS.includes(name)).map(
        (status) => `${name} ${status}`,
      ),
    );
    return wanted.filter((pair) => !this.met.has(pair));
  }
}

/** Coins after less coins before, of everybody: what contracts gave less what they took, less gas. */
function coinChange({ transitions }: Execution): bigint {
  const balance = (object: ChainObject | undefined) =>
    object?.data.kind === 'move' && object.data.type === SUI_COIN_TYPE
      ? coinBalance(object.data.contents)
      : 0n;
  return [...transitions.values()].reduce(
    (sum, { before, after }) => sum + balance(after) - balance(before),
    0n,
  );
}

function stakeOf(stake: { bonded: string; unbonding: string; unbondsAtMs: string } | undefined) {
  return stake && [stake.bonded, stake.unbonding, stake.unbondsAtMs].map(BigInt);
}

function expectSame(model: StakeModel, { people, nodes }: Scene, where: string): void {
  const modelled = (stake: Stake | undefined) =>
    stake && [stake.bonded, stake.unbonding, BigInt(stake.unbondsAtMs)];
  for (const node of nodes) {
    const [actual, expected] = [cluster.worker(node), model.workers.get(node)];
    expect(stakeOf(actual?.stake), where).toEqual(modelled(expected));
    expect([actual?.status, actual?.owner], where).toEqual([expected?.status, expected?.owner]);
  }
  for (const user of [...people, cluster.operator]) {
    expect(stakeOf(cluster.account(user)?.stake), where).toEqual(modelled(model.stakes.get(user)));
    expect(BigInt(cluster.owner(user)?.fees ?? 0), where).toBe(model.accounts.get(user)?.fees ?? 0n);
  }
  expect([cluster.forfeited(), cluster.collected()], where).toEqual([model.forfeited, model.collected]);
}

test(`stake and fees are conserved over ${SEQUENCES} random sequences of operations`, {
  timeout: 1_800_000,
}, () => {
  const random = new Random(SEED);
  const draws = new StakeOperations(cluster, random);
  const model = new StakeModel(cluster.operator, FEE);
  const counts = new Counts();
  let [held, everForfeited] = [0n, 0n];
  for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
    const prefix = sequence.toString(16).padStart(31, '0');
    const people = [1, 2].map((digit) => `0x${digit}${prefix}${'0'.repeat(32)}`);
    const scene: Scene = { people, nodes: [`n-${sequence}-a`, `n-${sequence}-b`] };
    const length = 4 + random.below(LONGEST - 3);
    for (let step = 0; step < length; step += 1) {
      if (random.oneIn(3)) cluster.fork.timestampMs += random.pick(PAUSES_MS);
      const pairOf = ({ name, node }: Operation) => node && `${name} ${model.workers.get(node)?.status}`;
      const isNew = (operation: Operation) => !counts.met.has(pairOf(operation) ?? operation.name);
      const operation = step < FIRST ? draws.first(scene) : draws.next(scene, model, isNew);
      const { name } = operation;
      counts.met.add(pairOf(operation) ?? name);
      const execution = operation.run();
      const { outcome, paidIn, paidOut, changed } = operation.model(model);
      const where = `seed ${SEED}, sequence ${sequence}: ${operation.describe}`;
      expect(outcomeOf(execution), where).toBe(outcome);
      expect(coinChange(execution), where).toBe(paidOut - paidIn - netCost(execution.settlement.gas));
      held += paidIn - paidOut;
      counts.add(name, outcome, changed, paidOut);
    }
    expectSame(model, scene, `seed ${SEED}, sequence ${sequence}`);
    expect(model.forfeited).toBeGreaterThanOrEqual(everForfeited);
    everForfeited = model.forfeited;
  }
  expect(model.total).toBe(held);
  const { operations, changed, payouts, outcomes } = counts;
  console.log(
    `stake: seed ${SEED}, ${SEQUENCES} sequences, ${operations} operations, ${changed} changed something, ${payouts} paid out,`,
    outcomes,
  );
  const rare = [...counts.changes].filter(([, count]) => count < LEAST_SUCCESSES);
  expect(rare, 'operations that hardly ever succeed').toEqual([]);
  expect(counts.changes.size).toBe(KINDS);
  expect(changed / operations).toBeGreaterThan(0.5);
  expect(counts.untried).toEqual([]);
  expect(model.forfeited).toBeGreaterThan(0n);
});
