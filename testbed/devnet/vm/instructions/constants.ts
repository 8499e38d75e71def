import type { Assembler, Rule } from '../assembler.ts';
import { readInteger } from '../bcs.ts';
import type { Step } from '../machine.ts';
import { PRIMITIVES, type Type } from '../type.ts';
import { copyValue, type Value } from '../value.ts';

/** Instructions that put a value from the code onto the stack. */
export const CONSTANTS: Record<string, Rule> = {
  LdTrue: (assembler) => load(assembler, PRIMITIVES.bool, true),
  LdFalse: (assembler) => load(assembler, PRIMITIVES.bool, false),
  LdU8: (assembler, value: number) => load(assembler, PRIMITIVES.u8, value),
  LdU16: (assembler, value: number) => load(assembler, PRIMITIVES.u16, value),
  LdU32: (assembler, value: number) => load(assembler, PRIMITIVES.u32, value),
  LdU64: (assembler, value: bigint) => load(assembler, PRIMITIVES.u64, BigInt(value)),
  LdU128: (assembler, value: string) => load(assembler, PRIMITIVES.u128, BigInt(value)),
  LdU256: (assembler, value: number[]) =>
    load(assembler, PRIMITIVES.u256, readInteger(Uint8Array.from(value))),
  LdConst: (assembler, index: number) => {
    const { type, value } = assembler.constant(index);
    return load(assembler, type, value);
  },
};

function load(assembler: Assembler, type: Type, value: Value): Step {
  assembler.push(type);
  return (machine) => machine.push(copyValue(value));
}
