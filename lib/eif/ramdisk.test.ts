import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, packCpio } from './cpio.ts';
import { EifError } from './error.ts';
import { compress, listRamdisk } from './ramdisk.ts';
import { bytesOf } from './testing/image.ts';

const ENTRIES: Entry[] = [
  file('usr/bin/tool', 'binary', true),
  file('etc/empty', ''),
  { kind: 'symlink', path: 'bin', target: 'usr/bin' },
  { kind: 'directory', path: 'proc' },
];

describe('packCpio()', () => {
  it('sorts, adds directories, and fixes modes, owners and times', async () => {
    const fixed = { owner: 0, group: 0, modified: 0, device: '0:0' };
    const files = await listRamdisk(packCpio(ENTRIES));
    expect(files.map(({ path, mode, size }) => [path, mode, size])).toEqual([
      ['bin', '120777', 7],
      ['etc', '040755', 0],
      ['etc/empty', '100644', 0],
      ['proc', '040755', 0],
      ['usr', '040755', 0],
      ['usr/bin', '040755', 0],
      ['usr/bin/tool', '100755', 6],
    ]);
    for (const each of files) expect(each).toMatchObject(fixed);
    expect(files[0]!.target).toBe('usr/bin');
    expect(files.at(-1)!.sha256).toBe(createHash('sha256').update('binary').digest('hex'));
  });

  it('gives the same bytes in whatever order entries come', async () => {
    const expected = await bytesOf(packCpio(ENTRIES));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(ENTRIES, { minLength: ENTRIES.length }), async (entries) => {
        expect(await bytesOf(packCpio(entries))).toEqual(expected);
      }),
    );
  });

  it('is listed by another program as what was packed', async () => {
    const input = await bytesOf(packCpio(ENTRIES));
    const { status, stdout, error } = spawnSync('busybox', ['cpio', '-t'], { input, encoding: 'utf8' });
    if (error)
      return console.warn('NOT TESTED: an archive read by another program. There is no busybox here');
    expect(status).toBe(0);
    const files = await listRamdisk(packCpio(ENTRIES));
    expect(stdout.trim().split('\n')).toEqual(files.map(({ path }) => path));
  });

  it.each([
    '',
    '/etc',
    'etc/',
    'a//b',
    '.',
    './a',
    '../a',
    'a/../b',
    'a\0b',
    'TRAILER!!!',
    'a'.repeat(4096),
    '\ud800',
  ])('refuses the path %j', (path) => {
    expect(() => packCpio([file(path, '')])).toThrow(expect.objectContaining({ code: 'cpio_path' }));
  });

  it.each<[string, string, Entry[]]>([
    ['a path twice', 'cpio_duplicate', [file('a', '1'), file('a', '2')]],
    ['a file in a file', 'cpio_path', [file('a', ''), file('a/b', '')]],
    ['a file behind a link', 'cpio_path', [{ kind: 'symlink', path: 'a', target: '/' }, file('a/b', '')]],
  ])('refuses %s', (_, code, entries) => {
    expect(() => packCpio(entries)).toThrow(expect.objectContaining({ code }));
  });
});

describe('compress()', () => {
  it.each(['none', 'gzip', 'zstd'] as const)(
    '%s gives the same bytes again, and the same files',
    async (method) => {
      const [first, second] = [
        await compress(packCpio(ENTRIES), method),
        await compress(packCpio(ENTRIES), method),
      ];
      expect(await bytesOf(first)).toEqual(await bytesOf(second));
      expect(await listRamdisk(first)).toEqual(await listRamdisk(packCpio(ENTRIES)));
    },
  );
});

describe('listRamdisk() refuses', () => {
  const plain = () => bytesOf(packCpio(ENTRIES));

  it('what is no ramdisk', async () => {
    await refuses(new Blob(['hello, world']), 'ramdisk_format');
    await refuses(new Blob([]), 'ramdisk_format');
  });

  it('an archive cut anywhere', async () => {
    const archive = await plain();
    for (let length = 6; length < archive.length; length += 5)
      await refuses(new Blob([archive.slice(0, length)]), 'cpio_truncated');
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('damaged %s', async (_, pack) => {
    const packed = pack(await plain());
    await refuses(new Blob([new Uint8Array(packed.subarray(0, packed.length - 20))]), 'ramdisk_compression');
  });

  it('an archive behind the archive, which the kernel would unpack too', async () => {
    const hidden = packCpio([file('init', 'malware', true)]);
    await refuses(new Blob([packCpio(ENTRIES), hidden]), 'cpio_trailing_bytes');
  });

  it('a path twice, which the kernel would overwrite', async () => {
    const [one, trailer] = await split(packCpio([file('init', 'good')]));
    const [two] = await split(packCpio([file('init', 'evil')]));
    await refuses(new Blob([one, two, trailer]), 'cpio_duplicate');
  });

  it.each<[string, string, number, string]>([
    ['another magic', 'cpio_header', 0, '070702'],
    ['a number that is none', 'cpio_header', 6, '0000000g'],
    ['a path of no length', 'cpio_path', 94, '00000000'],
    ['a path of 4 GiB', 'cpio_path', 94, 'ffffffff'],
    ['a file of 4 GiB that is not there', 'cpio_truncated', 54, 'ffffffff'],
    ['a NUL inside a path', 'cpio_path', 111, '\0'],
    ['a path that is not UTF-8', 'cpio_path', 111, '\xff'],
  ])('%s', async (_, code, at, text) => {
    const archive = Buffer.from(await bytesOf(packCpio([file('init', 'program')])));
    archive.write(text, at, 'latin1');
    const error =
      at === 0 ? refuses(new Blob([gzipSync(archive)]), code) : refuses(new Blob([archive]), code);
    await error;
  });

  it('or lists any damaged archive, and nothing else happens', async () => {
    const archive = await plain();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: archive.length - 1 }), fc.nat({ max: 255 }), async (at, value) => {
        const listing = listRamdisk(new Blob([archive.with(at, value)]));
        await listing.catch((error) => expect(error).toBeInstanceOf(EifError));
      }),
      { numRuns: 300 },
    );
  });
});

async function refuses(ramdisk: Blob, code: string): Promise<void> {
  await expect(listRamdisk(ramdisk)).rejects.toMatchObject({ name: 'EifError', code });
}

/** The files of an archive and its end. */
async function split(archive: Blob): Promise<[Blob, Blob]> {
  const { size } = packCpio([]);
  return [archive.slice(0, archive.size - size), archive.slice(archive.size - size)];
}

function file(path: string, content: string, executable = false): Entry {
  return { kind: 'file', path, content: new Blob([content]), executable };
}
