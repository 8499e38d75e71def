import { crc32 } from 'node:zlib';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import {
  CRC_OFFSET,
  decodeHeader,
  decodeSectionHeader,
  HEADER_BYTES,
  type Header,
  refuse,
  SECTION_HEADER_BYTES,
  type Slot,
} from './header.ts';
import { checkImage, type Image, MAX_METADATA_BYTES } from './image.ts';
import { SECTION_ORDER, type Section, type SectionName, sectionName } from './sections.ts';
import { decodeSignature, MAX_SIGNATURE_BYTES } from './signature.ts';

/**
 * Reads an EIF, which may come from anybody.
 *
 * Some readers follow the header's offsets, others go from section to section. A file that these would read
 * differently is refused: sections follow each other without gap or overlap, in one order, to the end of the file.
 * Whatever is accepted, `encodeEif` turns back into the same bytes. The signature is decoded and not verified, which
 * is `measure`'s task. Memory does not grow with the file.
 *
 * @param file for example of `fs.openAsBlob`
 * @throws EifError `eif_*`
 */
export async function readEif(file: Blob): Promise<Image> {
  const header = decodeHeader(await bytesOf(file.slice(0, HEADER_BYTES)));
  const sections = await readSections(file, header.slots);
  await checkCrc(file, header.crc);
  checkOrder(sections.map(({ name }) => name));
  const image = await toImage(header, sections);
  checkImage(image);
  return image;
}

async function readSections(file: Blob, slots: Slot[]): Promise<Section[]> {
  const sections: Section[] = [];
  let end = HEADER_BYTES;
  for (const [index, { offset, size }] of slots.entries()) {
    if (offset !== BigInt(end))
      throw refuse('eif_section_offset', `section ${index} leaves a gap or overlaps`, end, offset);
    const rest = file.size - end - SECTION_HEADER_BYTES;
    if (size > rest)
      throw refuse('eif_section_range', `section ${index} ends after the file`, `at most ${rest}`, size);
    const start = end + SECTION_HEADER_BYTES;
    end = start + Number(size);
    const name = await readSectionHeader(file.slice(start - SECTION_HEADER_BYTES, start), index, size);
    sections.push({ name, content: file.slice(start, end) });
  }
  if (end !== file.size) throw refuse('eif_trailing_bytes', 'bytes follow the last section', end, file.size);
  return sections;
}

async function readSectionHeader(file: Blob, index: number, expectedSize: bigint): Promise<SectionName> {
  const { type, flags, size } = decodeSectionHeader(await bytesOf(file));
  if (size !== expectedSize)
    throw refuse(
      'eif_section_header',
      `section ${index} has another size than the header says`,
      expectedSize,
      size,
    );
  if (flags !== 0) throw refuse('eif_section_header', `section ${index} has unknown flags`, 0, flags);
  const name = sectionName(type);
  if (name === undefined)
    throw refuse('eif_section_type', `section ${index} is of unknown type`, '1 to 5', type);
  return name;
}

async function checkCrc(file: Blob, expected: number): Promise<void> {
  const actual = await eifCrc(file);
  if (actual !== expected)
    throw refuse('eif_crc', 'the checksum is wrong, the file was damaged', hex32(expected), hex32(actual));
}

/** CRC-32 over everything except the CRC itself (IEEE 802.3, as zlib). */
export async function eifCrc(file: Blob): Promise<number> {
  let crc = crc32(await bytesOf(file.slice(0, CRC_OFFSET)));
  for await (const chunk of file.slice(HEADER_BYTES).stream()) crc = crc32(chunk, crc);
  return crc;
}

function checkOrder(names: SectionName[]): void {
  names.forEach((name, index) => {
    const before = names[index - 1];
    if (name !== 'ramdisk' && names.indexOf(name) !== index)
      throw refuse('eif_part_duplicate', `there is more than one ${name}`);
    if (before && SECTION_ORDER.indexOf(before) > SECTION_ORDER.indexOf(name))
      throw refuse('eif_part_order', `${name} after ${before}`, SECTION_ORDER.join(', '), names.join(', '));
  });
}

async function toImage(
  { architecture, defaultMemory, defaultCpus }: Header,
  sections: Section[],
): Promise<Image> {
  const all = (name: SectionName) => sections.filter((section) => section.name === name);
  const content = (name: SectionName) => all(name)[0]?.content;
  const [kernel, cmdline] = [content('kernel'), content('cmdline')];
  const [metadata, signature] = [content('metadata'), content('signature')];
  if (kernel === undefined) throw refuse('eif_part_missing', 'it has no kernel');
  if (cmdline === undefined) throw refuse('eif_part_missing', 'it has no command line');
  return {
    architecture,
    defaultMemory,
    defaultCpus,
    kernel,
    cmdline: await textOf(cmdline, 'eif_cmdline', 'command line'),
    ...(metadata && { metadata: await textOf(metadata, 'eif_metadata', 'metadata') }),
    ramdisks: all('ramdisk').map((section) => section.content),
    ...(signature && {
      signature: decodeSignature(await limited(signature, MAX_SIGNATURE_BYTES, 'signature')),
    }),
  };
}

async function textOf(part: Blob, code: 'eif_cmdline' | 'eif_metadata', name: string): Promise<string> {
  const bytes = await limited(part, MAX_METADATA_BYTES, name);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refuse(code, `the ${name} is not UTF-8`, undefined, undefined, cause);
  }
}

async function limited(part: Blob, limit: number, name: string): Promise<Bytes> {
  if (part.size > limit)
    throw refuse('eif_part_size', `the ${name} is too long`, `at most ${limit}`, part.size);
  return bytesOf(part);
}

async function bytesOf(part: Blob): Promise<Bytes> {
  return new Uint8Array(await part.arrayBuffer());
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
