import { crc32 } from 'node:zlib';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { CRC_OFFSET, HEADER_BYTES } from '../header.ts';
import type { Image } from '../image.ts';

/** Metadata as AWS's tool writes it. */
export const METADATA = metadataOf(null);

/** Metadata with anything as the part that is the maker's own. */
export function metadataOf(CustomMetadata: unknown): string {
  const tool = { BuildTime: '', BuildTool: '', BuildToolVersion: '', OperatingSystem: '', KernelVersion: '' };
  const image = { ImageName: 'test', ImageVersion: '1', BuildMetadata: tool, DockerInfo: null };
  return JSON.stringify({ ...image, CustomMetadata });
}

/** A small image; `parts` replaces what matters to a test. */
export function imageOf(parts: Partial<Image> = {}): Image {
  return {
    architecture: 'x86_64',
    defaultMemory: 1n << 30n,
    defaultCpus: 2n,
    kernel: new Blob(['kernel']),
    cmdline: 'console=ttyS0',
    metadata: METADATA,
    ramdisks: [new Blob(['boot']), new Blob(['application'])],
    ...parts,
  };
}

/** All bytes of a blob. */
export async function bytesOf(blob: Blob): Promise<Bytes> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** The EIF with the CRC that its bytes ought to have: a forger computes it too. */
export function withCrc(eif: Bytes): Bytes {
  const copy = eif.slice();
  if (copy.length < HEADER_BYTES) return copy;
  const crc = crc32(copy.subarray(HEADER_BYTES), crc32(copy.subarray(0, CRC_OFFSET)));
  new DataView(copy.buffer).setUint32(CRC_OFFSET, crc);
  return copy;
}
