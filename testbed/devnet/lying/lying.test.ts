import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { increment, publishCounter } from '../testing/counter.ts';
import { DAAS } from '../testing/devnet-process.ts';
import { FRONTS } from './lies.ts';

/** All kinds at once, from outside: what the front of each says when it is asked for a checkpoint with an event. */
const ANSWERS: Record<string, 'other' | 'none' | 'late' | 'true at first'> = {
  'forged-event': 'other',
  'forged-effects': 'other',
  'forged-contents': 'other',
  'forged-summary': 'other',
  'below-quorum': 'other',
  'claimed-quorum': 'other',
  'wrong-committee': 'other',
  'wrong-epoch': 'other',
  'wrong-signer': 'other',
  'other-contents': 'other',
  'dropped-checkpoint': 'none',
  'dropped-transactions': 'other',
  'dropped-events': 'other',
  reordered: 'none',
  duplicated: 'true at first',
  stale: 'true at first',
  silent: 'none',
  hanging: 'late',
  forked: 'other',
  lagging: 'late',
};
const PATHS = ['sequence_number', 'summary.bcs', 'signature', 'contents.bcs', 'transactions.digest'];
const MORE = ['transactions.effects.bcs', 'transactions.events.bcs'];
/** ms that an answer may take before it is late. */
const PATIENCE_MS = 1_000;

let child: ReturnType<typeof spawn>;
let urls: Record<string, string>;
let truth: GrpcTypes.Checkpoint;

beforeAll(async () => {
  const args = ['devnet', '--port', '0', '--json', '--lie', ...Object.keys(FRONTS)];
  child = spawn(DAAS, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  const { url, accounts, lying } = JSON.parse(line);
  urls = Object.fromEntries(lying.map((front: { lie: string; url: string }) => [front.lie, front.url]));
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: url });
  const signer = Ed25519Keypair.fromSecretKey(accounts[0].privateKey);
  const counter = await publishCounter(client, signer);
  const done = await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer });
  const { digest } = done.Transaction!;
  const { Transaction: transaction } = await client.waitForTransaction({ digest });
  truth = await ask(url, BigInt(transaction!.checkpoint!));
});

afterAll(async () => {
  child.kill();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

async function ask(baseUrl: string, sequenceNumber: bigint, ms = 10_000): Promise<GrpcTypes.Checkpoint> {
  const { ledgerService } = new SuiGrpcClient({ network: 'devnet', baseUrl });
  const checkpointId = { oneofKind: 'sequenceNumber' as const, sequenceNumber };
  const readMask = { paths: [...PATHS, ...MORE] };
  const { response } = await ledgerService.getCheckpoint(
    { checkpointId, readMask },
    { abort: AbortSignal.timeout(ms) },
  );
  return response.checkpoint!;
}

test('every kind that the command knows is tried here, and the help names it', async () => {
  expect(Object.keys(ANSWERS).sort()).toEqual(Object.keys(FRONTS).sort());
  const help = spawn(DAAS, ['devnet', '--help'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of help.stdout) text += chunk;
  for (const kind of Object.keys(FRONTS)) expect(text).toContain(`"${kind}"`);
});

test.each(Object.entries(ANSWERS))('%s: its answer is %s', async (kind, answer) => {
  const told = ask(urls[kind]!, truth.sequenceNumber!, PATIENCE_MS);
  if (answer === 'none') await expect(told).rejects.toThrow(/Checkpoint not found/);
  if (answer === 'late') await expect(told).rejects.toThrow(/aborted|timeout/i);
  if (answer === 'other') expect(await told).not.toEqual(truth);
  if (answer === 'true at first') expect(await told).toEqual(truth);
});

test('the stale one tells the first it told for ever, the lagging one the truth in the end', async () => {
  expect(await ask(urls.stale!, 0n)).toEqual(truth);
  expect(await ask(urls.lagging!, truth.sequenceNumber!)).toEqual(truth);
});

test('about all else they tell the truth', async () => {
  for (const baseUrl of Object.values(urls)) {
    const client = new SuiGrpcClient({ network: 'devnet', baseUrl });
    const { Transaction: transaction } = await client.getTransaction({
      digest: truth.transactions[0]!.digest!,
    });
    expect(BigInt(transaction!.checkpoint!)).toBe(truth.sequenceNumber);
  }
});
