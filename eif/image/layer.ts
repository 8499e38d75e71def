import { createHash } from 'node:crypto';
import { existsSync, openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { type Entry, packCpio } from '@daasvader/eif/cpio.ts';
import { compress } from '@daasvader/eif/ramdisk.ts';
import { CACHE, replaceFile, sha256 } from './file.ts';

/** A ramdisk and what is in it. */
export interface Layer {
  readonly ramdisk: Blob;
  readonly files: readonly ListedFile[];
}

/** A file as `measurements.json` lists it: `sha256` and `size` of a file, `target` of a link. */
export interface ListedFile {
  readonly path: string;
  readonly mode: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
}

/** Packs and compresses files into a ramdisk, unless the very same one is in the cache. */
export async function makeLayer(entries: readonly Entry[]): Promise<Layer> {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const files = await Promise.all(sorted.map(list));
  // The compressor is Node's own.
  const key = createHash('sha256').update(process.version).update(JSON.stringify(files)).digest('hex');
  const file = join(CACHE, 'ramdisk', key.slice(0, 16));
  if (!existsSync(file)) await replaceFile(file, await compress(packCpio(sorted), 'zstd'));
  return { ramdisk: await openAsBlob(file), files };
}

async function list(entry: Entry): Promise<ListedFile> {
  if (entry.kind === 'symlink') return { path: entry.path, mode: '0777', target: entry.target };
  if (entry.kind === 'directory') return { path: entry.path, mode: '0755' };
  const { path, content, executable } = entry;
  return { path, mode: executable ? '0755' : '0644', size: content.size, sha256: await sha256(content) };
}
