import { EifError } from './error.ts';
import type { Architecture } from './header.ts';
import { MAX_SECTIONS } from './header.ts';
import type { PcrSignature } from './signature.ts';

/** The kernel's COMMAND_LINE_SIZE on both architectures: it cuts off what is longer. */
const MAX_CMDLINE_BYTES = 2048;

/** Far above what AWS's tool writes (it describes a container image there), and small enough to hold. */
export const MAX_METADATA_BYTES = 1 << 20;

/** Kernel, command line, metadata and signature take a section each. */
const MAX_RAMDISKS = MAX_SECTIONS - 4;

/** What an EIF holds. The large parts are blobs, which may stand for files and are read piece by piece. */
export interface Image {
  architecture: Architecture;
  /** Bytes. */
  defaultMemory: bigint;
  defaultCpus: bigint;
  kernel: Blob;
  cmdline: string;
  /** JSON about the image's making, in AWS's form. Not measured: whoever hands the file on may write anything. */
  metadata?: string;
  /** The first belongs to PCR 1, the others to PCR 2. The kernel unpacks them one over the other. */
  ramdisks: Blob[];
  signature?: PcrSignature;
}

/**
 * Checks what the format demands of an image's parts, before it is written and after it was read.
 *
 * @throws EifError `eif_defaults`, `eif_part_missing`, `eif_part_size`, `eif_cmdline` or `eif_metadata`
 */
export function checkImage({ defaultMemory, defaultCpus, kernel, cmdline, metadata, ramdisks }: Image): void {
  if ([defaultMemory, defaultCpus].some((value) => BigInt.asUintN(64, value) !== value))
    throw fail('eif_defaults', 'memory or CPUs do not fit 64 bits');
  if (ramdisks.length === 0) throw fail('eif_part_missing', 'it has no ramdisk');
  if (ramdisks.length > MAX_RAMDISKS) throw fail('eif_part_size', `more than ${MAX_RAMDISKS} ramdisks`);
  if ([kernel, ...ramdisks].some(({ size }) => size === 0))
    throw fail('eif_part_size', 'the kernel or a ramdisk is empty');
  if (Buffer.byteLength(cmdline) > MAX_CMDLINE_BYTES)
    throw fail('eif_part_size', `the command line is longer than ${MAX_CMDLINE_BYTES} bytes`);
  if (cmdline.includes('\0') || !cmdline.isWellFormed())
    throw fail('eif_cmdline', 'the command line is not text without NUL');
  if (metadata !== undefined) checkMetadata(metadata);
}

function checkMetadata(metadata: string): void {
  if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES)
    throw fail('eif_part_size', `the metadata is longer than ${MAX_METADATA_BYTES} bytes`);
  if (!metadata.isWellFormed() || !isIdentity(parseJson(metadata)))
    throw fail('eif_metadata', "the metadata is not JSON in AWS's form");
}

/** Whether AWS's tool could read it: it takes no file whose metadata lacks one of these (`EifIdentityInfo`). */
function isIdentity(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { BuildMetadata: build } = value;
  const hasTexts = (object: Record<string, unknown>, fields: string[]) =>
    fields.every((field) => typeof object[field] === 'string');
  return (
    hasTexts(value, ['ImageName', 'ImageVersion']) &&
    isObject(build) &&
    hasTexts(build, ['BuildTime', 'BuildTool', 'BuildToolVersion', 'OperatingSystem', 'KernelVersion']) &&
    ['DockerInfo', 'CustomMetadata'].every((field) => Object.hasOwn(value, field))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no JSON value
  }
}

function fail(code: EifError['code'], state: string): EifError {
  return new EifError(code, `Cannot accept image: ${state}`);
}
