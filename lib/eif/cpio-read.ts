import { createHash } from 'node:crypto';
import { CPIO_HEADER_BYTES, FileType, MAGIC, PATH_MAX, padding, TRAILER } from './cpio.ts';
import { EifError } from './error.ts';

/** Bounds for archives that unpack to far more than they are: a control plane has 300 MB in some 10,000 files. */
const MAX_FILES = 200_000;
const MAX_UNPACKED_BYTES = 4 * 2 ** 30;

/** A file as an archive has it. Everything counts that may make two archives differ, except inode numbers. */
export interface ArchivedFile {
  path: string;
  /** Type and permissions, for example `100644`, in octal. */
  mode: string;
  owner: number;
  group: number;
  /** Seconds since 1970. */
  modified: number;
  /** Major and minor of a device node, for example `5:1`. */
  device: string;
  size: number;
  /** SHA-256 of the content, in hexadecimal. */
  sha256: string;
  /** Where a symbolic link leads. */
  target?: string;
}

interface FileHeader {
  file: Omit<ArchivedFile, 'path' | 'sha256'>;
  pathLength: number;
}

/**
 * Lists the files of an archive, which may come from anybody. Memory does not grow with the files.
 *
 * @param archive the unpacked bytes, in pieces of any size
 * @throws EifError `cpio_*`
 */
export async function listCpio(archive: AsyncIterable<Uint8Array>): Promise<ArchivedFile[]> {
  const reader = new PieceReader(archive);
  const files = new Map<string, ArchivedFile>();
  for (let file = await readFile(reader); file.path !== TRAILER; file = await readFile(reader)) {
    if (files.has(file.path)) throw fail('cpio_duplicate', `${JSON.stringify(file.path)} is there twice`);
    if (files.size === MAX_FILES) throw fail('cpio_limit', `more than ${MAX_FILES} files`);
    files.set(file.path, file);
  }
  await checkEnd(reader);
  return [...files.values()];
}

async function readFile(reader: PieceReader): Promise<ArchivedFile> {
  const { file, pathLength } = parseHeader((await reader.take(CPIO_HEADER_BYTES)).toString('latin1'));
  const path = parsePath(await reader.take(pathLength));
  await reader.take(padding(CPIO_HEADER_BYTES + pathLength));
  const isLink = (Number.parseInt(file.mode, 8) & FileType.mask) === FileType.symlink;
  if (isLink && file.size >= PATH_MAX) throw fail('cpio_limit', `${JSON.stringify(path)} leads too far`);
  const hash = createHash('sha256');
  const target: Buffer[] = [];
  for await (const piece of reader.pieces(file.size)) {
    hash.update(piece);
    if (isLink) target.push(Buffer.from(piece));
  }
  await reader.take(padding(file.size));
  return {
    path,
    ...file,
    sha256: hash.digest('hex'),
    ...(isLink && { target: Buffer.concat(target).toString('utf8') }),
  };
}

/** Where each number of a header stands among its thirteen. Inode, links, device and checksum tell nothing. */
const FIELD = { mode: 1, owner: 2, group: 3, time: 5, size: 6, major: 9, minor: 10, pathLength: 11 };

function parseHeader(header: string): FileHeader {
  if (!/^070701[0-9a-fA-F]{104}$/.test(header))
    throw fail('cpio_header', `a file does not start with ${MAGIC} and numbers`);
  const number = (field: keyof typeof FIELD) =>
    Number.parseInt(header.slice(6 + 8 * FIELD[field], 14 + 8 * FIELD[field]), 16);
  const pathLength = number('pathLength');
  if (pathLength < 2 || pathLength > PATH_MAX) throw fail('cpio_path', `a path of ${pathLength} bytes`);
  const file = {
    mode: number('mode').toString(8).padStart(6, '0'),
    owner: number('owner'),
    group: number('group'),
    modified: number('time'),
    device: `${number('major')}:${number('minor')}`,
    size: number('size'),
  };
  return { file, pathLength };
}

function parsePath(bytes: Buffer): string {
  if (bytes.indexOf(0) !== bytes.length - 1) throw fail('cpio_path', 'a path does not end in its only NUL');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, -1));
  } catch (cause) {
    throw fail('cpio_path', 'a path is not UTF-8', cause);
  }
}

/** The kernel would unpack another archive that follows; one that is not listed must not be passed over. */
async function checkEnd(reader: PieceReader): Promise<void> {
  for await (const piece of reader.rest())
    if (piece.some((byte) => byte !== 0))
      throw fail('cpio_trailing_bytes', 'more follows the end of the archive');
}

/** Cuts a stream of pieces at other places. */
class PieceReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();
  #seen = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, all in memory. */
  async take(length: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.pieces(length)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** The next `length` bytes as they come. */
  async *pieces(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#piece.length === 0 && !(await this.#advance()))
        throw fail('cpio_truncated', `it ends ${left} bytes too early`);
      const piece = this.#piece.subarray(0, left);
      this.#piece = this.#piece.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    do {
      yield this.#piece;
    } while (await this.#advance());
  }

  async #advance(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#piece = value;
    this.#seen += value.length;
    if (this.#seen > MAX_UNPACKED_BYTES)
      throw fail('cpio_limit', `more than ${MAX_UNPACKED_BYTES} bytes unpacked`);
    return true;
  }
}

function fail(code: EifError['code'], state: string, cause?: unknown): EifError {
  return new EifError(code, `Cannot list archive: ${state}`, { cause });
}
