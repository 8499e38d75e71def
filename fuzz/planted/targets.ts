import type { Target } from '../fuzzer.ts';
import { BYTE_MUTATORS } from '../mutate.ts';
import { crashes, neverEnds, takesMemory } from './bugs.ts';

const common = { seeds: [new Uint8Array(8)], mutators: BYTE_MUTATORS };

/** Targets that are broken on purpose, to see that the fuzzer notices. */
export const TARGETS: readonly Target[] = [
  { ...common, name: 'crash', run: crashes },
  { ...common, name: 'hang', run: neverEnds },
  { ...common, name: 'memory', run: takesMemory },
];
