import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packCpio } from '@daasvader/eif/cpio.ts';
import { compress } from '@daasvader/eif/ramdisk.ts';
import { imageOf } from '@daasvader/eif/testing/image.ts';
import { encodeEif } from '@daasvader/eif/write.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compareBuilds } from './compare.ts';

let directory: string;
let a: string;
let b: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-compare-'));
  [a, b] = [join(directory, 'a'), join(directory, 'b')];
  await writeBuild(a, 'one');
  await cp(a, b, { recursive: true });
});

afterEach(() => rm(directory, { recursive: true }));

it('finds nothing in builds of the same bytes', async () => {
  expect(await compareBuilds(a, b)).toEqual([]);
});

it('names the file of the image that differs', async () => {
  await writeBuild(b, 'two');
  expect(await compareBuilds(a, b)).toEqual(['daasvader.eif', 'ramdisk 1: "app/main.ts" changed']);
});

it('names measurements that differ although the image is the same', async () => {
  await writeFile(join(b, 'measurements.json'), '{"version":"2"}');
  expect(await compareBuilds(a, b)).toEqual(['measurements.json']);
});

it('refuses to call builds the same of which one left nothing', async () => {
  await rm(join(b, 'daasvader.eif'));
  await expect(compareBuilds(a, b)).rejects.toMatchObject({ code: 'ENOENT' });
});

async function writeBuild(folder: string, program: string): Promise<void> {
  const content = new Blob([program]);
  const archive = packCpio([{ kind: 'file', path: 'app/main.ts', content, executable: true }]);
  const image = imageOf({ ramdisks: [await compress(archive, 'zstd')] });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'daasvader.eif'), (await encodeEif(image)).stream());
  await writeFile(join(folder, 'measurements.json'), '{}');
}
