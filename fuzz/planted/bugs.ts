/** Four bytes in a row: blind mutation would need 2^32 tries, guided by coverage it is four small steps. */
export function crashes(input: Uint8Array): void {
  if (input[0] === 0x64)
    if (input[1] === 0x61) if (input[2] === 0x61) if (input[3] === 0x73) throw new Error('bug');
}

export function neverEnds(input: Uint8Array): void {
  while (input[0] === 0x64);
}

/** Buffers, which no limit on the heap of a thread counts. */
export function takesMemory(input: Uint8Array): void {
  const taken: Uint8Array[] = [];
  while (input[0] === 0x64) taken.push(new Uint8Array(1 << 24).fill(1));
}
