import { type Bytes, concatBytes } from '@daasvader/attestation/bytes.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeSectionHeader, HEADER_BYTES, SECTION_HEADER_BYTES } from './header.ts';
import { readEif } from './read.ts';
import { SECTION_TYPES } from './sections.ts';
import { bytesOf, imageOf, METADATA, withCrc } from './testing/image.ts';
import { encodeEif } from './write.ts';

const { kernel, cmdline, ramdisk, metadata, signature } = SECTION_TYPES;
const OFFSETS_AT = 28;
const SIZES_AT = 284;

let genuine: Bytes;

beforeAll(async () => {
  genuine = await bytesOf(await encodeEif(imageOf()));
});

describe('readEif() refuses', () => {
  it.each([0, 4, HEADER_BYTES - 1])('a file of %i bytes', async (length) => {
    await refuses(genuine.slice(0, length), 'eif_truncated');
  });

  it('a file cut anywhere', async () => {
    for (let length = HEADER_BYTES; length < genuine.length; length++)
      await refuses(withCrc(genuine.slice(0, length)), 'eif_section_range');
  });

  it.each<[string, string, (view: DataView) => void]>([
    ['another magic', 'eif_magic', (view) => view.setUint8(0, 0x2f)],
    ['an older version', 'eif_version', (view) => view.setUint16(4, 3)],
    ['a newer version', 'eif_version', (view) => view.setUint16(4, 5)],
    ['unknown flags', 'eif_flags', (view) => view.setUint16(6, 2)],
    ['a reserved field in use', 'eif_reserved', (view) => view.setUint16(24, 1)],
    ['an unused field in use', 'eif_reserved', (view) => view.setUint32(540, 1)],
    ['an unused slot in use', 'eif_reserved', (view) => view.setBigUint64(OFFSETS_AT + 8 * 31, 548n)],
    ['33 sections', 'eif_section_count', (view) => view.setUint16(26, 33)],
    ['65,535 sections', 'eif_section_count', (view) => view.setUint16(26, 65_535)],
    ['a section inside the header', 'eif_section_offset', (view) => view.setBigUint64(OFFSETS_AT, 0n)],
    ['two sections at one place', 'eif_section_offset', (view) => view.setBigUint64(OFFSETS_AT + 8, 548n)],
    [
      'a section that starts after the file',
      'eif_section_offset',
      (view) => view.setBigUint64(OFFSETS_AT + 8, 1n << 40n),
    ],
    [
      'an offset that overflows',
      'eif_section_offset',
      (view) => view.setBigUint64(OFFSETS_AT + 8, 2n ** 64n - 1n),
    ],
    [
      'a section that ends after the file',
      'eif_section_range',
      (view) => view.setBigUint64(SIZES_AT, 1n << 40n),
    ],
    ['a size that overflows', 'eif_section_range', (view) => view.setBigUint64(SIZES_AT, 2n ** 64n - 1n)],
    ['two sizes of one section', 'eif_section_header', (view) => view.setBigUint64(HEADER_BYTES + 4, 5n)],
    ['flags of a section', 'eif_section_header', (view) => view.setUint16(HEADER_BYTES + 2, 1)],
    ['a section of type 0', 'eif_section_type', (view) => view.setUint16(HEADER_BYTES, 0)],
    ['a section of type 6', 'eif_section_type', (view) => view.setUint16(HEADER_BYTES, 6)],
  ])('%s', async (_, code, edit) => {
    const bytes = genuine.slice();
    edit(new DataView(bytes.buffer));
    await refuses(withCrc(bytes), code);
  });

  it('bytes after the last section', async () => {
    await refuses(withCrc(concatBytes(genuine, Uint8Array.of(0))), 'eif_trailing_bytes');
  });

  it('a last section that the header does not count', async () => {
    const bytes = genuine.slice();
    const view = new DataView(bytes.buffer);
    view.setUint16(26, 4);
    view.setBigUint64(OFFSETS_AT + 8 * 4, 0n);
    view.setBigUint64(SIZES_AT + 8 * 4, 0n);
    await refuses(withCrc(bytes), 'eif_trailing_bytes');
  });

  it('any damaged byte', async () => {
    for (let at = 0; at < genuine.length; at++) {
      const reading = readEif(new Blob([genuine.with(at, genuine[at]! ^ 1)]));
      await expect(reading).rejects.toMatchObject({ name: 'EifError' });
    }
  });

  it('a wrong checksum, with both values', async () => {
    const last = genuine.length - 1;
    await expect(readEif(new Blob([genuine.with(last, genuine[last]! ^ 1)]))).rejects.toMatchObject({
      code: 'eif_crc',
      expected: expect.stringMatching(/^0x[0-9a-f]{8}$/),
      actual: expect.stringMatching(/^0x[0-9a-f]{8}$/),
    });
  });

  it.each<[string, string, [number, string][]]>([
    ['nothing at all', 'eif_part_missing', []],
    [
      'no kernel',
      'eif_part_missing',
      [
        [cmdline, 'c'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'no command line',
      'eif_part_missing',
      [
        [kernel, 'k'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'no ramdisk',
      'eif_part_missing',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, METADATA],
      ],
    ],
    [
      'two kernels',
      'eif_part_duplicate',
      [
        [kernel, 'k'],
        [kernel, 'k'],
        [cmdline, 'c'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'two command lines',
      'eif_part_duplicate',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [cmdline, 'c'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'two metadata',
      'eif_part_duplicate',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, METADATA],
        [metadata, METADATA],
        [ramdisk, 'r'],
      ],
    ],
    [
      'a kernel after a ramdisk',
      'eif_part_order',
      [
        [cmdline, 'c'],
        [ramdisk, 'r'],
        [kernel, 'k'],
      ],
    ],
    [
      'metadata between ramdisks',
      'eif_part_order',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [ramdisk, 'r'],
        [metadata, METADATA],
        [ramdisk, 'r'],
      ],
    ],
    [
      'an empty kernel',
      'eif_part_size',
      [
        [kernel, ''],
        [cmdline, 'c'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'an empty ramdisk',
      'eif_part_size',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [ramdisk, ''],
      ],
    ],
    [
      'a command line that the kernel would cut',
      'eif_part_size',
      [
        [kernel, 'k'],
        [cmdline, 'c'.repeat(2049)],
        [ramdisk, 'r'],
      ],
    ],
    [
      'a NUL in the command line',
      'eif_cmdline',
      [
        [kernel, 'k'],
        [cmdline, 'a\0b'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'metadata that is not JSON',
      'eif_metadata',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, '{'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'metadata that AWS could not read',
      'eif_metadata',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, METADATA.replace('CustomMetadata', 'Custom')],
        [ramdisk, 'r'],
      ],
    ],
    [
      'metadata without its maker',
      'eif_metadata',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, METADATA.replace('BuildTool"', 'Tool"')],
        [ramdisk, 'r'],
      ],
    ],
    [
      'metadata that is not an object',
      'eif_metadata',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, 'null'],
        [ramdisk, 'r'],
      ],
    ],
    [
      'metadata of 2 MiB',
      'eif_part_size',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [metadata, ' '.repeat(2 << 20)],
        [ramdisk, 'r'],
      ],
    ],
    [
      'a signature that is none',
      'eif_signature_malformed',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [ramdisk, 'r'],
        [signature, 'sig'],
      ],
    ],
    [
      'a signature of 1 MiB',
      'eif_part_size',
      [
        [kernel, 'k'],
        [cmdline, 'c'],
        [ramdisk, 'r'],
        [signature, 's'.repeat(1 << 20)],
      ],
    ],
  ])('%s', async (_, code, sections) => {
    await refuses(assemble(sections), code);
  });

  it('a command line that is not UTF-8', async () => {
    const bytes = assemble([
      [kernel, 'k'],
      [cmdline, 'c'],
      [ramdisk, 'r'],
    ]);
    bytes[HEADER_BYTES + 2 * SECTION_HEADER_BYTES + 1] = 0xff;
    await refuses(withCrc(bytes), 'eif_cmdline');
  });
});

describe('readEif() accepts', () => {
  it('an image without metadata', async () => {
    const image = await readEif(
      new Blob([
        assemble([
          [kernel, 'k'],
          [cmdline, ''],
          [ramdisk, 'r'],
        ]),
      ]),
    );
    expect(image).toMatchObject({ cmdline: '', architecture: 'x86_64' });
    expect(image).not.toHaveProperty('metadata');
  });
});

describe('encodeEif() refuses', () => {
  it.each([
    ['no ramdisk', 'eif_part_missing', { ramdisks: [] }],
    ['more sections than there are slots', 'eif_part_size', { ramdisks: Array(29).fill(new Blob(['r'])) }],
    ['a NUL in the command line', 'eif_cmdline', { cmdline: 'quiet\0' }],
    ['half a character in the command line', 'eif_cmdline', { cmdline: '\ud800' }],
    ['metadata that is a list', 'eif_metadata', { metadata: '[]' }],
    ['negative memory', 'eif_defaults', { defaultMemory: -1n }],
    [
      'a certificate that is too long',
      'eif_part_size',
      { signature: { certificate: 'A'.repeat(70_000), cose: new Uint8Array() } },
    ],
  ])('%s', async (_, code, parts) => {
    await expect(encodeEif(imageOf(parts))).rejects.toMatchObject({ code });
  });
});

async function refuses(bytes: Bytes, code: string): Promise<void> {
  await expect(readEif(new Blob([bytes]))).rejects.toMatchObject({ name: 'EifError', code });
}

/** An EIF of any sections, sound in all but what they are. */
function assemble(sections: [number, string][]): Bytes {
  const header = genuine.slice(0, HEADER_BYTES).fill(0, OFFSETS_AT);
  const view = new DataView(header.buffer);
  view.setUint16(26, sections.length);
  let end = HEADER_BYTES;
  const body = sections.flatMap(([type, content], index) => {
    view.setBigUint64(OFFSETS_AT + 8 * index, BigInt(end));
    view.setBigUint64(SIZES_AT + 8 * index, BigInt(content.length));
    end += SECTION_HEADER_BYTES + content.length;
    return [encodeSectionHeader(type, content.length), Buffer.from(content, 'latin1')];
  });
  return withCrc(concatBytes(header, ...body));
}
