import { bcs } from '@mysten/sui/bcs';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { verifyTransactionSignature } from '@mysten/sui/verify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HostProxyError } from './error.ts';
import { GasPots } from './gas-pots.ts';
import { Metrics } from './metrics.ts';
import type { HostAccount } from './own-transactions.ts';
import { Sponsor } from './sponsor.ts';
import { CLUSTER, DIGEST, FakeChain, hostOn, id } from './testing/fake-chain.ts';

/** Vitest's clock moves the global timers only. */
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

const OBJECT = { objectId: id('c'), version: '7', digest: DIGEST };
const enclave = Ed25519Keypair.deriveKeypairFromSeed('22'.repeat(32)).toSuiAddress();
/** What one transaction offers here: one and a half times what it takes, and the margin. */
const BUDGET = 11_500_000n;

let chain: FakeChain;
let host: HostAccount;
let metrics: Metrics;
let sponsor: Sponsor;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  chain = new FakeChain();
  host = hostOn(chain);
  metrics = new Metrics();
  // 100 heartbeats or 100 statements, if each took its whole budget.
  const limits = { heartbeats_per_hour: Number(100n * BUDGET), statements_per_hour: Number(100n * BUDGET) };
  sponsor = new Sponsor({ ...host, pots: new GasPots(limits, metrics) });
});

afterEach(() => vi.useRealTimers());

async function kindOf(...names: string[]): Promise<string> {
  const tx = new Transaction();
  for (const name of names) {
    tx.moveCall({ target: `${CLUSTER.packageId}::${name}`, arguments: [tx.objectRef(OBJECT)] });
  }
  return Buffer.from(await tx.build({ onlyTransactionKind: true })).toString('base64');
}

const HEARTBEAT = ['operator::act', 'heartbeat::heartbeat'];
const STATEMENT = ['operator::act', 'k8s_scheduler::complete_request'];

/** Has a transaction sponsored, and reads what came of it. */
async function ask(names: string[], sender = enclave) {
  const answer = await sponsor.sponsor({ transaction: await kindOf(...names), sender });
  const bytes = Buffer.from(answer.transaction, 'base64');
  return { ...answer, bytes, data: bcs.TransactionData.parse(bytes).V1 };
}

/** Lets the host see what the chain knows by now. */
const settle = () => vi.advanceTimersByTimeAsync(1_000);

/** Has a transaction sponsored and executed. */
async function run(names: string[], spent: bigint): Promise<void> {
  chain.run((await ask(names)).bytes, spent);
  await vi.advanceTimersByTimeAsync(100);
}

test('a transaction of the operator gets the host’s gas and nothing else changes', async () => {
  const { bytes, data, sponsorSignature } = await ask(HEARTBEAT);
  const { kind, sender, gasData } = data;
  expect(bcs.TransactionKind.serialize(kind).toBase64()).toBe(await kindOf(...HEARTBEAT));
  expect(sender).toBe(enclave);
  expect(gasData).toMatchObject({
    owner: host.account.toSuiAddress(),
    budget: BUDGET.toString(),
    price: '1000',
  });
  await verifyTransactionSignature(bytes, sponsorSignature, { address: host.account.toSuiAddress() });
});

test('the host account as sender is refused: its one signature would sign for both', async () => {
  const attempt = ask(HEARTBEAT, host.account.toSuiAddress());
  await expect(attempt).rejects.toMatchObject({ code: 'refused' });
});

test('what would fail is not signed, costs nothing, and gives its coin back', async () => {
  chain.failure = 'the contracts refuse';
  for (let i = 0; i < 200; i += 1) await expect(ask(STATEMENT)).rejects.toMatchObject({ code: 'fails' });
  chain.failure = undefined;
  await ask(STATEMENT);
});

test('a thousand statements, paid or not, leave the heartbeats their own', async () => {
  let refused = 0;
  for (let i = 0; i < 1_000; i += 1) {
    await run(STATEMENT, BUDGET).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'budget' });
      refused += 1;
    });
  }
  expect(refused).toBe(900);
  for (let i = 0; i < 100; i += 1) await run(HEARTBEAT, BUDGET);
  await expect(ask(HEARTBEAT)).rejects.toMatchObject({ code: 'budget' });
});

test('what counts is what was spent, so that cheap statements go on', async () => {
  for (let i = 0; i < 1_000; i += 1) await run(STATEMENT, BUDGET / 20n);
  await run(STATEMENT, BUDGET);
});

test('an empty pot says which it is and when it refills, and is counted', async () => {
  for (let i = 0; i < 100; i += 1) await run(STATEMENT, BUDGET);
  await vi.advanceTimersByTimeAsync(600_000);
  await expect(ask(STATEMENT)).rejects.toMatchObject({
    message: expect.stringMatching(
      /for statements, 1150000000 are spent and 0 reserved; 11500000 are free again in 50 min/,
    ),
  });
  const told = await metrics.registry.metrics();
  expect(told).toContain('daasvader_gas_refused_total{pot="statements"} 1');
  expect(told).toContain('daasvader_gas_spent_mist_total{pot="statements"} 1150000000');
  expect(told).toContain('daasvader_gas_pot_mist{pot="statements",state="spent"} 1150000000');
  expect(told).toContain('daasvader_gas_pot_mist{pot="heartbeats",state="limit"} 1150000000');
});

test('what the enclave never executes is reserved no longer than its coin can pay for it', async () => {
  const { data } = await ask(STATEMENT);
  await settle();
  expect(await potOf('statements', 'reserved')).toBe(BUDGET.toString());
  chain.move(data.gasData.payment[0]!.objectId);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await potOf('statements', 'reserved')).toBe('0');
  expect(await potOf('statements', 'spent')).toBe('0');
});

/** What the metrics say of a pot. */
async function potOf(pot: string, state: string): Promise<string | undefined> {
  const line = new RegExp(`^daasvader_gas_pot_mist\\{pot="${pot}",state="${state}"\\} (\\d+)$`, 'm');
  return line.exec(await metrics.registry.metrics())?.[1];
}

test('an enclave that never executes anything reserves what its coins can pay for, not more', async () => {
  for (let i = 0; i < 5; i += 1) {
    for (let j = 0; j < 12; j += 1) await ask(STATEMENT);
    await vi.advanceTimersByTimeAsync(30_001);
  }
  expect(await potOf('statements', 'reserved')).toBe((16n * BUDGET).toString());
});

test('a transaction that is executed late all the same is counted', async () => {
  const first = await ask(STATEMENT);
  await vi.advanceTimersByTimeAsync(30_001);
  for (let i = 0; i < 16; i += 1) await ask(HEARTBEAT);
  chain.run(first.bytes, 7n);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await potOf('statements', 'spent')).toBe('7');
});

test('a heartbeat that was cancelled for congestion is followed by one that offers more, up to ten times', async () => {
  const prices = [];
  for (let i = 0; i < 5; i += 1) {
    const { bytes, data } = await ask(HEARTBEAT);
    prices.push(data.gasData.price);
    chain.run(bytes, 1n, true);
    await settle();
  }
  expect(prices).toEqual(['1000', '2000', '5000', '10000', '10000']);
  expect((await ask(STATEMENT)).data.gasData.price).toBe('1000');
});

test('a heartbeat that is not executed in time is outbid by the next', async () => {
  await ask(HEARTBEAT);
  await vi.advanceTimersByTimeAsync(6_000);
  expect((await ask(HEARTBEAT)).data.gasData.price).toBe('2000');
});

test('transactions under way at once never share a coin, and statements leave coins to heartbeats', async () => {
  const statements = Array.from({ length: 12 }, () => ask(STATEMENT));
  const one = ask(STATEMENT);
  const refused = expect(one).rejects.toMatchObject({
    code: 'budget',
    message: expect.stringContaining('every coin is in use'),
  });
  const asked = await Promise.all([...statements, ...Array.from({ length: 4 }, () => ask(HEARTBEAT))]);
  expect(new Set(asked.map(({ data }) => data.gasData.payment[0]?.objectId)).size).toBe(16);
  await vi.advanceTimersByTimeAsync(16_000);
  await refused;
});

test('a coin that a lost transaction names is taken after all others', async () => {
  const lost = await ask(STATEMENT);
  await vi.advanceTimersByTimeAsync(30_001);
  const coins = [];
  for (let i = 0; i < 15; i += 1) coins.push((await ask(HEARTBEAT)).data.gasData.payment[0]!.objectId);
  expect(coins).not.toContain(lost.data.gasData.payment[0]!.objectId);
});

test('an account without a large enough coin says so', async () => {
  chain.held.length = 0;
  await expect(ask(HEARTBEAT)).rejects.toMatchObject({
    code: 'budget',
    message: expect.stringContaining('host account'),
  });
});

test('what was not signed costs nothing of the budget', async () => {
  const { gasPrice } = chain;
  chain.gasPrice = () => Promise.reject(new HostProxyError('chain', 'the chain does not answer'));
  for (let i = 0; i < 200; i += 1) await expect(ask(HEARTBEAT)).rejects.toMatchObject({ code: 'chain' });
  chain.gasPrice = gasPrice;
  await ask(HEARTBEAT);
});
