import { CheckpointError } from './error.ts';

/** Cookie of the portable Roaring format without run containers, which is the only one that Sui writes. */
const NO_RUN_CONTAINERS = 12_346;
const HEADER = 16;

/**
 * Reads which members signed: a portable Roaring bitmap of indexes below 65,536, which fit into one array container.
 *
 * @returns the indexes, ascending and each once
 * @throws {CheckpointError} `signers` for everything that Sui does not write
 */
export function decodeSigners(bitmap: Uint8Array): number[] {
  const view = new DataView(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
  if (bitmap.length < 8 || view.getUint32(0, true) !== NO_RUN_CONTAINERS) throw malformed('another format');
  const containers = view.getUint32(4, true);
  if (containers === 0 && bitmap.length === 8) return [];
  if (containers !== 1 || bitmap.length < HEADER) throw malformed('not one container');
  const count = view.getUint16(10, true) + 1;
  const isArrayAtHeader = view.getUint16(8, true) === 0 && view.getUint32(12, true) === HEADER;
  if (!isArrayAtHeader || bitmap.length !== HEADER + 2 * count) throw malformed('not one array');
  const indexes = Array.from({ length: count }, (_, i) => view.getUint16(HEADER + 2 * i, true));
  if (indexes.some((index, i) => i > 0 && index <= indexes[i - 1]!)) throw malformed('not ascending');
  return indexes;
}

/** Writes what {@link decodeSigners} reads; `indexes` ascending. */
export function encodeSigners(indexes: readonly number[]): Uint8Array {
  if (indexes.length === 0) return Uint8Array.of(...littleEndian(NO_RUN_CONTAINERS), 0, 0, 0, 0);
  const bytes = new Uint8Array(HEADER + 2 * indexes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, NO_RUN_CONTAINERS, true);
  view.setUint32(4, 1, true);
  view.setUint16(10, indexes.length - 1, true);
  view.setUint32(12, HEADER, true);
  for (const [position, index] of indexes.entries()) view.setUint16(HEADER + 2 * position, index, true);
  return bytes;
}

function littleEndian(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}

function malformed(why: string): CheckpointError {
  return new CheckpointError('signers', `Cannot read the signers of a checkpoint: ${why}`);
}
