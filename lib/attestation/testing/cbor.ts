import { type Bytes, concatBytes } from '../bytes.ts';

/** Each function returns one encoded item; malformed input is made by joining other bytes. */
export const NULL = Uint8Array.of(0xf6);
export const BREAK = Uint8Array.of(0xff);

/** A non-negative integer in its shortest form. */
export const uint = (value: number) => head(0, value);

/** A negative integer in its shortest form. */
export const negative = (value: number) => head(1, -1 - value);

export const byteString = (bytes: Uint8Array) => concatBytes(head(2, bytes.length), bytes);

export function text(value: string): Bytes {
  const bytes = new TextEncoder().encode(value);
  return concatBytes(head(3, bytes.length), bytes);
}

export const array = (...items: Uint8Array[]) => concatBytes(head(4, items.length), ...items);

export const map = (...entries: Uint8Array[][]) => concatBytes(head(5, entries.length), ...entries.flat());

/** A map without a count, as the payload of documents since August 2025. */
export const indefiniteMap = (...entries: Uint8Array[][]) =>
  concatBytes(Uint8Array.of(0xbf), ...entries.flat(), BREAK);

/** The first bytes of an item: its type and its number, in the shortest form. */
export function head(major: number, value: number): Bytes {
  if (value < 24) return Uint8Array.of((major << 5) | value);
  const width = [1, 2, 4, 8].find((bytes) => value < 2 ** (8 * bytes))!;
  return paddedHead(major, value, width);
}

/** The same with a number of `width` bytes, short or not. */
export function paddedHead(major: number, value: number, width: number): Bytes {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setBigUint64(1, BigInt(value));
  const info = 24 + Math.log2(width);
  return concatBytes(Uint8Array.of((major << 5) | info), bytes.subarray(9 - width));
}
