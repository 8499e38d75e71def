import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { joinStatement } from '@daasvader/chain/join-statement.ts';
import { compilePackage } from '@daasvader/move/compile.ts';
import { bytes, ForkedCluster, outcomeOf, text, u8, u64 } from '@daasvader/testbed/cluster/forked-cluster.ts';
import type { Execution } from '@daasvader/testbed/devnet/execution/execute.ts';
import type { ForkArgument } from '@daasvader/testbed/devnet/testing/fork.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { bcs } from '@mysten/sui/bcs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contractFunctions } from './testing/abort-sites.ts';

const SIZES = [10, 1_000, 10_000];
const STAKE = 10_000_000_000n;
const MIST_PER_SUI = 1e9;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 86_400_000;
/** How many grants an owner makes within an hour. */
const HOURLY_GRANTS = 30;
/** More than there are numbers of workers at the greatest size. */
const SECOND_KEY = 1_000_000;
/** As much as a piece of a body holds, and how many of them a body has. */
const [PIECE_BYTES, PIECES] = [12_288, 8];
/** As many grants as one owner may have. */
const MAX_GRANTS = 64;
const DEVELOPER = 2;
const DIGEST = bytes(new Uint8Array(32));
const TEN_NODES = Array.from({ length: 10 }, (_, index) => `w${index}`);
const ten = bcs.vector(bcs.string());
/** Modules whose objects hold nothing that grows with workers, users or requests: measurements are at most 16. */
const CONSTANT = ['enclave_registry', 'lead', 'identity', 'anchor', 'image_registry'];
/** What the admin calls with one number or none, and what the host calls, which is about one balance. */
const ADMIN = ['migrate', 'propose_min_stake', 'propose_role_stakes', 'propose_fee', 'collect_fees'];
/** Functions that give what others, which are measured, send to the sender. */
const COMPOSABLE = ['register_worker', 'withdraw_stake', 'take_fees'];
/** More than a row of the table of loads takes, and far less than one byte for each of 10,000. */
const ROW_BYTES = 300;
/** What logarithmic growth allows between the sizes, and far below what linear growth would need. */
const ALLOWED_GROWTH = Math.log(10_000) / Math.log(10);

let cluster: ForkedCluster;
/** Workers, users, owners of grants and requests there are. */
let size = 0;
let requests = 0n;

beforeAll(async () => {
  cluster = await ForkedCluster.start();
});

afterAll(() => cluster.close());

const person = (index: number) => `0x${index.toString(16).padStart(32, '0')}${'f'.repeat(32)}`;
const key = (index: number) => text(index.toString(16).padStart(64, '0'));

interface Cost {
  /** Of computation, before they are rounded up. */
  units: number;
  /** Stored less freed. */
  bytes: number;
  /** What the sender pays for both; less than nothing where more is given back. */
  sui: number;
}

function cost(execution: Execution): Cost {
  expect(outcomeOf(execution)).toBe('ok');
  const { computationCost, storageCost, storageRebate, nonRefundableStorageFee } = execution.settlement.gas;
  const bytes = Number(storageCost - storageRebate - nonRefundableStorageFee) / 7_600;
  const sui = Number(computationCost + storageCost - storageRebate) / MIST_PER_SUI;
  return { units: execution.units, bytes, sui };
}

const identity = (index: number) => Buffer.from(index.toString(16).padStart(64, '0'), 'hex');
const node = (index: number) => text(name(index));
const name = (index: number) => `w${index}`;

const register = (index: number, sealToken = key(index), identityKey: Uint8Array = identity(index)) =>
  cluster.register(person(index), name(index), sealToken, identityKey, STAKE);
const activate = (index: number) =>
  cluster.operate(cluster.operator, 'workersId', 'worker_registry::activate_worker', [node(index), u64(1n)]);
const stake = (index: number) => cluster.use(person(index), 'stake', ['payment'], STAKE);

const guest = (index: number) => `0xe${index.toString(16).padStart(31, '0')}${'f'.repeat(32)}`;
const grantee = (owner: number, index: number) => [
  text(namespaceOf(person(owner))),
  Buffer.from(guest(index).slice(2), 'hex'),
];
const grant = (owner: number, index: number) =>
  cluster.use(person(owner), 'grant_role', [...grantee(owner, index), u8(DEVELOPER)]);
const revoke = (owner: number, index: number) =>
  cluster.use(person(owner), 'revoke_role', grantee(owner, index));

const submit = (index: number) => submitAs(person(index), 'default');

function submitAs(requester: string, namespace: string): Execution {
  requests += 1n;
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const fields = ['POST', path, 'web', 'app=web', namespace, 'web', 'nginx:1.27', '80'];
  const values: ForkArgument[] = [...fields.map(text), Buffer.from(requester.slice(2), 'hex')];
  return cluster.request(requester, 'submit_k8s_request', values);
}

const CONFIG_MAPS = ['POST', '/api/v1/namespaces/default/configmaps', '', 'application/json'].map(text);

function submitRequest(index: number): Execution {
  requests += 1n;
  const pieces = Array.from({ length: PIECES }, () => new Uint8Array(PIECE_BYTES));
  return cluster.request(person(index), 'submit_request', [...CONFIG_MAPS, { pieces }]);
}

function submitByDigest(index: number): Execution {
  requests += 1n;
  const body = [DIGEST, u64(1_000_000n), DIGEST];
  return cluster.request(person(index), 'submit_request_by_digest', [...CONFIG_MAPS, ...body]);
}

const cancel = (index: number) => cluster.request(person(index), 'cancel_request', [u64(requests)]);
const request = (name: string, id: bigint, ...values: Uint8Array[]) =>
  cluster.operate(cluster.operator, 'schedulerId', `k8s_scheduler::${name}`, [u64(id), ...values]);

function grow(to: number): void {
  for (; size < to; size += 1) {
    const first = (index: number) => grant(index, 0);
    for (const work of [register, activate, stake, submit, first]) expect(outcomeOf(work(size))).toBe('ok');
  }
}

/** Two joins of a worker, signed under one counter. */
function doubleIdentity(index: number, signer: KeyObject): Uint8Array[] {
  const joins = [1, 2].flatMap((value) => {
    const digest = new Uint8Array(32).fill(value);
    const statement = { clusterId: cluster.clusterId, nodeId: name(index), counter: 1n, digest };
    return [digest, sign(null, joinStatement(statement), signer)];
  });
  return [node(index), u64(1n), ...joins.map((value) => bytes(value))];
}

/** What every operation costs at the present size. Each leaves the cluster as large as it was, but for two of each. */
function measure(): Record<string, Cost> {
  const at = size;
  const status = (value: number) =>
    cluster.operate(cluster.operator, 'workersId', 'worker_registry::set_worker_status', [
      text(node),
      u8(value),
    ]);
  const own = (name: string, ...values: Uint8Array[]) =>
    cluster.own(person(at), name, [cluster.cap(node), ...values]);
  const user = Buffer.from(person(at).slice(2), 'hex');
  const further = text(`${namespaceOf(person(at))}-x`);
  const node = name(at);
  const signer = generateKeyPairSync('ed25519');
  const signerKey = Uint8Array.from(signer.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const costs: Record<string, Cost> = {};
  const run = (name: string, work: () => Execution) => {
    costs[name] = cost(work());
  };
  run('stake_and_register_worker', () => register(at, key(at), signerKey));
  run('activate_worker', () => activate(at));
  run('set_worker_status', () => status(3));
  cost(status(1));
  run('set_offer', () =>
    own('set_offer', ...[4_000n, 8_192n, 100n, 1n, 2n, 3n].map(u64), text('eu-1'), u8(1)),
  );
  run('add_stake', () => cluster.own(person(at), 'add_stake', ['payment', cluster.cap(node)], STAKE));
  run('drain_worker', () => own('drain_worker'));
  run('resume_worker', () => own('resume_worker'));
  run('refresh_seal_token', () => own('refresh_seal_token', key(SECOND_KEY + at)));
  run('stake', () => stake(at));
  run('restake', () => cluster.use(person(at), 'restake', ['payment'], STAKE));
  run('submit_k8s_request', () => submit(at));
  run('submit_request, of 96 KiB', () => submitRequest(at));
  cost(cancel(at));
  run('submit_request_by_digest', () => submitByDigest(at));
  cost(cancel(at));
  run('deposit_fees', () => cluster.request(person(at), 'deposit_fees', ['payment', user], STAKE));
  run('withdraw_fees', () => cluster.request(person(at), 'withdraw_fees', [u64(STAKE)]));
  cost(submit(at));
  run('start_request', () => request('start_request', requests));
  run('assign_worker', () => request('assign_worker', requests, ten.serialize(TEN_NODES).toBytes()));
  run('complete_request', () => request('complete_request', requests, DIGEST));
  cost(submit(at));
  run('fail_request', () => request('fail_request', requests, text('no'), u8(1)));
  cost(submit(at));
  run('cancel_request', () => cancel(at));
  run('settle_cancelled_request', () => request('settle_cancelled_request', requests, u8(2)));
  run('prune_request', () => cluster.request(person(at), 'prune_request', [u64(requests)]));
  run('claim_namespace', () => cluster.use(person(at), 'claim_namespace', [further]));
  run('release_namespace', () => cluster.use(person(at), 'release_namespace', [further]));
  run('grant_role, the first', () => grant(at, 0));
  for (let index = 1; index < MAX_GRANTS - 1; index += 1) {
    if (index % HOURLY_GRANTS === 0) cluster.fork.timestampMs += HOUR_MS;
    cost(grant(at, index));
  }
  run('grant_role, the 64th', () => grant(at, MAX_GRANTS - 1));
  run('submit_k8s_request by the 64th', () => submitAs(guest(MAX_GRANTS - 1), namespaceOf(person(at))));
  cost(cancel(at));
  run('revoke_role, the 64th', () => revoke(at, MAX_GRANTS - 1));
  run('heartbeat', () => cluster.heartbeat());
  run('slash_double_identity', () =>
    cluster.own(person(at), 'slash_double_identity', doubleIdentity(at, signer.privateKey)),
  );
  const keys = [key(2 * SECOND_KEY + at), bytes(identity(SECOND_KEY + at))];
  run('reinstate', () =>
    cluster.own(person(at), 'reinstate', ['payment', cluster.cap(node), ...keys], STAKE),
  );
  run('leave', () => own('leave'));
  run('request_withdraw of a worker', () => own('request_withdraw'));
  run('request_withdraw of a user', () => cluster.use(person(at), 'request_withdraw', [u64(STAKE)]));
  cluster.fork.timestampMs += WEEK_MS;
  run('withdraw of a worker', () => own('withdraw'));
  run('close_worker', () => own('close_worker'));
  cost(register(at, key(3 * SECOND_KEY + at), identity(2 * SECOND_KEY + at)));
  cost(activate(at));
  run('withdraw of a user', () => cluster.use(person(at), 'withdraw', []));
  size += 1;
  return costs;
}

test('no operation costs more than logarithmically more in a larger cluster', {
  timeout: 1_800_000,
}, async () => {
  const measured = SIZES.map((to) => {
    grow(to);
    return measure();
  });
  const [small, , large] = measured;
  await expectAllMeasured(Object.keys(small!));
  for (const name of Object.keys(small!)) {
    const [before, after] = [small![name]!, large![name]!];
    expect(after.units / before.units, name).toBeLessThan(ALLOWED_GROWTH);
    // Ids and counters get longer by a few bytes, and the worker that is picked may have no row for its load yet.
    expect(after.bytes - before.bytes, name).toBeLessThan(ROW_BYTES);
  }
  console.log(
    `computation units (bytes stored) SUI at ${SIZES.join(', ')} workers, users, grants and requests`,
  );
  for (const name of Object.keys(small!)) {
    const cells = measured.map((costs) => {
      const { units, bytes, sui } = costs[name]!;
      return `${units} (${bytes.toFixed(0)}) ${sui.toFixed(6)}`;
    });
    console.log(`${name.padEnd(30)} ${cells.map((cell) => cell.padStart(24)).join('')}`);
  }
});

/** That no function which a transaction may call and which costs gas was left out. */
async function expectAllMeasured(measured: string[]): Promise<void> {
  const { modules } = await compilePackage(import.meta.dirname);
  const functions = [...contractFunctions(modules).values()].filter(({ isChange }) => isChange);
  const left = functions.filter(({ name }) => {
    const [module, short] = name.split('::') as [string, string];
    const whose = module === 'staking' ? 'of a user' : 'of a worker';
    const names = [short, `${short} ${whose}`];
    const isMeasured = measured.some((each) => names.includes(each) || each.startsWith(`${short}, `));
    const isLeftOut = [...ADMIN, ...COMPOSABLE].includes(short);
    return !CONSTANT.includes(module) && !isLeftOut && !isMeasured;
  });
  expect(left.map(({ name }) => name)).toEqual([]);
}
