import { createHash } from 'node:crypto';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { signedBytes } from '@daasvader/checkpoint/committee.ts';
import { type DigestDomain, digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointContents, CheckpointSummary, TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const PATHS = ['sequence_number', 'summary.bcs', 'contents.bcs', 'signature', 'transactions'];
const BURST = 20;

let devnet: Devnet;
let client: SuiGrpcClient;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet({ committeeSeed: 'checkpoints' });
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  counter = await publishCounter(client, devnet.accounts[0]!);
});

afterAll(() => devnet.close());

async function checkpointOf(digest: string) {
  const { Transaction: transaction } = await client.waitForTransaction({ digest });
  const { response } = await client.ledgerService.getCheckpoint({
    checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber: BigInt(transaction!.checkpoint!) },
    readMask: { paths: PATHS },
  });
  return response.checkpoint!;
}

async function incrementOnce(): Promise<string> {
  const signer = devnet.accounts[0]!;
  const result = await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer });
  return result.Transaction!.digest;
}

test("a checkpoint's signature verifies under the keys of its epoch's committee, and under no other bytes", async () => {
  const { summary, signature } = await checkpointOf(await incrementOnce());
  const { response } = await client.ledgerService.getEpoch({ readMask: { paths: ['committee'] } });
  const { G1, shortSignatures } = bls12_381;
  const keys = response.epoch!.committee!.members.map(({ publicKey }) =>
    bls12_381.G2.Point.fromBytes(publicKey!),
  );
  const joint = shortSignatures.aggregatePublicKeys(keys);
  const verify = (bytes: Uint8Array, epoch: bigint) =>
    shortSignatures.verify(
      signature!.signature!,
      G1.hashToCurve(signedBytes(bytes, epoch), { DST }) as never,
      joint,
    );
  expect(verify(summary!.bcs!.value!, 0n)).toBe(true);
  expect(verify(summary!.bcs!.value!, 1n)).toBe(false);
});

test('a checkpoint leads by digests to the events of its transactions', async () => {
  const digest = await incrementOnce();
  const { summary, contents, transactions } = await checkpointOf(digest);
  const { contentDigest } = CheckpointSummary.parse(summary!.bcs!.value!);
  expect(digestOf('CheckpointContents', contents!.bcs!.value!)).toBe(contentDigest);
  const { transactions: executed } = CheckpointContents.parse(contents!.bcs!.value!).V1!;
  const { effects, events } = transactions.find((transaction) => transaction.digest === digest)!;
  const entry = executed.find(({ transaction }) => transaction === digest)!;
  const same = (domain: DigestDomain, bytes: Uint8Array | undefined, expected: string | null) =>
    expect(digestOf(domain, bytes!)).toBe(expected);
  same('TransactionEffects', effects!.bcs!.value, entry.effects);
  const { eventsDigest } = bcs.TransactionEffects.parse(effects!.bcs!.value!).V2!;
  same('TransactionEvents', events!.bcs!.value, eventsDigest);
  expect(TransactionEvents.parse(events!.bcs!.value!).data).toHaveLength(1);
});

test('a subscriber gets every checkpoint, once, in order and linked by digests', async () => {
  const abort = new AbortController();
  const call = client.subscriptionService.subscribeCheckpoints(
    { readMask: { paths: PATHS } },
    { abort: abort.signal },
  );
  const received: { sequence: bigint; previous: string | null; digest: string; transactions: number }[] = [];
  const reading = (async () => {
    for await (const { checkpoint } of call.responses) {
      const { sequenceNumber: sequence, summary, transactions } = checkpoint!;
      const bytes = summary!.bcs!.value!;
      const { previousDigest: previous } = CheckpointSummary.parse(bytes);
      const digest = digestOf('CheckpointSummary', bytes);
      received.push({ sequence: sequence!, previous, digest, transactions: transactions.length });
    }
  })().catch(() => undefined); // it ends by being called off
  await call.headers;
  for (let i = 0; i < BURST; i += 1) await incrementOnce();
  await expect.poll(() => received.length).toBeGreaterThanOrEqual(BURST);
  abort.abort();
  await reading;
  for (const [index, { sequence, previous }] of received.entries()) {
    if (index === 0) continue;
    expect(sequence).toBe(received[index - 1]!.sequence + 1n);
    expect(previous).toBe(received[index - 1]!.digest);
  }
});

test('the committee is the one that the secret yields, as the enclave digests it', async () => {
  const members = devnet.committee.members.map(({ publicKey, weight }) => ({ publicKey, weight }));
  const layout = bcs.vector(bcs.struct('Member', { publicKey: bcs.byteVector(), weight: bcs.u64() }));
  const digest = Uint8Array.from(createHash('sha256').update(layout.serialize(members).toBytes()).digest());
  await expect(readCommittee(client)).resolves.toMatchObject({ epoch: 0n, digest });
  expect(members.reduce((sum, { weight }) => sum + weight, 0n)).toBe(10_000n);
});
