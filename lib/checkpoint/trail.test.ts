import { Validators } from '@daasvader/testbed/devnet/chain/validators.ts';
import { describe, expect, test } from 'vitest';
import { type CertifiedSummary, readSummary } from './checkpoint.ts';
import { Committee } from './committee.ts';
import { ZERO_DIGEST } from './digest.ts';
import { CheckpointSummary } from './layouts.ts';
import { Trail } from './trail.ts';

const NO_GAS = { computationCost: 0, storageCost: 0, storageRebate: 0, nonRefundableStorageFee: 0 };
const epochs = [0n, 1n, 2n].map((epoch) => Validators.derive(Buffer.from('trail'), epoch));
const UNSIGNED = { epoch: 0n, signature: new Uint8Array(48), bitmap: new Uint8Array() };
const code = (name: string) => expect.objectContaining({ code: name });
const trail = () => new Trail(new Committee(0n, epochs[0]!.members));

interface Fields {
  epoch?: number;
  sequence: number;
  previous?: string | undefined;
  successors?: Validators;
  isSigned?: boolean;
}

function checkpoint({
  epoch = 0,
  sequence,
  previous,
  successors,
  isSigned = true,
}: Fields): CertifiedSummary {
  const bytes = CheckpointSummary.serialize({
    epoch,
    sequenceNumber: sequence,
    networkTotalTransactions: sequence,
    contentDigest: ZERO_DIGEST,
    previousDigest: previous ?? null,
    epochRollingGasCostSummary: NO_GAS,
    timestampMs: 0,
    checkpointCommitments: [],
    endOfEpochData: successors
      ? {
          nextEpochCommittee: successors.members.map(({ publicKey, weight }) => [publicKey, weight] as const),
          nextEpochProtocolVersion: 1,
          epochCommitments: [],
        }
      : null,
    versionSpecificData: [],
  }).toBytes();
  return { ...readSummary(bytes), certificate: isSigned ? epochs[epoch]!.certify(bytes) : UNSIGNED };
}

const after = (before: CertifiedSummary, fields: Partial<Fields> = {}) =>
  checkpoint({ sequence: Number(before.sequence) + 1, previous: before.digest, ...fields });

describe('one signature', () => {
  test('covers all checkpoints that lead to it', () => {
    const subject = trail();
    const first = checkpoint({ sequence: 5, isSigned: false });
    const second = after(first, { isSigned: false });
    const third = after(second);
    for (const next of [first, second, third]) subject.append(next);
    subject.prove(third);
    expect(() => subject.prove(first)).not.toThrow();
    expect(() => subject.prove(second)).not.toThrow();
  });

  test('does not cover one that comes later', () => {
    const subject = trail();
    const first = checkpoint({ sequence: 5 });
    const second = after(first, { isSigned: false });
    subject.append(first);
    subject.append(second);
    subject.prove(first);
    expect(() => subject.prove(second)).toThrow(code('signers'));
  });

  test('must be its own where a stretch begins anew', () => {
    const subject = trail();
    subject.restart(checkpoint({ sequence: 5 }));
    expect(() => subject.restart(checkpoint({ sequence: 3, isSigned: false }))).toThrow(code('signers'));
  });
});

describe('a checkpoint', () => {
  const first = checkpoint({ sequence: 5 });

  test.each([
    ['that comes again', 'order', first],
    ['that skips one', 'order', checkpoint({ sequence: 7, previous: first.digest })],
    ['that goes back', 'order', checkpoint({ sequence: 4, previous: first.digest })],
    ['after another one', 'link', checkpoint({ sequence: 6, previous: ZERO_DIGEST })],
    ['after nothing', 'link', checkpoint({ sequence: 6 })],
    ['of another epoch', 'epoch', after(first, { epoch: 1 })],
  ])('%s is refused as %s', (_, expected, next) => {
    const subject = trail();
    subject.append(first);
    expect(() => subject.append(next)).toThrow(code(expected));
  });
});

describe('the end of an epoch', () => {
  const last = checkpoint({ sequence: 5, successors: epochs[1]! });

  test('hands over to the committee that it names, and to no other', () => {
    const subject = trail();
    subject.append(last);
    expect(subject.epoch).toBe(1n);
    const next = after(last, { epoch: 1 });
    subject.append(next);
    subject.prove(next);
    expect(() => subject.append(after(next, { epoch: 0 }))).toThrow(code('epoch'));
  });

  test('must be signed by itself, whatever follows', () => {
    const unsigned = checkpoint({ sequence: 5, successors: epochs[2]!, isSigned: false });
    expect(() => trail().append(unsigned)).toThrow(code('signers'));
    expect(() => trail().passEpoch(unsigned)).toThrow(code('signers'));
  });

  test('is passed without what lies before it, one epoch after the other', () => {
    const subject = trail();
    subject.passEpoch(last);
    subject.passEpoch(checkpoint({ epoch: 1, sequence: 900, successors: epochs[2]! }));
    expect(subject.epoch).toBe(2n);
    const next = checkpoint({ epoch: 2, sequence: 5_000 });
    expect(() => subject.restart(next)).not.toThrow();
  });

  test('is not where a checkpoint names no committee, nor in another epoch', () => {
    expect(() => trail().passEpoch(checkpoint({ sequence: 5 }))).toThrow(code('epoch'));
    const later = checkpoint({ epoch: 1, sequence: 900, successors: epochs[2]! });
    expect(() => trail().passEpoch(later)).toThrow(code('epoch'));
  });

  test('is refused when it names validators that no chain could have', () => {
    const bytes = checkpoint({ sequence: 5, successors: Validators.derive(Buffer.from('x'), 1n, 4) });
    const half = { ...bytes, successors: bytes.successors!.slice(1) };
    expect(() => trail().append(half)).toThrow(code('committee'));
  });
});
