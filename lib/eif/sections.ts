/** The types of sections by their names (`EifSectionType` in AWS's `src/defs/mod.rs`). */
export const SECTION_TYPES = { kernel: 1, cmdline: 2, ramdisk: 3, signature: 4, metadata: 5 } as const;

export type SectionName = keyof typeof SECTION_TYPES;

/** The order in which AWS's tool writes them, and the only one accepted: PCRs depend on it. */
export const SECTION_ORDER: SectionName[] = ['kernel', 'cmdline', 'metadata', 'ramdisk', 'signature'];

export interface Section {
  name: SectionName;
  content: Blob;
}

/** The name of a section's type; undefined when there is no such type. */
export function sectionName(type: number): SectionName | undefined {
  return SECTION_ORDER.find((name) => SECTION_TYPES[name] === type);
}
