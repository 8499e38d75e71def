import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proposeFee } from '@daasvader/chain/calls/admin.ts';
import { depositFees, pruneRequest } from '@daasvader/chain/calls/anyone.ts';
import {
  type Act,
  activateWorker,
  assignWorkers,
  beginAct,
  completeRequest,
  heartbeat,
  type OperatorIds,
  settleCancelledRequest,
  setWorkerStatus,
  startRequest,
} from '@daasvader/chain/calls/operator.ts';
import { cancelRequest, stake, submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import {
  drainWorker,
  refreshSealToken,
  resumeWorker,
  stakeAndRegisterWorker,
} from '@daasvader/chain/calls/worker-owner.ts';
import { CANCELLATION_OUTCOME, WORKER_STATUS } from '@daasvader/chain/codes.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { contractEvents, createdObject, type Submitted, submit } from '@daasvader/chain/submit.ts';
import { ClusterPackage } from '@daasvader/host-proxy/cluster-package.ts';
import { collectFees } from '@daasvader/host-proxy/collect-fees.ts';
import { type Config, readConfig } from '@daasvader/host-proxy/config.ts';
import { GasCoins } from '@daasvader/host-proxy/gas-coins.ts';
import { GasPots } from '@daasvader/host-proxy/gas-pots.ts';
import { SuiHostChain } from '@daasvader/host-proxy/host-chain.ts';
import { Metrics } from '@daasvader/host-proxy/metrics.ts';
import { Sponsor } from '@daasvader/host-proxy/sponsor.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeatedCluster } from '../testbed/cluster/seated-cluster.ts';

// What it costs the host to hear somebody out, and what it costs that somebody: on the devnet's gas, which is Sui's
// tables. Statements come in batches, as the enclave makes them.

const SUI = 1_000_000_000n;
const DAY_MS = 86_400_000;
/** Statements in one transaction of the operator's. */
const BATCH = 32;
const ORDERS_PER_SECOND = 50n;
const EXAMPLE = join(import.meta.dirname, '../host-proxy/nautilus-config.example.yaml');
/** MIST of an order: what host-proxy/README.md advises. */
const FEE = 500_000n;
/** Orders of one owner that may be open at once. */
const OPEN = 25;

let directory: string;
let cluster: SeatedCluster;
let chain: SuiHostChain;
let provider: Ed25519Keypair;
/** Of worker-0, which is active. */
let capId: string;
let users: Ed25519Keypair[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gas-'));
  cluster = await SeatedCluster.start();
  chain = new SuiHostChain('devnet-local', cluster.devnet.url);
  const funded = async () => {
    const account = new Ed25519Keypair();
    await cluster.devnet.faucet(account.toSuiAddress());
    return account;
  };
  provider = await funded();
  users = await Promise.all([funded(), funded()]);
  for (const user of users) {
    await submit(cluster.client, user, (tx) => stake(tx, cluster.deployment, 2n * SUI));
  }
  capId = await register(0);
  await say([activated('worker-0')]);
  await submit(cluster.client, cluster.admin, (tx) => proposeFee(tx, cluster.deployment, FEE));
  for (const user of users) {
    const owner = user.toSuiAddress();
    await submit(cluster.client, user, (tx) => depositFees(tx, cluster.deployment, { payment: SUI, owner }));
  }
});

afterAll(async () => {
  await cluster.close();
  await rm(directory, { recursive: true });
});

/** MIST that a transaction took: computation, and storage less what is given back when it is freed. */
const costOf = ({ digest }: Submitted) => gasOf(digest);

async function gasOf(digest: string): Promise<bigint> {
  const { computation, storage } = (await chain.outcome(digest))!.gas;
  return computation + storage;
}

const sum = (all: readonly bigint[]) => all.reduce((total, each) => total + each, 0n);

type Statement = (tx: Transaction, ids: OperatorIds, act: Act) => void;

/** Has the operator say all of it, in batches. @returns MIST */
async function say(statements: readonly Statement[]): Promise<bigint> {
  const costs = [];
  for (let from = 0; from < statements.length; from += BATCH) {
    const batch = statements.slice(from, from + BATCH);
    const said = await cluster.operate((...operator) => {
      for (const statement of batch) statement(...operator);
    });
    costs.push(await costOf(said));
  }
  return sum(costs);
}

/** What one of many such statements adds to a batch. */
async function share(statement: (index: number) => Statement): Promise<bigint> {
  const statements = Array.from({ length: BATCH }, (_, index) => statement(index));
  return (await say(statements)) / BigInt(BATCH);
}

/** Orders that were made, by the users who made them; and MIST, gas and fees. */
interface Ordered {
  readonly ids: bigint[];
  readonly byUser: Map<Ed25519Keypair, bigint[]>;
  readonly cost: bigint;
}

/** Has users order `count` pods at once. */
async function order(count: number): Promise<Ordered> {
  const byUser = new Map<Ed25519Keypair, bigint[]>();
  let cost = BigInt(count) * FEE;
  for (let left = count; left > 0; left -= OPEN) {
    const user = users[byUser.size]!;
    const ordered = await submit(cluster.client, user, (tx) => {
      for (let i = 0; i < Math.min(left, OPEN); i += 1) {
        submitK8sRequest(tx, cluster.deployment, pod(`web-${i}`, user.toSuiAddress()));
      }
    });
    cost += await costOf(ordered);
    byUser.set(user, requestIds(ordered));
  }
  return { ids: [...byUser.values()].flat(), byUser, cost };
}

type UserCall = (tx: Transaction, ids: ContractIds, requestId: bigint) => void;

/** Has each user do the same with each of his orders. @returns MIST, negative when deposits came back */
async function each({ byUser }: Ordered, call: UserCall): Promise<bigint> {
  let cost = 0n;
  for (const [user, ids] of byUser) {
    const done = await submit(cluster.client, user, (tx) => {
      for (const requestId of ids) call(tx, cluster.deployment, requestId);
    });
    cost += await costOf(done);
  }
  return cost;
}

function pod(name: string, requester: string) {
  const place = { method: 'POST', path: '/api/v1/namespaces/default/pods', namespace: 'default' };
  return {
    ...place,
    name,
    labels: 'app=web',
    containerName: 'web',
    image: 'nginx:1.29',
    port: '80',
    requester,
  };
}

function requestIds(submitted: Submitted): bigint[] {
  return contractEvents(submitted, cluster.deployment.originalPackageId).flatMap((event) =>
    event.kind === 'K8sAPIRequestScheduledEvent' ? [BigInt(event.requestId)] : [],
  );
}

/** All that the operator says of an order that succeeds. */
function carriedOut(requestId: bigint): Statement[] {
  return [
    (...operator) => startRequest(...operator, requestId),
    (...operator) => assignWorkers(...operator, { requestId, nodeIds: ['worker-0'] }),
    (...operator) => completeRequest(...operator, { requestId, resultDigest: new Uint8Array(32) }),
  ];
}

/** Registers a worker. @returns its capability */
async function register(index: number): Promise<string> {
  const registered = await submit(cluster.client, provider, (tx) =>
    stakeAndRegisterWorker(tx, cluster.deployment, {
      stake: 5n * SUI,
      nodeId: `worker-${index}`,
      sealToken: `${index}`.padStart(64, '0'),
      identityKey: new Uint8Array(32).fill(index + 1),
    }),
  );
  return createdObject(registered, '::worker_registry::WorkerCap');
}

const activated = (nodeId: string): Statement => {
  return (...operator) => activateWorker(...operator, { nodeId, counter: 1n });
};

const beaten: Statement = (...operator) =>
  heartbeat(...operator, { auditHead: new Uint8Array(32), inSync: [] });

const flapped = (index: number): Statement => {
  const status = index % 2 === 0 ? WORKER_STATUS.offline : WORKER_STATUS.active;
  return (...operator) => setWorkerStatus(...operator, { nodeId: 'worker-0', status });
};

describe('what others cause costs them more than it costs the cluster', () => {
  test('a worker that its owner drains and resumes without end', async () => {
    const drained = await submit(cluster.client, provider, (tx) => {
      for (let i = 0; i < BATCH / 2; i += 1) {
        drainWorker(tx, cluster.deployment, capId);
        resumeWorker(tx, cluster.deployment, capId);
      }
    });
    expect(await share(flapped)).toBeLessThan((await costOf(drained)) / BigInt(BATCH));
  });

  test('a user who orders, cancels once it runs, and clears away without end', async () => {
    const ordered = await order(OPEN);
    const started = await say(ordered.ids.flatMap((requestId) => carriedOut(requestId).slice(0, -1)));
    const cancelled = await each(ordered, cancelRequest);
    const outcome = CANCELLATION_OUTCOME.removed;
    const settled = await say(
      ordered.ids.map(
        (requestId) =>
          (...operator) =>
            settleCancelledRequest(...operator, { requestId, outcome }),
      ),
    );
    const pruned = await each(ordered, pruneRequest);
    expect(started + settled).toBeLessThan(ordered.cost + cancelled + pruned);
  });

  test('a user whose orders are carried out, and who clears them away without end', async () => {
    const ordered = await order(OPEN);
    const said = await say(ordered.ids.flatMap(carriedOut));
    expect(said).toBeLessThan(ordered.cost + (await each(ordered, pruneRequest)));
  });

  test('a worker whose seal token expired: nothing comes of what is said of it, and the rest of the batch holds', async () => {
    const expired = await register(1);
    cluster.devnet.advanceTime(31 * DAY_MS);
    await register(2);
    await say([activated('worker-1'), activated('worker-2')]);
    const reader = new ContractReader(cluster.client, cluster.deployment);
    expect(await reader.worker('worker-1')).toMatchObject({ status: WORKER_STATUS.pending });
    expect(await reader.worker('worker-2')).toMatchObject({ status: WORKER_STATUS.active });

    const said = await share(() => activated('worker-1'));
    const refreshed = await submit(cluster.client, provider, (tx) =>
      refreshSealToken(tx, cluster.deployment, { capId: expired, sealToken: 'f'.repeat(64) }),
    );
    expect(said).toBeLessThan(await costOf(refreshed));
  });
});

describe('within what the example configuration spends in an hour', () => {
  let gas: Config['gas'];

  beforeAll(async () => {
    gas = (await readConfig(EXAMPLE)).gas;
  });

  test('50 orders a second, in batches of 10 and of 50, which the fee covers', async () => {
    const costs: bigint[] = [];
    for (const count of [1, 10, 50]) {
      const { ids } = await order(count);
      costs.push((await say(ids.flatMap(carriedOut))) / BigInt(count));
    }
    console.log('MIST an order, in batches of 1, 10, 50:', costs.join(', '));
    const [one, ...batched] = costs;
    for (const cost of batched) {
      expect(2n * cost).toBeLessThan(one!);
      expect(cost).toBeLessThan(FEE);
      expect(cost * ORDERS_PER_SECOND * 3_600n).toBeLessThan(BigInt(gas.statements_per_hour));
    }
  });

  test('an hour of heartbeats, each at ten times the price', async () => {
    const beat = await say([beaten]);
    expect(beat * 120n * 10n).toBeLessThan(BigInt(gas.heartbeats_per_hour));
  });

  test('a thousand workers that flap as often as is told of, every 10 minutes, by a hundredth', async () => {
    const hour = (await share(flapped)) * 2n * 6n * 1_000n;
    expect(hour).toBeLessThan(BigInt(gas.statements_per_hour) / 100n);
  });
});

describe('a host that pays', () => {
  let sponsor: Sponsor;
  let metrics: Metrics;

  beforeAll(() => {
    const account = cluster.devnet.accounts[1]!;
    const [coins, packages] = [new GasCoins(chain, account), new ClusterPackage(chain, cluster.deployment)];
    metrics = new Metrics();
    const pots = new GasPots({ heartbeats_per_hour: 10 ** 9, statements_per_hour: 3 * 10 ** 7 }, metrics);
    sponsor = new Sponsor({ chain, coins, account, packages, perTransaction: SUI / 2n, pots });
  });

  /** Has the host pay for a transaction of the operator's. @returns MIST that it took */
  async function paid(statement: Statement): Promise<bigint> {
    const { client, controlPlane, operatorIds: ids } = cluster;
    const { operator } = controlPlane;
    const notAfterMs = BigInt(await new ContractReader(client, ids).timeMs()) + 60_000n;
    const tx = new Transaction();
    statement(tx, ids, beginAct(tx, ids, { term: 1n, notAfterMs }));
    const kind = await tx.build({ client, onlyTransactionKind: true });
    const sender = operator.toSuiAddress();
    const sponsored = await sponsor.sponsor({ transaction: Buffer.from(kind).toString('base64'), sender });
    const transaction = Uint8Array.from(Buffer.from(sponsored.transaction, 'base64'));
    const { signature } = await operator.signTransaction(transaction);
    const signatures = [signature, sponsored.sponsorSignature];
    const result = await client.executeTransaction({ transaction, signatures });
    const { digest, status } = result.Transaction ?? result.FailedTransaction;
    expect(status).toMatchObject({ success: true });
    await client.waitForTransaction({ digest });
    return gasOf(digest);
  }

  const spent = async (pot: string) => {
    const line = new RegExp(`^daasvader_gas_spent_mist_total\\{pot="${pot}"\\} (\\d+)$`, 'm');
    return BigInt(line.exec(await metrics.registry.metrics())?.[1] ?? 0);
  };

  test('counts what was spent, and beats on when the pot of statements is empty', async () => {
    const costs: bigint[] = [];
    const flap = async () => costs.push(await paid(flapped(costs.length)));
    const refused = async () => {
      for (;;) await flap();
    };
    await expect(refused()).rejects.toMatchObject({
      code: 'budget',
      message: expect.stringMatching(/for statements, .* free again in 60 min/),
    });
    expect(costs.length).toBeGreaterThan(5);
    await expect.poll(() => spent('statements')).toBe(sum(costs));
    const beats = [await paid(beaten), await paid(beaten)];
    await expect.poll(() => spent('heartbeats')).toBe(sum(beats));
  });

  test('signs nothing that the contracts refuse', async () => {
    const before = await spent('heartbeats');
    const unknown: Statement = (...operator) =>
      setWorkerStatus(...operator, { nodeId: 'worker-0', status: 9 });
    await expect(paid(unknown)).rejects.toMatchObject({
      code: 'fails',
      message: expect.stringContaining('worker_registry aborts with EBadStatus'),
    });
    expect(await spent('heartbeats')).toBe(before);
  });

  test('collects the fees of orders, once, when its enclave leads', async () => {
    const file = await configured(cluster.devnet.accounts[0]!);
    await order(1);
    const { fees } = await new ContractReader(cluster.client, cluster.deployment).scheduler();
    expect(BigInt(fees.collected)).toBeGreaterThanOrEqual(FEE);
    const host = cluster.admin.toSuiAddress();
    expect(await collectFees(file)).toMatchObject({ host, mist: fees.collected });
    await expect(collectFees(file)).rejects.toMatchObject({
      code: 'fails',
      message: expect.stringContaining('EZeroAmount'),
    });
  });
});

/** @returns the file of a configuration with this host account */
async function configured(account: Ed25519Keypair): Promise<string> {
  const files = { 'cluster.json': JSON.stringify(cluster.deployment), 'host.key': account.getSecretKey() };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), text, { mode: 0o600 });
  }
  const file = join(directory, 'nautilus-config.yaml');
  const example = await readFile(EXAMPLE, 'utf8');
  const config = example
    .replace('https://fullnode.testnet.sui.io:443', cluster.devnet.url)
    .replace('deployments/testnet.json', 'cluster.json')
    .replace('/var/lib/daasvader', 'state');
  await writeFile(file, config);
  return file;
}
