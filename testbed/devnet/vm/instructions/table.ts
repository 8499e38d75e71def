import type { Rule } from '../assembler.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { CALLS } from './calls.ts';
import { COMPARISON } from './comparison.ts';
import { CONSTANTS } from './constants.ts';
import { CONTROL } from './control.ts';
import { ENUMS } from './enums.ts';
import { LOCALS } from './locals.ts';
import { STRUCTS } from './structs.ts';
import { VECTORS } from './vectors.ts';

/** Every instruction that the compiler emits, by its name in the binary format. Global storage is not among them. */
export const RULES: Record<string, Rule> = {
  ...CONSTANTS,
  ...LOCALS,
  ...ARITHMETIC,
  ...COMPARISON,
  ...CONTROL,
  ...CALLS,
  ...STRUCTS,
  ...ENUMS,
  ...VECTORS,
};
