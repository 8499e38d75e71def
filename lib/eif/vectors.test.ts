import { createHash } from 'node:crypto';
import { existsSync, openAsBlob, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measure } from './measure.ts';
import { readEif } from './read.ts';
import { bytesOf } from './testing/image.ts';
import { encodeEif } from './write.ts';

/** Images that AWS's own tool built and measured, kept outside of the repository. */
const repository = resolve(import.meta.dirname, '../..');
const vectors = join(process.env.DAAS_VECTORS ?? resolve(repository, '../shared/vectors'), 'eif');

interface Vector {
  file: string;
  sha256: string;
  kernel: string;
  cmdline: string;
  ramdisks: string[];
  signed: boolean;
  ref_measurements: Record<string, string>;
}

const index = readIndex();

describe.skipIf(index.length === 0)("images of AWS's tool", () => {
  it.each(index)('$file has the PCRs that the tool printed', async (vector) => {
    expect(await measure(await readEif(await open(vector)))).toEqual(vector.ref_measurements);
  });

  it.each(index)('$file holds what went into it', async ({ kernel, cmdline, ramdisks, ...vector }) => {
    const image = await readEif(await open({ kernel, cmdline, ramdisks, ...vector }));
    expect(image.cmdline).toBe(cmdline);
    for (const [part, file] of [
      [image.kernel, kernel] as const,
      ...image.ramdisks.map((part, i) => [part, ramdisks[i]!] as const),
    ])
      expect(Buffer.from(await part.arrayBuffer())).toEqual(readFileSync(join(vectors, file)));
    expect(image.ramdisks).toHaveLength(ramdisks.length);
    expect(image.signature !== undefined).toBe(vector.signed);
  });

  it.each(index)('$file is written in the same bytes', async (vector) => {
    const written = await encodeEif(await readEif(await open(vector)));
    expect(
      createHash('sha256')
        .update(await bytesOf(written))
        .digest('hex'),
    ).toBe(vector.sha256);
  });
});

function readIndex(): Vector[] {
  const path = join(vectors, 'index.json');
  if (existsSync(path)) return Object.values<Vector>(JSON.parse(readFileSync(path, 'utf8')).cases);
  console.warn(`NOT TESTED: images of AWS's tool. ${path} does not exist; set DAAS_VECTORS to their folder`);
  return [];
}

async function open({ file, sha256 }: Vector): Promise<Blob> {
  const path = join(vectors, file);
  expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
  return openAsBlob(path);
}
