import { createHash } from 'node:crypto';
import { type Bytes, concatBytes } from '@daasvader/attestation/bytes.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EifError } from './error.ts';
import type { Image } from './image.ts';
import { type Measurements, measure } from './measure.ts';
import { readEif } from './read.ts';
import { bytesOf, metadataOf, withCrc } from './testing/image.ts';
import { encodeEif } from './write.ts';

const blob = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => new Blob([new Uint8Array(bytes)]));

const anyImage: fc.Arbitrary<Image> = fc.record(
  {
    architecture: fc.constantFrom('x86_64', 'aarch64'),
    defaultMemory: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    defaultCpus: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    kernel: blob,
    cmdline: fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('\0')),
    metadata: fc.dictionary(fc.string(), fc.string()).map(metadataOf),
    ramdisks: fc.array(blob, { minLength: 1, maxLength: 28 }),
  },
  { requiredKeys: ['architecture', 'defaultMemory', 'defaultCpus', 'kernel', 'cmdline', 'ramdisks'] },
);

type Edit = (bytes: Bytes) => Bytes;

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** One byte replaced, mostly in the header, where it does most harm. */
const flip: fc.Arbitrary<Edit> = fc.tuple(fc.oneof(fc.nat({ max: 700 }), place), fc.nat({ max: 255 })).map(
  ([at, value]) =>
    (bytes) =>
      bytes.with((at < 1 ? Math.floor(at * bytes.length) : at) % bytes.length, value),
);

/** A stretch removed, repeated or replaced. */
const splice: fc.Arbitrary<Edit> = fc
  .tuple(place, fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 40 }))
  .map(([at, length, inserted]) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    return concatBytes(bytes.subarray(0, start), inserted, bytes.subarray(start + length));
  });

describe('an EIF', () => {
  it('is read as what was written', async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, async (image) => {
        const read = await readEif(await encodeEif(image));
        expect(await contentsOf(read)).toEqual(await contentsOf(image));
      }),
    );
  });

  it('is measured as AWS documents it', async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, async (image) => {
        expect(await measure(image)).toEqual(await documentedMeasurements(image));
      }),
    );
  });

  it('that was changed and given a new checksum is refused, or is the EIF of what is read from it', async () => {
    let [accepted, refused] = [0, 0];
    const edits = fc.array(fc.oneof(flip, splice), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(anyImage, edits, async (image, changes) => {
        const original = await bytesOf(await encodeEif(image));
        const mutant = withCrc(changes.reduce((bytes, change) => change(bytes), original));
        const read = await readOrRefuse(mutant);
        if (read === undefined) {
          refused++;
          return;
        }
        accepted++;
        expect(await bytesOf(await encodeEif(read))).toEqual(mutant);
        expect(await measure(read)).toEqual(await documentedMeasurements(read));
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });

  it('is not made of arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1200 }), async (bytes) => {
        expect(await readOrRefuse(withCrc(new Uint8Array(bytes)))).toBeUndefined();
      }),
    );
  });
});

async function readOrRefuse(bytes: Bytes): Promise<Image | undefined> {
  try {
    return await readEif(new Blob([bytes]));
  } catch (error) {
    if (error instanceof EifError) return undefined;
    throw error;
  }
}

async function contentsOf({ kernel, ramdisks, ...rest }: Image) {
  return { ...rest, kernel: await bytesOf(kernel), ramdisks: await Promise.all(ramdisks.map(bytesOf)) };
}

/** The formula, as plainly as it can be written. */
async function documentedMeasurements(image: Image): Promise<Measurements> {
  const [kernel, ...ramdisks] = await Promise.all([image.kernel, ...image.ramdisks].map(bytesOf));
  const boot = [kernel!, Buffer.from(image.cmdline)];
  const sha384 = (...parts: Uint8Array[]) =>
    createHash('sha384')
      .update(concatBytes(...parts))
      .digest();
  const pcr = (...parts: Uint8Array[]) => sha384(new Uint8Array(48), sha384(...parts)).toString('hex');
  return {
    PCR0: pcr(...boot, ...ramdisks),
    PCR1: pcr(...boot, ramdisks[0]!),
    PCR2: pcr(...ramdisks.slice(1)),
  };
}
