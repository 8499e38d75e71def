/** Why the file is not an EIF with exactly one reading. */
type FormatCode =
  | 'eif_truncated'
  | 'eif_magic'
  | 'eif_version'
  | 'eif_flags'
  | 'eif_reserved'
  | 'eif_section_count'
  | 'eif_section_offset'
  | 'eif_section_range'
  | 'eif_section_header'
  | 'eif_section_type'
  | 'eif_trailing_bytes'
  | 'eif_crc';

/** Why the sections do not make an image. */
type PartCode =
  | 'eif_defaults'
  | 'eif_part_missing'
  | 'eif_part_duplicate'
  | 'eif_part_order'
  | 'eif_part_size'
  | 'eif_cmdline'
  | 'eif_metadata';

/** Why the image is not signed as it says, or cannot be. */
type SignatureCode =
  | 'eif_signature_malformed'
  | 'eif_signature_invalid'
  | 'eif_certificate'
  | 'eif_certificate_key';

/** Why the files in a ramdisk cannot be listed, or written. */
type RamdiskCode =
  | 'ramdisk_format'
  | 'ramdisk_compression'
  | 'cpio_truncated'
  | 'cpio_header'
  | 'cpio_path'
  | 'cpio_duplicate'
  | 'cpio_trailing_bytes'
  | 'cpio_limit';

/** Stable reason of a refusal: one code per reason, part of the public interface. */
export type EifCode = FormatCode | PartCode | SignatureCode | RamdiskCode;

/** What accompanies a refusal, as text fit for a log line. */
export interface EifErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
}

/** An image, or a part of one, that was refused. Callers match on `code`. */
export class EifError extends Error {
  override readonly name = 'EifError';
  readonly code: EifCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: EifCode, message: string, options: EifErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
