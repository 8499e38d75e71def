import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Bytes, toHex } from './bytes.ts';
import { decodeCbor } from './cbor.ts';
import { parseCertificate } from './certificate.ts';
import { AttestationError } from './error.ts';
import { Fixture } from './testing/fixture.ts';

let pki: Fixture;
let genuine: Bytes;
let meaning: string;

beforeAll(async () => {
  pki = await Fixture.create();
  genuine = await pki.document();
  meaning = await meaningOf(genuine);
});

describe('mutations of a genuine document', () => {
  it('are refused or mean the same: bits flipped', async () => {
    const edit = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    await holds(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) =>
      edits.reduce(
        (bytes, [at, mask]) => bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ mask),
        genuine,
      ),
    );
  });

  it('are refused or mean the same: stretches removed, repeated or replaced', async () => {
    const edit = fc.tuple(fc.nat(), fc.nat({ max: 200 }), fc.uint8Array({ maxLength: 200 }), fc.boolean());
    await holds(edit, ([at, length, inserted, repeat]) => {
      const start = at % genuine.length;
      const middle = repeat ? genuine.subarray(start, start + length) : inserted;
      const end = repeat ? start : start + length;
      return Uint8Array.from([...genuine.subarray(0, start), ...middle, ...genuine.subarray(end)]);
    });
  });

  async function holds<T>(edits: fc.Arbitrary<T>, apply: (edit: T) => Bytes): Promise<void> {
    await fc.assert(
      fc.asyncProperty(edits, async (edit) => {
        const result = await meaningOf(apply(edit));
        if (result !== 'refused') expect(result).toBe(meaning);
      }),
      { numRuns: 500 },
    );
  }
});

describe('arbitrary bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => new Uint8Array(array));

  it('are refused as documents, and nothing else happens', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        expect(await meaningOf(input)).toBe('refused');
      }),
    );
  });

  it('are read as CBOR or refused', () => {
    fc.assert(fc.property(bytes, (input) => refusesCleanly(() => decodeCbor(input))));
  });

  it('are read as a certificate or refused, also when most of it is one', () => {
    const { certificate } = pki.chain.leaf;
    const near = fc
      .tuple(fc.nat(certificate.length - 1), fc.nat(255))
      .map(([at, value]) => certificate.with(at, value));
    fc.assert(fc.property(fc.oneof(bytes, near), (input) => refusesCleanly(() => parseCertificate(input))));
  });
});

/** All that an accepted document says, or `'refused'`. Any other failure is thrown. */
async function meaningOf(document: Bytes): Promise<string> {
  if ((await pki.code(document)) !== 'accepted') return 'refused';
  const { root, checks, pcrs, ...fields } = await pki.verify(document);
  return JSON.stringify([fields, [...pcrs].map(([index, pcr]) => [index, toHex(pcr)])]);
}

function refusesCleanly(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(AttestationError);
  }
}
