import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { EifError } from './error.ts';

// The layout is that of `src/defs/mod.rs` in aws/aws-nitro-enclaves-image-format; all numbers are big-endian.

/** Length of the header at the start of the file. */
export const HEADER_BYTES = 548;

/** Where the CRC-32 stands in the header: at its end. It covers every other byte of the file. */
export const CRC_OFFSET = 544;

/** Length of the header in front of each section: type, flags, size. */
export const SECTION_HEADER_BYTES = 12;

/** How many sections the header has room for. */
export const MAX_SECTIONS = 32;

const MAGIC = 0x2e656966; // ".eif"
const VERSION = 4;
const FLAG_AARCH64 = 1;
const OFFSETS_AT = 28;
const SIZES_AT = 284;
const UNUSED_AT = 540;

export type Architecture = 'x86_64' | 'aarch64';

/** Where a section is said to be. Unchecked numbers may exceed every file, so they stay 64 bits wide. */
export interface Slot {
  /** Bytes from the start of the file to the section's header. */
  offset: bigint;
  /** Bytes of content after the section's header. */
  size: bigint;
}

export interface Header {
  architecture: Architecture;
  /** Bytes of memory that the enclave gets when nobody says otherwise. */
  defaultMemory: bigint;
  /** vCPUs that the enclave gets when nobody says otherwise. */
  defaultCpus: bigint;
  slots: Slot[];
  crc: number;
}

/** The header as it stands in the file, {@link HEADER_BYTES} long. */
export function encodeHeader({ architecture, defaultMemory, defaultCpus, slots, crc }: Header): Bytes {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, VERSION);
  view.setUint16(6, architecture === 'aarch64' ? FLAG_AARCH64 : 0);
  view.setBigUint64(8, defaultMemory);
  view.setBigUint64(16, defaultCpus);
  view.setUint16(26, slots.length);
  slots.forEach(({ offset, size }, index) => {
    view.setBigUint64(OFFSETS_AT + 8 * index, offset);
    view.setBigUint64(SIZES_AT + 8 * index, size);
  });
  view.setUint32(CRC_OFFSET, crc);
  return bytes;
}

/**
 * Reads a header, strictly: what version 4 leaves unused must be zero. The slots are not checked against the file.
 *
 * @throws EifError `eif_truncated`, `eif_magic`, `eif_version`, `eif_flags`, `eif_section_count` or `eif_reserved`
 */
export function decodeHeader(bytes: Bytes): Header {
  if (bytes.length < HEADER_BYTES)
    throw refuse('eif_truncated', 'shorter than the header', HEADER_BYTES, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (view.getUint32(0) !== MAGIC) throw refuse('eif_magic', 'it does not start with ".eif"');
  if (view.getUint16(4) !== VERSION)
    throw refuse('eif_version', 'another version of the format', VERSION, view.getUint16(4));
  const flags = view.getUint16(6);
  if (flags > FLAG_AARCH64) throw refuse('eif_flags', 'unknown flags', '0 or 1', flags);
  const count = view.getUint16(26);
  if (count > MAX_SECTIONS)
    throw refuse('eif_section_count', 'too many sections', `at most ${MAX_SECTIONS}`, count);
  const slots = Array.from({ length: MAX_SECTIONS }, (_, index) => ({
    offset: view.getBigUint64(OFFSETS_AT + 8 * index),
    size: view.getBigUint64(SIZES_AT + 8 * index),
  }));
  const isUnusedZero = slots.slice(count).every(({ offset, size }) => offset === 0n && size === 0n);
  if (view.getUint16(24) !== 0 || view.getUint32(UNUSED_AT) !== 0 || !isUnusedZero)
    throw refuse('eif_reserved', 'unused fields of the header are not zero');
  return {
    architecture: flags === FLAG_AARCH64 ? 'aarch64' : 'x86_64',
    defaultMemory: view.getBigUint64(8),
    defaultCpus: view.getBigUint64(16),
    slots: slots.slice(0, count),
    crc: view.getUint32(CRC_OFFSET),
  };
}

/** The header in front of a section of `size` bytes. No flags of sections are defined. */
export function encodeSectionHeader(type: number, size: number): Bytes {
  const bytes = new Uint8Array(SECTION_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type);
  view.setBigUint64(4, BigInt(size));
  return bytes;
}

/** Type, flags and size as they stand in front of a section, unchecked. */
export function decodeSectionHeader(bytes: Bytes): { type: number; flags: number; size: bigint } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SECTION_HEADER_BYTES);
  return { type: view.getUint16(0), flags: view.getUint16(2), size: view.getBigUint64(4) };
}

/** A refusal of the file, with what was compared. */
export function refuse(
  code: EifError['code'],
  state: string,
  expected?: unknown,
  actual?: unknown,
  cause?: unknown,
): EifError {
  return new EifError(code, `Cannot read EIF: ${state}`, {
    ...(expected !== undefined && { expected: String(expected), actual: String(actual) }),
    ...(cause !== undefined && { cause }),
  });
}
