import { type Bytes, concatBytes } from '@daasvader/attestation/bytes.ts';
import type { Random } from './random.ts';

/** One way to change an input; `other` is another input of the corpus. */
export type Mutator = (bytes: Bytes, random: Random, other: Bytes) => Bytes;

const INTERESTING = [0x00, 0x01, 0x17, 0x18, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0x82, 0xf6, 0xff];

/** Mutations that know nothing of the format. */
export const BYTE_MUTATORS: readonly Mutator[] = [
  (bytes, random) => edit(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (bytes, random) => edit(bytes, random, () => random.below(256)),
  (bytes, random) => edit(bytes, random, () => random.pick(INTERESTING)),
  (bytes, random) => edit(bytes, random, (byte) => byte + random.pick([-2, -1, 1, 2])),
  (bytes, random) => splice(bytes, random, () => new Uint8Array()),
  (bytes, random) => splice(bytes, random, (removed) => concatBytes(removed, removed)),
  (bytes, random, other) => splice(bytes, random, () => stretch(other, random)),
  (bytes, random, other) => concatBytes(stretch(bytes, random, 0), stretch(other, random)),
];

/** A mutation that writes one of the format's own words over the input, or between its bytes. */
export function fromDictionary(words: readonly Uint8Array[]): Mutator {
  return (bytes, random) => {
    const [word, at] = [random.pick(words), random.below(bytes.length + 1)];
    const end = at + random.pick([0, word.length]);
    return concatBytes(bytes.subarray(0, at), word, bytes.subarray(end));
  };
}

function edit(bytes: Bytes, random: Random, change: (byte: number) => number): Bytes {
  if (bytes.length === 0) return Uint8Array.of(random.below(256));
  const at = random.below(bytes.length);
  return bytes.with(at, change(bytes[at]!));
}

/** Replaces a stretch, mostly a short one. */
function splice(bytes: Bytes, random: Random, replace: (removed: Bytes) => Uint8Array): Bytes {
  const start = random.below(bytes.length + 1);
  const end = start + random.below(1 << random.below(9));
  return concatBytes(bytes.subarray(0, start), replace(bytes.slice(start, end)), bytes.subarray(end));
}

function stretch(bytes: Bytes, random: Random, start = random.below(bytes.length + 1)): Bytes {
  return bytes.slice(start, start + random.below(bytes.length - start + 1));
}
