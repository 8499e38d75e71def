import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointSummary } from '@daasvader/checkpoint/layouts.ts';
import { requestSuiFromFaucetV2 } from '@mysten/sui/faucet';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDevnet } from '../devnet.ts';
import { increment, publishCounter } from '../testing/counter.ts';
import { DAAS, DevnetProcess } from '../testing/devnet-process.ts';

let directory: string;
let running: DevnetProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-devnet-'));
});

afterEach(async () => {
  await running?.stop('SIGKILL');
  await rm(directory, { recursive: true });
});

async function start(): Promise<{ url: string; client: SuiGrpcClient }> {
  running = await DevnetProcess.start('--state', join(directory, 'chain'));
  const { url } = running;
  return { url, client: new SuiGrpcClient({ network: 'devnet', baseUrl: url }) };
}

async function fundedAccount(url: string): Promise<Ed25519Keypair> {
  const account = new Ed25519Keypair();
  await requestSuiFromFaucetV2({ host: url, recipient: account.toSuiAddress() });
  return account;
}

/** Increments until the chain no longer answers; notes what was acknowledged. */
async function incrementForEver(
  client: SuiGrpcClient,
  signer: Ed25519Keypair,
  counter: Awaited<ReturnType<typeof publishCounter>>,
  acknowledged: string[],
): Promise<void> {
  try {
    for (;;) {
      const result = await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer });
      acknowledged.push(result.Transaction!.digest);
    }
  } catch {
    // It was killed.
  }
}

/** Every checkpoint from the newest back to genesis, each named by its successor. */
async function walkBack(client: SuiGrpcClient): Promise<number> {
  const { response: newest } = await client.ledgerService.getCheckpoint({
    checkpointId: { oneofKind: undefined },
  });
  let expected = newest.checkpoint!.digest;
  let sequence = newest.checkpoint!.sequenceNumber!;
  const length = Number(sequence) + 1;
  for (; expected !== undefined; sequence -= 1n) {
    const { response } = await client.ledgerService.getCheckpoint({
      checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber: sequence },
      readMask: { paths: ['summary.bcs'] },
    });
    const bytes = response.checkpoint!.summary!.bcs!.value!;
    expect(digestOf('CheckpointSummary', bytes)).toBe(expected);
    expected = CheckpointSummary.parse(bytes).previousDigest ?? undefined;
  }
  expect(sequence).toBe(-1n);
  return length;
}

test('what was acknowledged survives kill -9 under load, and the chain goes on', async () => {
  const before = await start();
  const signers = await Promise.all([1, 2, 3].map(() => fundedAccount(before.url)));
  const counter = await publishCounter(before.client, signers[0]!);
  const { chainIdentifier } = await before.client.core.getChainIdentifier();
  const acknowledged: string[] = [];
  const load = signers.map((signer) => incrementForEver(before.client, signer, counter, acknowledged));
  await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(10);
  await running!.stop('SIGKILL');
  await Promise.all(load);

  const after = await start();
  expect(await after.client.core.getChainIdentifier()).toEqual({ chainIdentifier });
  for (const digest of acknowledged) {
    const { Transaction: transaction } = await after.client.getTransaction({ digest });
    expect(transaction!.status.success).toBe(true);
  }
  const length = await walkBack(after.client);
  const transaction = increment(counter, 1);
  await after.client.signAndExecuteTransaction({ transaction, signer: signers[0]! });
  expect(await walkBack(after.client)).toBeGreaterThan(length);
});

test('for programs it prints lines of JSON: how to reach it, then what it executes', async () => {
  const child = spawn(DAAS, ['devnet', '--port', '0', '--json', '--follow'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  try {
    const { url, chainId, accounts, ...rest } = JSON.parse((await lines.next()).value!);
    expect(rest).toEqual({});
    const account = Ed25519Keypair.fromSecretKey(accounts[0].privateKey);
    expect(account.toSuiAddress()).toBe(accounts[0].address);
    const client = new SuiGrpcClient({ network: 'devnet', baseUrl: url });
    expect(await client.core.getChainIdentifier()).toEqual({ chainIdentifier: chainId });
    await requestSuiFromFaucetV2({ host: url, recipient: account.toSuiAddress() });
    const line = JSON.parse((await lines.next()).value!);
    expect(line).toMatchObject({ status: 'Success', error: null, calls: ['SplitCoins', 'TransferObjects'] });
  } finally {
    child.kill('SIGKILL');
  }
});

test.each([
  [['--port', '-1'], 2, 'It is not a port'],
  [['--lie', 'sometimes'], 2, 'Allowed choices'],
  [['stray'], 2, 'too many arguments'],
  [['--nitro-root', '/nowhere/root.pem'], 1, 'Cannot read the root /nowhere/root.pem'],
])('daas devnet %j exits with %i and says why', async (args, expected, why) => {
  const child = spawn(DAAS, ['devnet', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ code, said }).toEqual({ code: expected, said: expect.stringContaining(why) });
});

test('it ends on SIGTERM, and its clock stays where it was moved to', async () => {
  const { url } = await start();
  await fetch(`${url}/time`, { method: 'POST', body: '{"advance_ms": 86400000}' });
  expect(await running!.stop('SIGTERM')).toBe(0);
  const again = await start();
  const answer = (await (await fetch(`${again.url}/time`)).json()) as { timestamp_ms: number };
  expect(answer.timestamp_ms - Date.now()).toBeGreaterThan(86_300_000);
});

test('a directory in use, a port in use and a root that is no certificate are refused by name', async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  await expect(startDevnet({ stateDir: join(directory, 'chain') })).rejects.toThrow(/another devnet uses it/);
  await expect(startDevnet({ port })).rejects.toThrow(`Cannot listen on 127.0.0.1, port ${port}: EADDRINUSE`);
  await expect(startDevnet({ nitroRootPem: 'no PEM' })).rejects.toThrow(/Cannot use the root/);
  await writeFile(join(directory, 'file'), '');
  await expect(startDevnet({ stateDir: join(directory, 'file') })).rejects.toThrow(
    /Cannot open the chain in/,
  );
});
