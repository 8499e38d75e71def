/**
 * Real checkpoints, which Mysten Labs publishes as fixtures in the crate `sui-sdk-types`: one with its committee and
 * everything in it, captured from a network of Sui's own, and summaries, contents and effects of other Sui networks.
 * They stay in the crate; without cargo these tests are skipped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bcs } from '@mysten/sui/bcs';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CertifiedSummary,
  readContents,
  readEvents,
  readObject,
  readSummary,
  readWritten,
} from './checkpoint.ts';
import { Committee } from './committee.ts';
import { digestOf } from './digest.ts';
import { CheckpointContents, CheckpointSummary, TransactionEvents } from './layouts.ts';
import { decodeSigners } from './signers.ts';
import { crateFolder, hasCargo } from './testing/crate.ts';
import { Trail } from './trail.ts';

const SUI_SDK_TYPES = '0.4.0';

const ValidatorCommittee = bcs.struct('ValidatorCommittee', {
  epoch: bcs.u64(),
  members: bcs.vector(bcs.struct('Member', { publicKey: bcs.byteVector(), weight: bcs.u64() })),
});
const SignedSummary = bcs.struct('SignedCheckpointSummary', {
  summary: CheckpointSummary,
  epoch: bcs.u64(),
  signature: bcs.bytes(48),
  bitmap: bcs.byteVector(),
});
const SignedTransaction = bcs.vector(
  bcs.struct('SenderSignedTransaction', {
    intent: bcs.bytes(3),
    data: bcs.TransactionData,
    signatures: bcs.vector(bcs.byteVector()),
  }),
);
const CheckpointData = bcs.struct('CheckpointData', {
  signed: SignedSummary,
  contents: CheckpointContents,
  transactions: bcs.vector(
    bcs.struct('CheckpointTransaction', {
      transaction: SignedTransaction,
      effects: bcs.TransactionEffects,
      events: bcs.option(TransactionEvents),
      inputs: bcs.vector(bcs.Object),
      outputs: bcs.vector(bcs.Object),
    }),
  ),
});

function certified({ summary, epoch, signature, bitmap }: typeof SignedSummary.$inferType): CertifiedSummary {
  const certificate = {
    epoch: BigInt(epoch),
    signature: Uint8Array.from(signature),
    bitmap: Uint8Array.from(bitmap),
  };
  return { ...readSummary(CheckpointSummary.serialize(summary).toBytes()), certificate };
}

if (!hasCargo())
  console.warn(
    `NOT TESTED: real checkpoints. They are in the crate sui-sdk-types ${SUI_SDK_TYPES}, and there is no cargo`,
  );

describe.skipIf(!hasCargo())('real checkpoints', () => {
  let folder: string;
  let fixture: Uint8Array;
  let committee: Committee;

  beforeAll(() => {
    folder = crateFolder('sui-sdk-types', SUI_SDK_TYPES);
    fixture = readFileSync(join(folder, 'tests/fixtures/ocs/1137.chk'));
    const { epoch, members } = ValidatorCommittee.parse(
      readFileSync(join(folder, 'tests/fixtures/ocs/committee.bcs')),
    );
    committee = new Committee(
      BigInt(epoch),
      members.map(({ publicKey, weight }) => ({
        publicKey: Uint8Array.from(publicKey),
        weight: BigInt(weight),
      })),
    );
  });

  /** Base64 of the fixtures in a test of the crate's sources. */
  function fixtures(source: string, name: string): Uint8Array[] {
    const text = readFileSync(join(folder, source), 'utf8');
    const body = text.slice(text.indexOf(`fn ${name}(`));
    const end = body.indexOf('\n        }\n');
    return [...body.slice(0, end).matchAll(/"([A-Za-z0-9+/=]{40,})"/g)].map(([, base64]) =>
      Uint8Array.from(Buffer.from(base64!, 'base64')),
    );
  }

  test('the certificate is that of its committee', () => {
    const { signed } = CheckpointData.parse(fixture);
    const checkpoint = certified(signed);
    expect(checkpoint.sequence).toBe(1137n);
    const trail = new Trail(committee);
    trail.append(checkpoint);
    expect(() => trail.prove(checkpoint)).not.toThrow();
  });

  test('the certificate is of this summary alone', () => {
    const { signed } = CheckpointData.parse(fixture);
    const later = {
      ...signed,
      summary: { ...signed.summary, timestampMs: `${BigInt(signed.summary.timestampMs) + 1n}` },
    };
    const { bytes, certificate } = certified(later);
    expect(() => committee.verify(bytes, certificate)).toThrow(
      expect.objectContaining({ code: 'signature' }),
    );
  });

  test('digests lead from the summary to the effects of each transaction', () => {
    const { signed, contents, transactions } = CheckpointData.parse(fixture);
    const executed = readContents(certified(signed), CheckpointContents.serialize(contents).toBytes());
    expect(executed.size).toBe(transactions.length);
    for (const { transaction, effects, events } of transactions) {
      const digest = digestOf(
        'TransactionData',
        bcs.TransactionData.serialize(transaction[0]!.data).toBytes(),
      );
      const bytes = bcs.TransactionEffects.serialize(effects).toBytes();
      expect(executed.get(digest)).toBe(digestOf('TransactionEffects', bytes));
      if (events) readEvents(executed.get(digest)!, bytes, TransactionEvents.serialize(events).toBytes());
    }
  });

  test('effects name the objects that each transaction wrote', () => {
    const written = CheckpointData.parse(fixture).transactions.map(({ effects, outputs }) => {
      const objects = outputs.map((output) => bcs.Object.serialize(output).toBytes());
      const known = new Map(objects.map((bytes) => [digestOf('Object', bytes), bytes]));
      const named = readWritten(bcs.TransactionEffects.serialize(effects).toBytes())!;
      for (const object of named) {
        const value = readObject(object, known.get(object.digest)!);
        expect(`0x${Buffer.from(value.subarray(0, 32)).toString('hex')}`).toBe(object.id);
      }
      return named.length;
    });
    expect(Math.max(...written)).toBeGreaterThan(0);
  });

  test('every byte of it is understood', () => {
    const again = CheckpointData.serialize(CheckpointData.parse(fixture)).toBytes();
    expect(Buffer.from(again).equals(fixture)).toBe(true);
  });

  test('signed summaries are read and written byte for byte', () => {
    const all = fixtures('src/checkpoint.rs', 'signed_checkpoint_fixture');
    expect(all.length).toBeGreaterThan(0);
    for (const bytes of all) {
      const parsed = SignedSummary.parse(bytes);
      expect(Buffer.from(SignedSummary.serialize(parsed).toBytes())).toEqual(Buffer.from(bytes));
      expect(() => decodeSigners(Uint8Array.from(parsed.bitmap))).not.toThrow();
    }
    const ends = all
      .map((bytes) => certified(SignedSummary.parse(bytes)))
      .filter(({ successors }) => successors);
    for (const { epoch, successors } of ends)
      expect(() => new Committee(epoch + 1n, successors!)).not.toThrow();
  });

  test('contents are read and written byte for byte', () => {
    const all = fixtures('src/checkpoint.rs', 'contents_fixture');
    expect(all.length).toBeGreaterThan(0);
    for (const bytes of all) {
      const again = CheckpointContents.serialize(CheckpointContents.parse(bytes)).toBytes();
      expect(Buffer.from(again)).toEqual(Buffer.from(bytes));
    }
  });

  test.each(['genesis-transaction-effects', 'pyth-wormhole-v2'])('effects name their events: %s', (name) => {
    const text = readFileSync(join(folder, 'src/effects/fixtures', name), 'utf8');
    const bytes = Uint8Array.from(Buffer.from(text.trim(), 'base64'));
    const parsed = bcs.TransactionEffects.parse(bytes);
    expect(Buffer.from(bcs.TransactionEffects.serialize(parsed).toBytes())).toEqual(Buffer.from(bytes));
    const other = TransactionEvents.serialize({ data: [] }).toBytes();
    const digest = digestOf('TransactionEffects', bytes);
    const expected = parsed.V2?.eventsDigest ?? 'none';
    expect(() => readEvents(digest, bytes, other)).toThrow(
      expect.objectContaining({ code: 'events', expected }),
    );
  });
});
