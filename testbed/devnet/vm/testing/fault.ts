import { RULES } from '../instructions/table.ts';
import { type Machine, primitiveError } from '../machine.ts';
import { NATIVES } from '../natives/table.ts';
import type { Value } from '../value.ts';

/**
 * Runs `work` while one instruction does something else: a number or truth value that it leaves is another, where it
 * leaves none it stops the program, and what stops the program anyway does so with another error.
 *
 * @returns what `work` does; true when it ends in an error that is none of Move's
 */
export function withFault(instruction: string, work: () => boolean): boolean {
  const rule = RULES[instruction]!;
  RULES[instruction] = (assembler, operand) => {
    const step = rule(assembler, operand);
    return (machine) => {
      try {
        step(machine);
      } catch {
        throw planted();
      }
      spoil(machine);
    };
  };
  try {
    return work();
  } catch {
    return true;
  } finally {
    RULES[instruction] = rule;
  }
}

/** The same for one native, whose result is another, or which stops the program. */
export function withNativeFault(path: string, work: () => boolean): boolean {
  const native = NATIVES.get(path)!;
  NATIVES.set(path, (operands, context) => {
    let result: Value | undefined;
    try {
      result = native(operands, context);
    } catch {
      throw planted();
    }
    const other = result === undefined ? undefined : another(result);
    if (other === undefined) throw planted();
    return other;
  });
  try {
    return work();
  } catch {
    return true;
  } finally {
    NATIVES.set(path, native);
  }
}

function spoil({ stack }: Machine): void {
  const top = stack.at(-1);
  const other = top === undefined ? undefined : another(top);
  if (other === undefined) throw planted();
  stack[stack.length - 1] = other;
}

function planted(): Error {
  return primitiveError('ARITHMETIC_ERROR', 'a planted fault');
}

function another(value: Value): Value | undefined {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value ^ 1;
  if (typeof value === 'bigint') return value ^ 1n;
  if (typeof value === 'string') return `${value.slice(0, -1)}${value.endsWith('1') ? '2' : '1'}`;
  return undefined;
}
