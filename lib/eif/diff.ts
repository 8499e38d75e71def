import { createHash } from 'node:crypto';
import type { ArchivedFile } from './cpio-read.ts';
import { EifError } from './error.ts';
import type { Image } from './image.ts';
import { listRamdisk } from './ramdisk.ts';
import { encodeSignature } from './signature.ts';

export type Change = 'same' | 'changed' | 'added' | 'removed';

/** A file that is not the same in both ramdisks; without `a` it was added, without `b` removed. */
export interface FileDifference {
  path: string;
  change: Exclude<Change, 'same'>;
  a?: ArchivedFile;
  b?: ArchivedFile;
}

/** A part of the image in both files. */
export interface PartDifference {
  /** `defaults` (of the header), `kernel`, `cmdline`, `metadata`, `ramdisk 1` and on, or `signature`. */
  part: string;
  change: Change;
  /** SHA-256 of the content, where it exists. */
  a?: string;
  b?: string;
  /** Of a ramdisk that changed: the files that explain it. */
  files?: FileDifference[];
  /** Of a ramdisk that changed: why files do not explain it. */
  note?: string;
}

/**
 * Says in what two images differ. Every part is the same exactly if the two EIFs are the same bytes.
 *
 * @returns all parts that at least one of them has
 */
export async function diffImages(a: Image, b: Image): Promise<PartDifference[]> {
  const [before, after] = [partsOf(a), partsOf(b)];
  const names = Object.keys({ ...before, ...after });
  return Promise.all(names.map((name) => diffPart(name, before[name], after[name])));
}

function partsOf({ architecture, defaultMemory, defaultCpus, ...image }: Image): Record<string, Blob> {
  const { kernel, cmdline, metadata, ramdisks, signature } = image;
  return {
    defaults: new Blob([`${architecture} ${defaultMemory} ${defaultCpus}`]),
    kernel,
    cmdline: new Blob([cmdline]),
    ...(metadata !== undefined && { metadata: new Blob([metadata]) }),
    ...Object.fromEntries(ramdisks.map((ramdisk, index) => [`ramdisk ${index + 1}`, ramdisk])),
    ...(signature && { signature: new Blob([encodeSignature(signature)]) }),
  };
}

async function diffPart(part: string, before?: Blob, after?: Blob): Promise<PartDifference> {
  const a = before && (await sha256(before));
  const b = after && (await sha256(after));
  const difference = { part, change: changeOf(a, b), ...(a && { a }), ...(b && { b }) };
  if (difference.change !== 'changed' || !part.startsWith('ramdisk')) return difference;
  return { ...difference, ...(await diffRamdisks(before!, after!)) };
}

function changeOf<T>(a: T | undefined, b: T | undefined): Change {
  if (a === undefined) return 'added';
  if (b === undefined) return 'removed';
  return a === b ? 'same' : 'changed';
}

async function diffRamdisks(before: Blob, after: Blob): Promise<Pick<PartDifference, 'files' | 'note'>> {
  try {
    const files = diffFiles(await listRamdisk(before), await listRamdisk(after));
    if (files.length > 0) return { files };
    return {
      files,
      note: 'same files; compression, order, inode numbers or padding differ',
    };
  } catch (error) {
    if (!(error instanceof EifError)) throw error;
    return { note: error.message };
  }
}

function diffFiles(before: ArchivedFile[], after: ArchivedFile[]): FileDifference[] {
  const [a, b] = [byPath(before), byPath(after)];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths.flatMap((path) => {
    const [left, right] = [a.get(path), b.get(path)];
    const change = changeOf(left && JSON.stringify(left), right && JSON.stringify(right));
    return change === 'same' ? [] : [{ path, change, ...(left && { a: left }), ...(right && { b: right }) }];
  });
}

function byPath(files: ArchivedFile[]): Map<string, ArchivedFile> {
  return new Map(files.map((file) => [file.path, file]));
}

async function sha256(content: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content.stream()) hash.update(chunk);
  return hash.digest('hex');
}
