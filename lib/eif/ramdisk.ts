import { pipeline, Readable } from 'node:stream';
import { constants, createGunzip, createZstdDecompress, gzipSync, zstdCompressSync } from 'node:zlib';
import { type ArchivedFile, listCpio } from './cpio-read.ts';
import { EifError } from './error.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Within a tenth of the smallest (level 19 of 22), at a tenth of the time. */
const ZSTD_LEVEL = 12;

/** First bytes by which the kernel tells what a ramdisk is (lib/decompress.c, init/initramfs.c). */
const SIGNATURES: [Compression, string][] = [
  ['none', '303730373031'], // 070701
  ['gzip', '1f8b'], // RFC 1952 §2.3.1
  ['zstd', '28b52ffd'], // RFC 8878 §3.1.1
];

/**
 * Compresses an archive into a ramdisk that the kernel unpacks (options RD_GZIP, RD_ZSTD).
 *
 * In one piece and on one thread, so that the same archive gives the same bytes with the same Node: another version of
 * zlib or zstd may give others. Holds the archive in memory.
 */
export async function compress(archive: Blob, compression: Compression): Promise<Blob> {
  if (compression === 'none') return archive;
  const bytes = await archive.arrayBuffer();
  if (compression === 'gzip') return new Blob([gzipSync(bytes, { level: 9 })]);
  const params = {
    [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
    [constants.ZSTD_c_checksumFlag]: 1,
  };
  return new Blob([zstdCompressSync(bytes, { params })]);
}

/**
 * Lists the files in a ramdisk, which may come from anybody: one archive, compressed or not. Ramdisks with equal
 * lists may still differ: in how they are compressed, in the order of files, in bytes that belong to none.
 *
 * @throws EifError `ramdisk_format`, `ramdisk_compression` or `cpio_*`
 */
export async function listRamdisk(ramdisk: Blob): Promise<ArchivedFile[]> {
  const start = Buffer.from(await ramdisk.slice(0, 6).arrayBuffer()).toString('hex');
  const compression = SIGNATURES.find(([, signature]) => start.startsWith(signature))?.[0];
  if (compression === undefined)
    throw new EifError('ramdisk_format', 'Cannot list ramdisk: neither newc nor gzip nor zstd', {
      expected: SIGNATURES.map(([, signature]) => signature).join(', '),
      actual: start,
    });
  return listCpio(unpack(ramdisk, compression));
}

async function* unpack(ramdisk: Blob, compression: Compression): AsyncGenerator<Uint8Array> {
  const packed = Readable.from(ramdisk.stream());
  if (compression === 'none') return yield* packed;
  const unpacked = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  pipeline(packed, unpacked, () => {}); // an error also ends the iteration below
  try {
    yield* unpacked;
  } catch (cause) {
    throw new EifError('ramdisk_compression', `Cannot list ramdisk: damaged ${compression}`, { cause });
  }
}
