import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { joinStatement } from '@daasvader/chain/join-statement.ts';
import { bytes, ForkedCluster, outcomeOf, text, u8, u64 } from '@daasvader/testbed/cluster/forked-cluster.ts';
import type { Execution } from '@daasvader/testbed/devnet/execution/execute.ts';
import { netCost } from '@daasvader/testbed/devnet/transaction/gas.ts';
import { type ChainObject, coinBalance } from '@daasvader/testbed/devnet/transaction/object.ts';
import { SUI_COIN_TYPE } from '@daasvader/testbed/devnet/transaction/type-name.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from './testing/random.ts';
import { type Stake, StakeModel, type Step } from './testing/stake-model.ts';

const SEQUENCES = 10_000;
const LONGEST = 14;
/** How often an operation is drawn again when the model says that it would change nothing; one in three is run all the same. */
const DRAWS = 12;
/** Every operation succeeds at least so often. */
const LEAST_SUCCESSES = 100;
/** There is no worker, or one that is pending, active, slashed, offline, draining or left. */
const STATUSES = [undefined, 0, 1, 2, 3, 4, 5];
/** How many operations of a sequence open workers and accounts. */
const FIRST = 3;
/** Operations about a worker that need no capability. */
const ANYBODYS = ['register', 'activate', 'set status', 'slash'];
const ABOUT_USERS = ['stake', 'restake', 'unstake', 'withdraw stake'];
const SEED = Number(process.env.DAAS_SEED ?? Date.now() % 2 ** 32);
const DAY_MS = 86_400_000;
/** MIST that open a worker or an account, but for the last. */
const ENOUGH = [5_000_000_000n, 5_000_000_001n, 15_000_000_000n, 10n ** 14n, 4_999_999_999n];

let cluster: ForkedCluster;
let keys = 0n;
/** What workers sign their joins with now. */
const identities = new Map<string, Identity>();

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
  name: string;
  /** The worker it is about, if it is about one. */
  node: string | undefined;
  describe: string;
  model(model: StakeModel): Step;
  run(): Execution;
}

function sealToken(): Uint8Array {
  keys += 1n;
  return text(keys.toString(16).padStart(64, '0'));
}

interface Identity {
  publicKey: Uint8Array;
  privateKey: KeyObject;
}

function newIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32), privateKey };
}

const stranger = newIdentity();

/** Two joins under one counter, by the worker's own key or a stranger's. */
function doubleIdentity(node: string, proof: { isSigned: boolean; isDouble: boolean }): Uint8Array[] {
  const signer = (proof.isSigned && identities.get(node)) || stranger;
  const joins = [1, proof.isDouble ? 2 : 1].flatMap((value) => {
    const digest = new Uint8Array(32).fill(value);
    const statement = joinStatement({ clusterId: cluster.clusterId, nodeId: node, counter: 1n, digest });
    return [digest, sign(null, statement, signer.privateKey)];
  });
  return [text(node), u64(1n), ...joins.map((value) => bytes(value))];
}

/** Amounts on and beside every threshold, and the extremes. */
function amount(random: Random): bigint {
  const near = random.pick([500_000_000n, 2_000_000_000n, 5_000_000_000n, 10_000_000_000n]);
  return random.pick([0n, 1n, near - 1n, near, near + 1n, near * 2n, near * 3n, 10n ** 14n]);
}

/** Mostly an operation that succeeds, so that histories get long: slashed, topped up, reinstated, left, paid out. */
function nextOperation(random: Random, scene: Scene, isFirst: boolean, model: StakeModel): Operation {
  const isLegal = !isFirst && !random.oneIn(3);
  let operation = randomOperation(random, scene, isFirst);
  for (let draw = 1; isLegal && draw < DRAWS && !changes(operation, scene, model); draw += 1)
    operation = randomOperation(random, scene, isFirst);
  return operation;
}

/** Whether an operation would change something, by a model of this scene alone. */
function changes(operation: Operation, { people, nodes }: Scene, model: StakeModel): boolean {
  const copy = new StakeModel(cluster.operator);
  for (const node of nodes) {
    const worker = model.workers.get(node);
    if (worker) copy.workers.set(node, { ...worker });
  }
  for (const user of [...people, cluster.operator]) {
    const account = model.accounts.get(user);
    if (account) copy.accounts.set(user, { ...account });
  }
  const state = () => inspect([copy.workers, copy.accounts], { depth: null });
  const before = state();
  operation.model(copy);
  return state() !== before;
}

function randomOperation(random: Random, { people, nodes }: Scene, isFirst: boolean): Operation {
  const { operator, fork } = cluster;
  const now = fork.timestampMs;
  const at = random.oneIn(4) ? 1 : 0;
  const who = random.oneIn(12) ? random.pick([operator, ...people]) : people[at]!;
  const seat = random.oneIn(12) ? random.pick(people) : operator;
  const node = nodes[at]!;
  const id = text(node);
  const mist = isFirst ? random.pick(ENOUGH) : amount(random);
  const proof = { isSigned: !random.oneIn(6), isDouble: !random.oneIn(6) };
  const status = random.oneIn(4) ? random.below(7) : random.pick([1, 3, 4]);
  const operate = (name: string, values: Uint8Array[]) => () =>
    cluster.operate(seat, 'workersId', `worker_registry::${name}`, [id, ...values]);
  const own =
    (name: string, ...values: Uint8Array[]) =>
    () =>
      cluster.own(ownerOf(node), name, [cluster.cap(node), ...values]);
  const op = (name: string, model: Operation['model'], run: () => Execution): Operation => ({
    name,
    node: ABOUT_USERS.includes(name) ? undefined : node,
    describe: `${name} ${node} ${mist} ${JSON.stringify(proof)} ${status} by ${who.slice(0, 6)} or ${seat.slice(0, 6)}`,
    model,
    run,
  });
  const register = op(
    'register',
    (m) => m.register(who, node, mist, now),
    () => {
      const identity = newIdentity();
      const execution = cluster.register(who, node, sealToken(), identity.publicKey, mist);
      if (execution.failure === undefined) identities.set(node, identity);
      return execution;
    },
  );
  const stake = op(
    'stake',
    (m) => m.stake(who, mist),
    () => cluster.use(who, 'stake', ['payment'], mist),
  );
  const activate = op('activate', (m) => m.activate(seat, node, now), operate('activate_worker', [u64(1n)]));
  // A worker is offline only by this.
  const setStatus = op(
    'set status',
    (m) => m.setStatus(seat, node, status, now),
    operate('set_worker_status', [u8(status)]),
  );
  // Resuming is legal only after a drain, and that only after an activation: so they come more often.
  const drain = op('drain', (m) => m.drain(node), own('drain_worker'));
  const resume = op('resume', (m) => m.resume(node, now), own('resume_worker'));
  if (isFirst) return random.pick([register, register, stake]);
  const slash = op(
    'slash',
    (m) => m.slash(node, proof),
    () => cluster.own(who, 'slash_double_identity', doubleIdentity(node, proof)),
  );
  const anybodys = [
    register,
    activate,
    activate,
    stake,
    setStatus,
    setStatus,
    setStatus,
    slash,
    op(
      'restake',
      (m) => m.restake(who, mist),
      () => cluster.use(who, 'restake', ['payment'], mist),
    ),
    op(
      'unstake',
      (m) => m.requestWithdraw(who, mist, now),
      () => cluster.use(who, 'request_withdraw', [u64(mist)]),
    ),
    op(
      'withdraw stake',
      (m) => m.withdrawUser(who, now),
      () => cluster.use(who, 'withdraw', []),
    ),
  ];
  if (!cluster.hasCap(node)) return random.pick(anybodys);
  const reinstate = op(
    'reinstate',
    (m) => m.reinstate(node, mist, now),
    () => {
      const identity = newIdentity();
      const values = ['payment', cluster.cap(node), sealToken(), bytes(identity.publicKey)] as const;
      const execution = cluster.own(ownerOf(node), 'reinstate', [...values], mist);
      if (execution.failure === undefined) identities.set(node, identity);
      return execution;
    },
  );
  // The same holds of what ends a worker.
  const ask = op('ask', (m) => m.requestWorkerWithdraw(node, now), own('request_withdraw'));
  const withdraw = op('withdraw', (m) => m.withdrawWorker(node, now), own('withdraw'));
  const close = op('close', (m) => m.close(node), own('close_worker'));
  return random.pick([
    ...anybodys,
    op('refresh', (m) => m.refresh(node, now), own('refresh_seal_token', sealToken())),
    drain,
    drain,
    resume,
    resume,
    resume,
    op('leave', (m) => m.leave(node), own('leave')),
    op(
      'add stake',
      (m) => m.addStake(node, mist),
      () => cluster.own(ownerOf(node), 'add_stake', ['payment', cluster.cap(node)], mist),
    ),
    reinstate,
    ask,
    ask,
    withdraw,
    withdraw,
    withdraw,
    close,
    close,
    close,
  ]);
}

/** Whoever holds the capability; the others cannot even ask. */
function ownerOf(node: string): string {
  return cluster.worker(node)!.owner;
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
    expect(stakeOf(cluster.account(user)?.stake), where).toEqual(modelled(model.accounts.get(user)));
  expect(cluster.forfeited(), where).toBe(model.forfeited);
}

test(`stake is conserved over ${SEQUENCES} random sequences of operations`, { timeout: 1_800_000 }, () => {
  const random = new Random(SEED);
  const model = new StakeModel(cluster.operator);
  /** Operation → outcome → how often. */
  const outcomes = new Map<string, Map<string, number>>();
  /** Operations about a worker, with its status before. */
  const met = new Set<string>();
  let [operations, payouts, held] = [0, 0, 0n];
  for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
    const prefix = sequence.toString(16).padStart(31, '0');
    const people = [1, 2].map((digit) => `0x${digit}${prefix}${'0'.repeat(32)}`);
    const scene: Scene = { people, nodes: [`n-${sequence}-a`, `n-${sequence}-b`] };
    const length = 4 + random.below(LONGEST - 3);
    for (let step = 0; step < length; step += 1) {
      if (random.oneIn(3)) cluster.fork.timestampMs += random.pick([1, DAY_MS, 7 * DAY_MS, 30 * DAY_MS]);
      const operation = nextOperation(random, scene, step < FIRST, model);
      const { name, node } = operation;
      if (node) met.add(`${name} ${model.workers.get(node)?.status}`);
      const where = `seed ${SEED}, sequence ${sequence}: ${operation.describe}`;
      const execution = operation.run();
      const { outcome, paidIn, paidOut } = operation.model(model);
      expect(outcomeOf(execution), where).toBe(outcome);
      expect(coinChange(execution), where).toBe(paidOut - paidIn - netCost(execution.settlement.gas));
      held += paidIn - paidOut;
      if (paidOut > 0n) payouts += 1;
      const counts = outcomes.get(name) ?? new Map<string, number>();
      outcomes.set(name, counts.set(outcome, (counts.get(outcome) ?? 0) + 1));
      operations += 1;
    }
    expectSame(model, scene, `seed ${SEED}, sequence ${sequence}`);
  }
  expect(model.total).toBe(held);
  const successes = [...outcomes].map(([name, counts]) => [name, counts.get('ok') ?? 0] as const);
  const succeeded = successes.reduce((sum, [, count]) => sum + count, 0);
  console.log(
    `stake: seed ${SEED}, ${SEQUENCES} sequences, ${operations} operations, ${succeeded} succeeded, ${payouts} paid out,`,
    outcomes,
  );
  for (const [name, count] of successes) expect(count, name).toBeGreaterThan(LEAST_SUCCESSES);
  expect(succeeded / operations).toBeGreaterThan(0.5);
  // Wrong order and twice: every operation about a worker was tried on one of every status.
  const tried = [...new Set([...met].map((pair) => pair.slice(0, pair.lastIndexOf(' '))))];
  // Without a worker there is no capability to call with.
  const isOwners = (name: string) => !ANYBODYS.includes(name);
  const pairs = tried.flatMap((name) =>
    STATUSES.filter((status) => status !== undefined || !isOwners(name)).map((status) => `${name} ${status}`),
  );
  expect(pairs.filter((pair) => !met.has(pair))).toEqual([]);
  expect(model.forfeited).toBeGreaterThan(0n);
});
