/**
 * A cursor is a point on a line where things stand at odd numbers and the gaps between them at even ones, so that it can
 * be at a thing or beside it:
 *
 * ```text
 *   0   1   2   3   4   5
 *   |  [0]  |  [1]  |  [2]
 * ```
 */
import { DevnetError } from '../error.ts';

/** What is on the line: one letter each, so that the cursor of one list is refused by another. */
export type CursorKind = 'c' | 't' | 'e';

const LENGTH = 9;

/** The cursor at a thing: what comes after it comes after the thing. */
export function cursorAt(kind: CursorKind, place: number): Uint8Array {
  return encode(kind, 2n * BigInt(place) + 1n);
}

/** The cursor between a thing and the one before it. */
export function cursorBefore(kind: CursorKind, place: number): Uint8Array {
  return encode(kind, 2n * BigInt(place));
}

/** @returns the first place after the cursor. @throws {DevnetError} `INVALID_ARGUMENT` */
export function firstAfter(kind: CursorKind, cursor: Uint8Array): number {
  return Number((decode(kind, cursor) + 1n) / 2n);
}

/** @returns the place at the cursor or after it, which is where things before the cursor end */
export function endBefore(kind: CursorKind, cursor: Uint8Array): number {
  return Number(decode(kind, cursor) / 2n);
}

function encode(kind: CursorKind, point: bigint): Uint8Array {
  const cursor = Buffer.alloc(LENGTH);
  cursor.write(kind, 'latin1');
  cursor.writeBigUInt64BE(point, 1);
  return cursor;
}

function decode(kind: CursorKind, cursor: Uint8Array): bigint {
  const bytes = Buffer.from(cursor);
  const point = bytes.length === LENGTH ? bytes.readBigUInt64BE(1) : -1n;
  if (point < 0n || point > 2n * BigInt(Number.MAX_SAFE_INTEGER) || bytes.toString('latin1', 0, 1) !== kind)
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot read cursor: it is none that this method gave');
  return point;
}
