/** One entry of an archive. Owner is root, time is the epoch: the same entries give the same bytes. */
export type TarEntry =
  | { type: 'file'; path: string; mode: number; content: Uint8Array }
  | { type: 'directory'; path: string; mode: number }
  | { type: 'symlink'; path: string; target: string };

const BLOCK = 512;
const TYPE_FLAGS = { file: '0', symlink: '2', directory: '5' } as const;

/**
 * Packs entries into a POSIX ustar archive.
 * @throws RangeError when a path or target is longer than 100 bytes, which this writer does not split
 */
export function packTar(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? entry.content : new Uint8Array();
    return [header(entry, content.length), content, new Uint8Array(-content.length & (BLOCK - 1))];
  });
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)]);
}

// IEEE 1003.1 pax, "ustar Interchange Format": offsets and widths of the fields.
function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(fitting(entry.path), 0);
  block.write(octal(entry.type === 'symlink' ? 0o777 : entry.mode, 7), 100);
  block.write(octal(0, 7), 108); // owner
  block.write(octal(0, 7), 116); // group
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136); // modification time
  block.write(TYPE_FLAGS[entry.type], 156);
  if (entry.type === 'symlink') block.write(fitting(entry.target), 157);
  block.write('ustar\x0000', 257);
  block.write(octal(checksum(block), 6), 148);
  block.write('\0 ', 154);
  return block;
}

// The sum of all bytes with the checksum field itself taken as eight spaces.
function checksum(block: Buffer): number {
  return block.reduce((sum, byte) => sum + byte, 8 * 0x20);
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width, '0');
}

function fitting(path: string): string {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`Cannot archive ${path}: longer than 100 bytes`);
  return path;
}
