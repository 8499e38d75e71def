import { encodeHeader, encodeSectionHeader, HEADER_BYTES, SECTION_HEADER_BYTES } from './header.ts';
import { checkImage, type Image } from './image.ts';
import { eifCrc } from './read.ts';
import { SECTION_TYPES, type Section } from './sections.ts';
import { encodeSignature } from './signature.ts';

/**
 * An image as the file that `nitro-cli run-enclave` and QEMU's `nitro-enclave` machine boot.
 *
 * The same image gives the same bytes, whoever encodes it and whenever.
 *
 * @returns a blob over the parts, for `fs.writeFile(path, blob.stream())`; its memory does not grow with them
 * @throws EifError `eif_part_*`, `eif_cmdline` or `eif_metadata`
 */
export async function encodeEif(image: Image): Promise<Blob> {
  checkImage(image);
  const sections = sectionsOf(image);
  const body = sections.flatMap(({ name, content }) => [
    encodeSectionHeader(SECTION_TYPES[name], content.size),
    content,
  ]);
  const withCrc = (crc: number) =>
    new Blob([encodeHeader({ ...image, slots: slotsOf(sections), crc }), ...body]);
  return withCrc(await eifCrc(withCrc(0)));
}

function sectionsOf({ kernel, cmdline, metadata, ramdisks, signature }: Image): Section[] {
  const sections: Section[] = [
    { name: 'kernel', content: kernel },
    { name: 'cmdline', content: new Blob([cmdline]) },
  ];
  if (metadata !== undefined) sections.push({ name: 'metadata', content: new Blob([metadata]) });
  for (const content of ramdisks) sections.push({ name: 'ramdisk', content });
  if (signature) sections.push({ name: 'signature', content: new Blob([encodeSignature(signature)]) });
  return sections;
}

function slotsOf(sections: Section[]) {
  let end = HEADER_BYTES;
  return sections.map(({ content: { size } }) => {
    const offset = end;
    end += SECTION_HEADER_BYTES + size;
    return { offset: BigInt(offset), size: BigInt(size) };
  });
}
