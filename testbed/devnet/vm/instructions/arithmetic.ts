import type { Assembler, Rule } from '../assembler.ts';
import type { Step } from '../machine.ts';
import { type IntegerKind, PRIMITIVES } from '../type.ts';
import type { Value } from '../value.ts';
import { arithmeticError, bitsOf, isSmall, maxOf, ofKind } from './integers.ts';

type Operation<T> = (left: T, right: T) => T;

/** Integer arithmetic; what does not fit is a fault, never a wrap. */
export const ARITHMETIC: Record<string, Rule> = {
  Add: checked(
    (left, right) => left + right,
    (left, right) => left + right,
  ),
  Sub: checked(
    (left, right) => left - right,
    (left, right) => left - right,
  ),
  // A product of two 32-bit numbers may be inexact, but only when it is far out of range.
  Mul: checked(
    (left, right) => left * right,
    (left, right) => left * right,
  ),
  Div: checked(
    (left, right) => Math.floor(left / nonZero(right)),
    (left, right) => left / nonZero(right),
  ),
  Mod: checked(
    (left, right) => left % nonZero(right),
    (left, right) => left % nonZero(right),
  ),
  BitOr: checked(
    (left, right) => (left | right) >>> 0,
    (left, right) => left | right,
  ),
  BitAnd: checked(
    (left, right) => (left & right) >>> 0,
    (left, right) => left & right,
  ),
  Xor: checked(
    (left, right) => (left ^ right) >>> 0,
    (left, right) => left ^ right,
  ),
  Shl: shift((value, count, max) => (value << count) & max),
  Shr: shift((value, count) => value >> count),
  CastU8: cast('u8'),
  CastU16: cast('u16'),
  CastU32: cast('u32'),
  CastU64: cast('u64'),
  CastU128: cast('u128'),
  CastU256: cast('u256'),
};

function nonZero<T extends number | bigint>(divisor: T): T {
  if (divisor === 0 || divisor === 0n) throw arithmeticError('division by zero');
  return divisor;
}

/** Two integers of one kind to a third of that kind, on numbers or on bigints. */
function checked(small: Operation<number>, large: Operation<bigint>): Rule {
  return (assembler) => {
    const type = assembler.popInteger();
    assembler.expect(type);
    assembler.push(type);
    return isSmall(type.kind)
      ? binary(small, 0, Number(maxOf(type.kind)), type.kind)
      : binary(large, 0n, maxOf(type.kind), type.kind);
  };
}

function binary<T extends number | bigint>(operation: Operation<T>, min: T, max: T, kind: IntegerKind): Step {
  return ({ stack }) => {
    const right = stack.pop() as T;
    const result = operation(stack.pop() as T, right);
    if (result < min || result > max) throw arithmeticError(`result does not fit in ${kind}`);
    stack.push(result as Value);
  };
}

/** Bits shifted out are lost; shifting by the width or more is a fault. */
function shift(operation: (value: bigint, count: bigint, max: bigint) => bigint): Rule {
  return (assembler: Assembler) => {
    assembler.expect(PRIMITIVES.u8);
    const { kind } = assembler.popInteger();
    assembler.push(PRIMITIVES[kind]);
    const bits = bitsOf(kind);
    const max = maxOf(kind);
    return ({ stack }) => {
      const count = stack.pop() as number;
      if (count >= bits) throw arithmeticError(`shift of ${kind} by ${count}`);
      stack.push(ofKind(kind, operation(BigInt(stack.pop() as number | bigint), BigInt(count), max)));
    };
  };
}

function cast(target: IntegerKind): Rule {
  const max = maxOf(target);
  return (assembler) => {
    assembler.popInteger();
    assembler.push(PRIMITIVES[target]);
    return ({ stack }) => {
      const value = BigInt(stack.pop() as number | bigint);
      if (value > max) throw arithmeticError(`${value} does not fit in ${target}`);
      stack.push(ofKind(target, value));
    };
  };
}
