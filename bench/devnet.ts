/** How fast the devnet starts, answers one client and executes many transactions, with its state on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Devnet, startDevnet } from '@daasvader/devnet/devnet.ts';
import { type Counter, increment, publishCounter } from '@daasvader/devnet/testing/counter.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

const CALLS = 100;
const COINS = 400;
const COIN = 100_000_000n;
const BUDGET = 50_000_000n;

interface Signed {
  bytes: Uint8Array;
  signature: Uint8Array;
}

const directory = await mkdtemp(join(tmpdir(), 'bench-'));
const began = performance.now();
const devnet = await startDevnet({ stateDir: join(directory, 'chain') });
const startMs = performance.now() - began;
try {
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const counter = await publishCounter(client, devnet.accounts[0]!);
  const latencies = await callInTurn(client, devnet, counter);
  const perSecond = await executeAtOnce(devnet, await signMany(client, devnet, counter));
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!.toFixed(1);
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
  process.stdout.write(`start of a new chain                 ${startMs.toFixed(0)} ms\n`);
  process.stdout.write(`build, sign, execute, one client     ${at(0.5)} ms (p99 ${at(0.99)} ms)\n`);
  process.stdout.write(`signed calls on one shared object    ${perSecond.toFixed(0)} per second\n`);
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

/** One signed call for each of many coins, so that none waits for another. */
async function signMany(client: SuiGrpcClient, devnet: Devnet, counter: Counter): Promise<Signed[]> {
  const signer = await ownerOfManyCoins(client, devnet);
  const owner = signer.toSuiAddress();
  const kind = await increment(counter, 1).build({ client, onlyTransactionKind: true });
  const signed: Signed[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof client.listCoins>> = await client.listCoins({ owner, cursor });
    for (const coin of page.objects) {
      const transaction = Transaction.fromKind(kind);
      transaction.setSender(owner);
      transaction.setGasBudget(BUDGET);
      transaction.setGasPrice(1_000n);
      transaction.setGasPayment([coin]);
      const bytes = await transaction.build();
      const { signature } = await signer.signTransaction(bytes);
      signed.push({ bytes, signature: Buffer.from(signature, 'base64') });
    }
    if (!page.hasNextPage) return signed;
    cursor = page.cursor;
  }
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
