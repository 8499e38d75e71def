/**
 * What many orders cost: users order 50 a second, and the enclave's own writer tells the chain what becomes of them, in
 * batches that the host's own sponsor pays for out of its pots. There is no Kubernetes: orders succeed at once, so that
 * the times are the chain's part alone. Fails when an hour of it is more than what a host spends unless told otherwise.
 *
 *     bin/node bench/orders.ts [--seconds 120] [--per-second 50] [--gas-price MIST]
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { proposeFee } from '@daasvader/chain/calls/admin.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { readConfig } from '@daasvader/host-proxy/config.ts';
import { type GasUse, SuiHostChain } from '@daasvader/host-proxy/host-chain.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { Authors } from './order-load/authors.ts';
import { Leader } from './order-load/leader.ts';
import type { Load } from './order-load/load.ts';

const EXAMPLE = join(import.meta.dirname, '../host-proxy/nautilus-config.example.yaml');
/** MIST of an order: what host-proxy/README.md advises. */
const FEE = 500_000n;
const MIST_PER_SUI = 1e9;
const HOURS_PER_MONTH = 30 * 24;
const HEARTBEATS_PER_HOUR = 120;
const WORKERS = 3;
/** How long the last orders may take until the chain says that they are completed. */
const SETTLE_MS = 120_000;

const options = {
  seconds: { type: 'string', default: '120' },
  'per-second': { type: 'string', default: '50' },
  'gas-price': { type: 'string' },
} as const;
const { values } = parseArgs({ options });
const [seconds, perSecond] = [positive(values.seconds), positive(values['per-second'])];

const { gas } = await readConfig(EXAMPLE);
const cluster = await ChainCluster.start(undefined, gas);
const chain = new SuiHostChain('devnet-local', cluster.devnet.url);
try {
  const leader = await Leader.start(cluster);
  await leader.addWorkers(cluster, WORKERS);
  const authors = await Authors.start(cluster, seconds * perSecond);
  await submit(cluster.client, cluster.admin, (tx) => proposeFee(tx, cluster.deployment, FEE));
  const before = leader.sent.statements.length;
  const atRest = process.threadCpuUsage();
  const load = await authors.order(perSecond, seconds);
  const busy = process.threadCpuUsage(atRest);
  await untilTold(leader, load.accepted);
  await leader.stop();
  const digests = leader.sent.statements.slice(before);
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
  reportLoad(load, authors.count, (busy.user + busy.system) / 1_000);
  reportTold(leader, await leader.told(), digests.length);
  const price = await chain.gasPrice();
  const asked = values['gas-price'] === undefined ? price : BigInt(values['gas-price']);
  const perOrder = await average(digests, load.accepted);
  const perBeat = await average(leader.sent.heartbeats, leader.sent.heartbeats.length);
  const holds = await reportCost({ perOrder, perBeat, price, asked, accepted: load.accepted });
  const isTold = leader.latencies.length === load.accepted;
  if (!isTold) fail(`of ${load.accepted} orders ${leader.latencies.length} were told to be completed`);
  if (!holds) fail('an hour of statements costs more than gas.statements_per_hour unless configured');
} finally {
  await cluster.close();
}
process.exit(); // connections between the enclave and its host may stay open

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`Cannot order with ${text}: give a number above 0`);
}

function fail(why: string): void {
  process.stderr.write(`orders: ${why}\n`);
  process.exitCode = 1;
}

async function untilTold({ latencies }: Leader, orders: number): Promise<void> {
  for (const deadline = Date.now() + SETTLE_MS; Date.now() < deadline; await sleep(100))
    if (latencies.length >= orders) return;
}

/** What transactions took, over a number of things that they were about. */
async function average(digests: readonly string[], count: number): Promise<GasUse> {
  let [computation, storage] = [0n, 0n];
  for (const digest of digests) {
    const outcome = await chain.outcome(digest);
    if (outcome === undefined) throw new Error(`Cannot tell what ${digest} took: the chain does not know it`);
    computation += outcome.gas.computation;
    storage += outcome.gas.storage;
  }
  const share = BigInt(Math.max(1, count));
  return { computation: computation / share, storage: storage / share };
}

/** @param busyMs processor time of all but the authors, while they ordered */
function reportLoad({ accepted, transactions, refusals, ms }: Load, authors: number, busyMs: number): void {
  const rate = (1_000 * accepted) / ms;
  line('orders accepted', `${accepted} of ${authors} owners in ${transactions} transactions`);
  line('orders a second', `${rate.toFixed(1)} of ${perSecond} asked for`);
  const share = ((100 * busyMs) / ms).toFixed(0);
  line(
    'devnet, enclave and host',
    `${(busyMs / accepted).toFixed(1)} ms of processor an order, ${share} % of a core`,
  );
  line('transactions refused', `${refusals.length}${refusals.length === 0 ? '' : `: ${refusals[0]}`}`);
}

function reportTold({ heard, latencies, sent }: Leader, told: number, transactions: number): void {
  const each = (told / transactions).toFixed(1);
  line('statements told', `${told} in ${transactions} transactions, ${each} in each`);
  line('heartbeats', `${sent.heartbeats.length}`);
  line('from order to heard', percentiles(heard));
  line('from order to told COMPLETED', percentiles(latencies));
}

function percentiles(milliseconds: readonly number[]): string {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => `${sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN} ms`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, ${sorted.length} times`;
}

interface Costs {
  readonly perOrder: GasUse;
  readonly perBeat: GasUse;
  /** MIST a unit: what the chain took, and what the projection is for. */
  readonly price: bigint;
  readonly asked: bigint;
  readonly accepted: number;
}

/** @returns whether an hour's pot holds */
async function reportCost({ perOrder, perBeat, price, asked, accepted }: Costs): Promise<boolean> {
  const at = ({ computation, storage }: GasUse) => Number((computation * asked) / price + storage);
  const { fees } = await cluster.reader.scheduler();
  const hourly = perSecond * 3_600;
  const statements = at(perOrder) * hourly;
  const beats = at(perBeat) * HEARTBEATS_PER_HOUR;
  const income = Number(FEE) * hourly;
  line('host spent on an order', sui(Number(perOrder.computation + perOrder.storage)));
  line('host would spend on 1,000', sui(1_000 * Number(perOrder.computation + perOrder.storage)));
  line('fees of these orders', `${sui(Number(fees.collected))}, ${sui(Number(FEE))} each of ${accepted}`);
  const row = (what: string, mist: number) =>
    line(what, `${sui(mist).padStart(16)} an hour ${sui(mist * HOURS_PER_MONTH).padStart(18)} a month`);
  process.stdout.write(`\n${perSecond} orders a second at ${asked} MIST a unit\n`);
  row('statements', statements);
  row('heartbeats', beats);
  row('fees', income);
  row('left to the host', income - statements - beats);
  line('gas.statements_per_hour', `${sui(gas.statements_per_hour).padStart(16)}`);
  return statements <= gas.statements_per_hour;
}

function sui(mist: number): string {
  const amount = mist / MIST_PER_SUI;
  return `${amount.toFixed(Math.abs(amount) < 1 ? 6 : 1)} SUI`;
}

function line(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(30)} ${value}\n`);
}
