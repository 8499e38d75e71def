import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { type Counter, increment, publishCounter } from '@daasvader/testbed/devnet/testing/counter.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CertifiedSummary, readContents, readEvents, readSummary } from './checkpoint.ts';
import { Committee } from './committee.ts';
import { CheckpointError } from './error.ts';
import { decodeSigners } from './signers.ts';
import { Trail } from './trail.ts';

interface Told {
  summary: Uint8Array;
  signature: Uint8Array;
  bitmap: Uint8Array;
  contents: Uint8Array;
  effects: Uint8Array;
  events: Uint8Array;
}

let devnet: Devnet;
let committee: Committee;
let told: Told;
let digest: string;

beforeAll(async () => {
  devnet = await startDevnet();
  committee = new Committee(0n, devnet.committee.members);
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const counter: Counter = await publishCounter(client, devnet.accounts[0]!);
  await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer: devnet.accounts[0]! });
  const { store } = devnet.chain;
  const { sequence, summary, contents, signature, bitmap } = store.latestCheckpoint()!;
  const transaction = store.transactionsOf(sequence).find(({ events }) => events)!;
  digest = transaction.digest;
  told = { summary, contents, signature, bitmap, effects: transaction.effects, events: transaction.events! };
});

afterAll(() => devnet.close());

/** From a signature to events, as a reader goes. @throws {CheckpointError} */
function believe({ summary, signature, bitmap, contents, effects, events }: Told) {
  const read: CertifiedSummary = { ...readSummary(summary), certificate: { epoch: 0n, signature, bitmap } };
  const effectsDigest = readContents(read, contents).get(digest);
  if (effectsDigest === undefined) throw new CheckpointError('contents', 'Cannot find the transaction');
  const emitted = readEvents(effectsDigest, effects, events);
  const trail = new Trail(committee);
  trail.append(read);
  trail.prove(read);
  return emitted;
}

/** Changes one byte, cuts the end off, or puts something behind it. */
function mutate(bytes: Uint8Array, at: number, how: 'flip' | 'cut' | 'append', by: number): Uint8Array {
  const position = at % bytes.length;
  if (how === 'cut') return bytes.slice(0, position);
  if (how === 'append') return Uint8Array.from([...bytes, by]);
  return bytes.map((byte, index) => (index === position ? byte ^ by : byte));
}

test('what the devnet tells is believed', () => {
  expect(believe(told)).toHaveLength(1);
});

test('no change of any part is believed, and each is refused as what it is', () => {
  const part = fc.constantFrom<(keyof Told)[]>(
    'summary',
    'signature',
    'bitmap',
    'contents',
    'effects',
    'events',
  );
  const how = fc.constantFrom<('flip' | 'cut' | 'append')[]>('flip', 'cut', 'append');
  fc.assert(
    fc.property(part, how, fc.nat(), fc.integer({ min: 1, max: 255 }), (name, way, at, by) => {
      const changed = { ...told, [name]: mutate(told[name], at, way, by) };
      expect(() => believe(changed)).toThrow(CheckpointError);
    }),
    { numRuns: 300 },
  );
});

test('no bytes make the readers throw anything else', () => {
  const refused = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
    }
  };
  const summary = readSummary(told.summary);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      refused(() => readSummary(bytes));
      refused(() => readContents(summary, bytes));
      refused(() => readEvents(digest, bytes, bytes));
      refused(() => decodeSigners(bytes));
    }),
    { numRuns: 2_000 },
  );
});
