import { INTEGER_BYTES } from '../bcs.ts';
import { primitiveError } from '../machine.ts';
import type { IntegerKind } from '../type.ts';
import type { Value } from '../value.ts';

/** Whether values of the kind are numbers rather than bigints. */
export function isSmall(kind: IntegerKind): kind is 'u8' | 'u16' | 'u32' {
  return INTEGER_BYTES[kind] <= 4;
}

export function bitsOf(kind: IntegerKind): number {
  return INTEGER_BYTES[kind] * 8;
}

/** The largest value, as a bigint. */
export function maxOf(kind: IntegerKind): bigint {
  return (1n << BigInt(bitsOf(kind))) - 1n;
}

/** An integer in the form that its kind has at run time. */
export function ofKind(kind: IntegerKind, value: bigint): Value {
  return isSmall(kind) ? Number(value) : value;
}

export function arithmeticError(reason: string): Error {
  return primitiveError('ARITHMETIC_ERROR', reason);
}
