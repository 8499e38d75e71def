import { Validators } from '@daasvader/testbed/devnet/chain/validators.ts';
import { describe, expect, test } from 'vitest';
import { Committee, committeeDigest } from './committee.ts';
import { encodeSigners } from './signers.ts';

const validators = Validators.derive(Buffer.from('committee'), 7n);
const committee = new Committee(7n, validators.members);
const summary = Uint8Array.of(1, 2, 3);
const code = (name: string) => expect.objectContaining({ code: name });

describe('a certificate', () => {
  test('of all members is believed', () => {
    expect(() => committee.verify(summary, validators.certify(summary))).not.toThrow();
  });

  test('of exactly a quorum is believed, and of one vote less it is not', () => {
    const members = validators.members.map(({ publicKey }, i) => ({
      publicKey,
      weight: [6_667n, 1n, 1n, 3_331n][i]!,
    }));
    const weighted = new Committee(7n, members);
    expect(() => weighted.verify(summary, validators.certify(summary, [0]))).not.toThrow();
    const less = members.map(({ publicKey }, i) => ({ publicKey, weight: [6_666n, 2n, 1n, 3_331n][i]! }));
    const [alone, two] = [validators.certify(summary, [0]), validators.certify(summary, [0, 2])];
    expect(() => new Committee(7n, less).verify(summary, alone)).toThrow(code('quorum'));
    expect(() => new Committee(7n, less).verify(summary, two)).not.toThrow();
  });

  test.each([
    ['over other bytes', 'signature', () => validators.certify(Uint8Array.of(1, 2, 4))],
    ['of half the members', 'quorum', () => validators.certify(summary, [0, 3])],
    ['of nobody', 'quorum', () => ({ ...validators.certify(summary), bitmap: encodeSigners([]) })],
    [
      'that names one who did not sign',
      'signature',
      () => ({
        ...validators.certify(summary, [0, 1, 2]),
        bitmap: encodeSigners([0, 1, 3]),
      }),
    ],
    [
      'that names a stranger',
      'signers',
      () => ({ ...validators.certify(summary), bitmap: encodeSigners([0, 1, 2, 4]) }),
    ],
    ['of another epoch', 'epoch', () => ({ ...validators.certify(summary), epoch: 8n })],
    [
      'signed for another epoch',
      'signature',
      () => ({
        ...Validators.derive(Buffer.from('committee'), 8n).certify(summary),
        epoch: 7n,
      }),
    ],
    [
      'that is not a point',
      'signature',
      () => ({ ...validators.certify(summary), signature: new Uint8Array(48).fill(1) }),
    ],
    [
      'that is the point at infinity',
      'signature',
      () => ({
        ...validators.certify(summary),
        signature: Uint8Array.from({ length: 48 }, (_, i) => (i === 0 ? 0xc0 : 0)),
      }),
    ],
    [
      'that is cut short',
      'signature',
      () => ({ ...validators.certify(summary), signature: new Uint8Array(47) }),
    ],
    ['that is empty', 'signature', () => ({ ...validators.certify(summary), signature: new Uint8Array() })],
  ])('%s is refused as %s', (_, expected, certificate) => {
    expect(() => committee.verify(summary, certificate())).toThrow(code(expected));
  });
});

describe('a committee', () => {
  const [first, ...rest] = validators.members;

  test('counts signers by public key, in whatever order its members are told', () => {
    const turned = new Committee(7n, validators.members.toReversed());
    expect(() => turned.verify(summary, validators.certify(summary, [0, 1, 3]))).not.toThrow();
  });

  test('is refused when the voting power is not 10,000', () => {
    expect(() => new Committee(7n, rest)).toThrow(code('committee'));
  });

  test('is refused when a member is in it twice, whose signature would count twice', () => {
    const halves = [{ ...first!, weight: 1_250n }, { ...first!, weight: 1_250n }, ...rest];
    expect(() => new Committee(7n, halves)).toThrow(code('committee'));
  });

  test('is refused when a signer has a key that is none', () => {
    const broken = new Committee(7n, [{ ...first!, publicKey: new Uint8Array(96) }, ...rest]);
    expect(() => broken.verify(summary, validators.certify(summary))).toThrow(code('committee'));
  });

  test('is known by a digest that every change changes', () => {
    const digests = [
      validators.members,
      validators.members.toReversed(),
      rest,
      [{ ...first!, weight: 1n }, ...rest],
    ].map((members) => Buffer.from(committeeDigest(members)).toString('hex'));
    expect(new Set(digests).size).toBe(4);
  });
});
