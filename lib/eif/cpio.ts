import { EifError } from './error.ts';

// The "newc" format of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: for each file a header
// of magic and thirteen numbers of eight hexadecimal digits, the path with a NUL, and the content; path and content are
// padded to multiples of four. A file named TRAILER!!! ends the archive.

/** Magic of newc, without checksums. */
export const MAGIC = '070701';

/** Length of a file's header: magic and thirteen fields. */
export const CPIO_HEADER_BYTES = 110;

/** The path that ends an archive. */
export const TRAILER = 'TRAILER!!!';

/** The kernel's PATH_MAX; a path and its NUL must fit. */
export const PATH_MAX = 4096;

/** The type bits of a mode (inode(7)). */
export const FileType = { mask: 0o170000, directory: 0o040000, file: 0o100000, symlink: 0o120000 } as const;

/** What goes into an archive. Owner, times and permissions are not a choice, so they cannot differ. */
export type Entry =
  | { kind: 'directory'; path: string }
  | { kind: 'file'; path: string; content: Blob; executable: boolean }
  | { kind: 'symlink'; path: string; target: string };

/**
 * A reproducible archive: sorted by path, inode numbers in that order, all of root's, at time 0, and with modes that
 * follow from the kind alone. Directories that hold an entry are added.
 *
 * @param entries in any order; paths relative, without `.` and `..`
 * @returns a blob over the contents; its memory does not grow with them
 * @throws EifError `cpio_path`, `cpio_duplicate` or `cpio_limit`
 */
export function packCpio(entries: Entry[]): Blob {
  const parts = withDirectories(entries).flatMap((entry, index) => pack(entry, index + 1));
  return new Blob([...parts, header(TRAILER, { inode: 0, mode: 0, links: 1, size: 0 })]);
}

function pack(entry: Entry, inode: number): BlobPart[] {
  const content =
    entry.kind === 'file' ? entry.content : new Blob(entry.kind === 'symlink' ? [entry.target] : []);
  if (content.size > 0xffff_ffff) throw fail('cpio_limit', `${entry.path} is larger than 4 GiB`);
  const links = entry.kind === 'directory' ? 2 : 1;
  const head = header(entry.path, { inode, mode: modeOf(entry), links, size: content.size });
  return [head, content, new Uint8Array(padding(content.size))];
}

function modeOf(entry: Entry): number {
  if (entry.kind === 'directory') return FileType.directory | 0o755;
  if (entry.kind === 'symlink') return FileType.symlink | 0o777;
  return FileType.file | (entry.executable ? 0o755 : 0o644);
}

function header(
  path: string,
  { inode, mode, links, size }: Record<'inode' | 'mode' | 'links' | 'size', number>,
) {
  const name = Buffer.from(`${path}\0`);
  const [owner, group, time, device, checksum] = [0, 0, 0, 0, 0];
  const fields = [
    inode,
    mode,
    owner,
    group,
    links,
    time,
    size,
    ...[device, device, device, device],
    name.length,
    checksum,
  ];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([
    Buffer.from(MAGIC + digits),
    name,
    Buffer.alloc(padding(CPIO_HEADER_BYTES + name.length)),
  ]);
}

/** The entries and the directories they are in, sorted so that a directory comes before what it holds. */
function withDirectories(entries: Entry[]): Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (all.has(entry.path)) throw fail('cpio_duplicate', `${JSON.stringify(entry.path)} is there twice`);
    all.set(entry.path, entry);
  }
  for (const { path } of entries)
    for (const parent of parentsOf(path)) {
      const found = all.get(parent) ?? { kind: 'directory', path: parent };
      if (found.kind !== 'directory')
        throw fail('cpio_path', `${JSON.stringify(path)} lies in a ${found.kind}`);
      all.set(parent, found);
    }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function parentsOf(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

function checkPath(path: string): void {
  const isPlain = path.split('/').every((name) => !['', '.', '..'].includes(name));
  const fits = path.isWellFormed() && Buffer.byteLength(path) < PATH_MAX;
  if (!isPlain || !fits || path.includes('\0') || path === TRAILER)
    throw fail('cpio_path', `${JSON.stringify(path)} is not a relative path without . and ..`);
}

/** How many bytes lead from `length` to a multiple of four. */
export function padding(length: number): number {
  return -length & 3;
}

function fail(code: EifError['code'], state: string): EifError {
  return new EifError(code, `Cannot write archive: ${state}`);
}
