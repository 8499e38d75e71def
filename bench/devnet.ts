/**
 * How fast the devnet starts, answers one client and executes many transactions, with its state on disk, and whether its
 * memory stays bounded over very many. `DAAS_BENCH_TRANSACTIONS` says over how many.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { type Counter, increment, publishCounter } from '@daasvader/testbed/devnet/testing/counter.ts';
import { type Signed, signForEachCoin } from '@daasvader/testbed/devnet/testing/many.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CALLS = 100;
const COINS = 400;
/** MIST: enough for all of its calls, each of which stores something. */
const COIN = 100_000_000_000n;
const BUDGET = 50_000_000n;

/** Transactions after which memory is looked at again. */
const MANY = Number(process.env.DAAS_BENCH_TRANSACTIONS ?? 100_000);
/** MiB that the process may grow by from a tenth of them to all of them. */
const ALLOWED_GROWTH_MIB = 20;

const directory = await mkdtemp(join(tmpdir(), 'bench-'));
const began = performance.now();
const devnet = await startDevnet({ stateDir: join(directory, 'chain') });
const startMs = performance.now() - began;
try {
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const counter = await publishCounter(client, devnet.accounts[0]!);
  const latencies = await callInTurn(client, devnet, counter);
  const { signer, template } = await prepareMany(client, devnet, counter);
  const perSecond = await executeAtOnce(devnet, await signForEachCoin(devnet.chain, signer, template));
  const [early, late] = await executeVeryMany(devnet, signer, template);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!.toFixed(1);
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
  process.stdout.write(`start of a new chain                 ${startMs.toFixed(0)} ms\n`);
  process.stdout.write(`build, sign, execute, one client     ${at(0.5)} ms (p99 ${at(0.99)} ms)\n`);
  process.stdout.write(`signed calls on one shared object    ${perSecond.toFixed(0)} per second\n`);
  process.stdout.write(`live memory after ${MANY / 10} calls       ${early.toFixed(0)} MiB\n`);
  process.stdout.write(`live memory after ${MANY} calls      ${late.toFixed(0)} MiB\n`);
  if (late - early > ALLOWED_GROWTH_MIB)
    throw new Error(
      `Memory grew by ${(late - early).toFixed(0)} MiB, at most ${ALLOWED_GROWTH_MIB} are allowed`,
    );
} finally {
  await devnet.close();
  await rm(directory, { recursive: true });
}

/** Calls with the SDK, each after the one before; ms each took, ascending. */
async function callInTurn(client: SuiGrpcClient, { accounts }: Devnet, counter: Counter): Promise<number[]> {
  const latencies: number[] = [];
  for (let call = 0; call < CALLS; call += 1) {
    const from = performance.now();
    await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer: accounts[0]! });
    latencies.push(performance.now() - from);
  }
  return latencies.sort((a, b) => a - b);
}

/** An account with many coins, and a call of it to be signed once for each. */
async function prepareMany(client: SuiGrpcClient, devnet: Devnet, counter: Counter) {
  const signer = await ownerOfManyCoins(client, devnet);
  const transaction = increment(counter, 1);
  transaction.setSender(signer.toSuiAddress());
  transaction.setGasBudget(BUDGET);
  return { signer, template: await transaction.build({ client }) };
}

/** @returns live memory in MiB after a tenth of the transactions, and after all */
async function executeVeryMany(
  devnet: Devnet,
  signer: Ed25519Keypair,
  template: Uint8Array,
): Promise<[number, number]> {
  let early: number | undefined;
  for (let done = 0; done < MANY; done += COINS) {
    if (done >= MANY / 10) early ??= liveMib();
    await executeAtOnce(devnet, await signForEachCoin(devnet.chain, signer, template));
  }
  return [early!, liveMib()];
}

/** What the process really holds: resident memory also has what the collector was too busy to give back. */
function liveMib(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

async function ownerOfManyCoins(client: SuiGrpcClient, devnet: Devnet): Promise<Ed25519Keypair> {
  const owner = new Ed25519Keypair();
  const transaction = new Transaction();
  const amounts = Array.from({ length: COINS }, () => COIN);
  const coins = transaction.splitCoins(transaction.gas, amounts);
  transaction.transferObjects(
    amounts.map((_, index) => coins[index]!),
    owner.toSuiAddress(),
  );
  await client.signAndExecuteTransaction({ transaction, signer: devnet.accounts[0]! });
  return owner;
}

async function executeAtOnce({ chain }: Devnet, signed: Signed[]): Promise<number> {
  const from = performance.now();
  await Promise.all(signed.map(({ bytes, signature }) => chain.submit(bytes, [signature])));
  return (signed.length / (performance.now() - from)) * 1_000;
}
