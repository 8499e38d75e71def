import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Entry, packCpio } from './cpio.ts';
import { diffImages } from './diff.ts';
import type { Image } from './image.ts';
import { compress } from './ramdisk.ts';
import { bytesOf, imageOf, metadataOf } from './testing/image.ts';

const FILES = { init: '#!/bin/node', 'lib/a.ts': 'a', 'lib/b.ts': 'b' };

describe('diffImages()', () => {
  it('finds nothing in the same image', async () => {
    const parts = await diffImages(await imageWith(FILES), await imageWith(FILES));
    expect(parts.map(({ part }) => part)).toEqual(['defaults', 'kernel', 'cmdline', 'metadata', 'ramdisk 1']);
    expect(parts.every(({ change }) => change === 'same')).toBe(true);
  });

  it.each<[string, string, Partial<Image>]>([
    ['the memory', 'defaults', { defaultMemory: 1n }],
    ['the architecture', 'defaults', { architecture: 'aarch64' }],
    ['the kernel', 'kernel', { kernel: new Blob(['another']) }],
    ['the command line', 'cmdline', { cmdline: 'debug' }],
    ['the metadata', 'metadata', { metadata: metadataOf({ commit: '1' }) }],
    ['a second ramdisk', 'ramdisk 2', { ramdisks: [new Blob(['boot'])] }],
  ])('names %s', async (_, part, change) => {
    const parts = await diffImages(imageOf(), imageOf(change));
    expect(parts.filter(({ change }) => change !== 'same').map(({ part }) => part)).toEqual([part]);
  });

  it.each(['none', 'gzip', 'zstd'] as const)(
    'names files that were added, removed or changed (%s)',
    async (method) => {
      const { init, ...rest } = FILES;
      const files = await diffFiles(
        await imageWith(FILES, method),
        await imageWith({ ...rest, 'lib/b.ts': 'B', z: '' }, method),
      );
      expect(files).toMatchObject([
        { path: 'init', change: 'removed', a: { mode: '100644' } },
        { path: 'lib/b.ts', change: 'changed' },
        { path: 'z', change: 'added', b: { size: 0 } },
      ]);
      expect(files![1]!.a!.sha256).not.toBe(files![1]!.b!.sha256);
    },
  );

  it('names a file of which only the mode, owner or time changed', async () => {
    for (const field of ['mode', 'owner', 'modified'] as const) {
      const files = await diffFiles(await imageWith({ init: '' }), await imageWithField(field));
      expect(files).toMatchObject([{ path: 'init', change: 'changed' }]);
      expect(files![0]!.a![field]).not.toBe(files![0]!.b![field]);
    }
  });

  it('says so when files do not explain the difference', async () => {
    const parts = await diffImages(await imageWith(FILES, 'gzip'), await imageWith(FILES, 'zstd'));
    expect(parts.at(-1)).toMatchObject({
      change: 'changed',
      files: [],
      note: expect.stringContaining('same files'),
    });
  });

  it('passes over no files that are hidden behind the archive', async () => {
    const hidden = await bytesOf(archiveOf({ init: 'malware' }));
    const archive = await bytesOf(archiveOf(FILES));
    const ramdisk = new Blob([zstdCompressSync(archive), zstdCompressSync(hidden)]);
    const parts = await diffImages(await imageWith(FILES, 'zstd'), imageOf({ ramdisks: [ramdisk] }));
    expect(parts.at(-1)).toMatchObject({ change: 'changed', note: expect.stringContaining('more follows') });
  });

  it('says so when a ramdisk cannot be listed', async () => {
    const parts = await diffImages(
      imageOf(),
      imageOf({ ramdisks: [new Blob(['b00t']), new Blob(['application'])] }),
    );
    expect(parts[4]).toMatchObject({
      change: 'changed',
      note: expect.stringContaining('Cannot list ramdisk'),
    });
  });
});

async function diffFiles(a: Image, b: Image) {
  return (await diffImages(a, b)).find(({ part }) => part === 'ramdisk 1')!.files;
}

async function imageWith(
  files: Record<string, string>,
  method: 'none' | 'gzip' | 'zstd' = 'none',
): Promise<Image> {
  return imageOf({ ramdisks: [await compress(archiveOf(files), method)] });
}

function archiveOf(files: Record<string, string>): Blob {
  const toEntry = ([path, content]: [string, string]): Entry => ({
    kind: 'file',
    path,
    content: new Blob([content]),
    executable: false,
  });
  return packCpio(Object.entries(files).map(toEntry));
}

/** An archive as other tools would write it: with a field of the first file changed. */
async function imageWithField(field: 'mode' | 'owner' | 'modified'): Promise<Image> {
  const archive = Buffer.from(await bytesOf(archiveOf({ init: '' })));
  archive.write(
    { mode: '000081ed', owner: '000003e8', modified: '66000000' }[field],
    { mode: 14, owner: 22, modified: 46 }[field],
  );
  return imageOf({ ramdisks: [new Blob([archive])] });
}
