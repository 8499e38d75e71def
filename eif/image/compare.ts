import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diffImages, type PartDifference } from '@daasvader/eif/diff.ts';
import { readEif } from '@daasvader/eif/read.ts';

/** What a build leaves in its output folder, each to be the same bytes wherever it was built. */
const RESULTS = ['daasvader.eif', 'measurements.json'] as const;

/**
 * Compares the results of two builds byte for byte.
 *
 * @param a output folder of `build.ts`
 * @param b another one
 * @returns one line for each thing that differs, naming files of the image; none when all is the same
 * @throws EifError when a result is no image
 */
export async function compareBuilds(a: string, b: string): Promise<string[]> {
  const changed = await Promise.all(
    RESULTS.map(async (name) => !(await sameBytes(join(a, name), join(b, name)))),
  );
  if (!changed.includes(true)) return [];
  const [before, after] = [await readImage(a), await readImage(b)];
  const parts = (await diffImages(before, after)).filter(({ change }) => change !== 'same');
  return [...RESULTS.filter((_, index) => changed[index]), ...parts.flatMap(describe)];
}

async function sameBytes(a: string, b: string): Promise<boolean> {
  const [before, after] = await Promise.all([readFile(a), readFile(b)]);
  return before.equals(after);
}

async function readImage(folder: string) {
  return readEif(await openAsBlob(join(folder, RESULTS[0])));
}

function describe({ part, change, files = [], note }: PartDifference): string[] {
  const named = files.map((file) => `${part}: ${JSON.stringify(file.path)} ${file.change}`);
  return named.length > 0 ? named : [`${part} ${note ?? change}`];
}
