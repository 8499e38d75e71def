import type { Execution } from '@daasvader/devnet/execution/execute.ts';
import { netCost } from '@daasvader/devnet/gas.ts';
import { type ChainObject, coinBalance } from '@daasvader/devnet/object.ts';
import { SUI_COIN_TYPE } from '@daasvader/devnet/type-name.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytes, ForkedCluster, outcomeOf, text, u8, u64 } from './testing/forked-cluster.ts';
import { Random } from './testing/random.ts';
import { type Stake, StakeModel, type Step } from './testing/stake-model.ts';

const SEQUENCES = 10_000;
const LONGEST = 14;
/** Slashed and left; absent where there is no worker. */
const ENDED: (number | undefined)[] = [2, 5];
/** How many operations of a sequence open workers and accounts. */
const FIRST = 3;
const SEED = Number(process.env.DAAS_SEED ?? Date.now() % 2 ** 32);
const DAY_MS = 86_400_000;
/** MIST that open a worker or an account, but for the last. */
const ENOUGH = [5_000_000_000n, 5_000_000_001n, 15_000_000_000n, 10n ** 14n, 4_999_999_999n];

let cluster: ForkedCluster;
let sealTokens = 0n;

beforeAll(async () => {
  cluster = await ForkedCluster.start();
});

afterAll(() => cluster.close());

/** Two people with a worker each, who are users as well; short sequences over few of them meet most often. */
interface Scene {
  people: string[];
  nodes: string[];
}

interface Operation {
  describe: string;
  model(model: StakeModel): Step;
  run(): Execution;
}

function sealToken(): Uint8Array {
  sealTokens += 1n;
  return text(sealTokens.toString(16).padStart(64, '0'));
}

/** Amounts on and beside every threshold, and the extremes. */
function amount(random: Random): bigint {
  const near = random.pick([500_000_000n, 2_000_000_000n, 5_000_000_000n, 10_000_000_000n]);
  return random.pick([0n, 1n, near - 1n, near, near + 1n, near * 2n, near * 3n, 10n ** 14n]);
}

function share(random: Random): bigint {
  return random.pick([0n, 1n, 333n, 2_500n, 4_999n, 5_000n, 5_001n, 2n ** 64n - 1n]);
}

function randomOperation(
  random: Random,
  { people, nodes }: Scene,
  isFirst: boolean,
  present: StakeModel,
): Operation {
  const { operator, fork } = cluster;
  const now = fork.timestampMs;
  const at = random.oneIn(4) ? 1 : 0;
  const who = random.oneIn(12) ? random.pick([operator, ...people]) : people[at]!;
  const seat = random.oneIn(12) ? random.pick(people) : operator;
  const node = nodes[at]!;
  const id = text(node);
  const mist = isFirst ? random.pick(ENOUGH) : amount(random);
  const bps = share(random);
  const status = random.below(7);
  const operate = (name: string, values: Uint8Array[]) => () =>
    cluster.operate(seat, 'workersId', `worker_registry::${name}`, [id, ...values]);
  const own =
    (name: string, ...values: Uint8Array[]) =>
    () =>
      cluster.own(who, name, [id, ...values]);
  const evidence = bytes(new Uint8Array(32));
  const op = (describe: string, model: Operation['model'], run: () => Execution): Operation => ({
    describe: `${describe} ${node} ${mist} ${bps} ${status} by ${who.slice(0, 6)} or ${seat.slice(0, 6)}`,
    model,
    run,
  });
  const register = op(
    'register',
    (m) => m.register(who, node, mist, now),
    () => cluster.own(who, 'stake_and_register_worker', ['payment', id, sealToken()], mist),
  );
  const stake = op(
    'stake',
    (m) => m.stake(who, mist),
    () => cluster.use(who, 'stake', ['payment'], mist),
  );
  const ask = op('ask', (m) => m.requestWorkerWithdraw(who, node, now), own('request_withdraw'));
  const withdraw = op('withdraw', (m) => m.withdrawWorker(who, node, now), own('withdraw'));
  const activate = op('activate', (m) => m.activate(seat, node, now), operate('activate_worker', []));
  if (isFirst) return random.pick([register, register, stake]);
  // What is done to a worker that ended, as its owner would.
  if (ENDED.includes(present.workers.get(node)?.status) && random.oneIn(2))
    return random.pick([ask, withdraw, withdraw]);
  return random.pick([
    register,
    activate,
    activate,
    activate,
    stake,
    op('set status', (m) => m.setStatus(seat, node, status, now), operate('set_worker_status', [u8(status)])),
    op('slash', (m) => m.slash(seat, node, bps), operate('slash', [u8(1), evidence, u64(bps)])),
    op('refresh', (m) => m.refresh(who, node, now), own('refresh_seal_token', sealToken())),
    op('drain', (m) => m.drain(who, node), own('drain_worker')),
    op('resume', (m) => m.resume(who, node, now), own('resume_worker')),
    op('leave', (m) => m.leave(who, node), own('leave')),
    op(
      'add stake',
      (m) => m.addStake(who, node, mist),
      () => cluster.own(who, 'add_stake', ['payment', id], mist),
    ),
    op(
      'reinstate',
      (m) => m.reinstate(who, node, mist, now),
      () => cluster.own(who, 'reinstate', ['payment', id, sealToken()], mist),
    ),
    ask,
    withdraw,
    op(
      'restake',
      (m) => m.restake(who, mist),
      () => cluster.use(who, 'restake', ['payment'], mist),
    ),
    op(
      'user asks',
      (m) => m.requestWithdraw(who, mist, now),
      () => cluster.use(who, 'request_withdraw', [u64(mist)]),
    ),
    op(
      'user withdraws',
      (m) => m.withdrawUser(who, now),
      () => cluster.use(who, 'withdraw', []),
    ),
  ]);
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
  for (const user of [...people, cluster.operator])
    expect(stakeOf(cluster.account(user)), where).toEqual(modelled(model.accounts.get(user)));
  expect(cluster.forfeited(), where).toBe(model.forfeited);
}

test(`stake is conserved over ${SEQUENCES} random sequences of operations`, { timeout: 1_800_000 }, () => {
  const random = new Random(SEED);
  const model = new StakeModel(cluster.operator);
  const outcomes = new Map<string, number>();
  let [operations, payouts, held] = [0, 0, 0n];
  for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
    const prefix = sequence.toString(16).padStart(31, '0');
    const people = [1, 2].map((digit) => `0x${digit}${prefix}${'0'.repeat(32)}`);
    const scene: Scene = { people, nodes: [`n-${sequence}-a`, `n-${sequence}-b`] };
    const length = 4 + random.below(LONGEST - 3);
    for (let step = 0; step < length; step += 1) {
      if (random.oneIn(3)) cluster.fork.timestampMs += random.pick([1, DAY_MS, 7 * DAY_MS, 30 * DAY_MS]);
      const operation = randomOperation(random, scene, step < FIRST, model);
      const where = `seed ${SEED}, sequence ${sequence}: ${operation.describe}`;
      const execution = operation.run();
      const { outcome, paidIn, paidOut } = operation.model(model);
      expect(outcomeOf(execution), where).toBe(outcome);
      expect(coinChange(execution), where).toBe(paidOut - paidIn - netCost(execution.settlement.gas));
      held += paidIn - paidOut;
      if (paidOut > 0n) payouts += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      operations += 1;
    }
    expectSame(model, scene, `seed ${SEED}, sequence ${sequence}`);
  }
  expect(model.total).toBe(held);
  // That it was not all refusals.
  expect(payouts).toBeGreaterThan(SEQUENCES / 100);
  expect(model.forfeited).toBeGreaterThan(0n);
  console.log(
    `stake: seed ${SEED}, ${SEQUENCES} sequences, ${operations} operations, ${payouts} paid out,`,
    outcomes,
  );
});
