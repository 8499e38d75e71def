import type { Assembler, Rule } from '../assembler.ts';
import type { Machine, Step } from '../machine.ts';
import { ABILITY, isReference, type Type } from '../type.ts';
import { VmError } from '../types.ts';
import { copyValue, Reference, type Value } from '../value.ts';

/** Instructions on local variables and on what references point to. */
export const LOCALS: Record<string, Rule> = {
  CopyLoc: (assembler, index: number) => {
    const type = assembler.local(index);
    assembler.requireAbility(type, ABILITY.copy);
    assembler.push(type);
    if (isScalar(type)) return (machine) => machine.push(present(machine.frame.locals[index]));
    return (machine) => pushCopy(machine, present(machine.frame.locals[index]));
  },
  MoveLoc: (assembler, index: number) => {
    assembler.push(assembler.local(index));
    return ({ frame, stack }) => {
      stack.push(present(frame.locals[index]));
      frame.locals[index] = MOVED;
    };
  },
  StLoc: (assembler, index: number) => {
    assembler.expect(assembler.local(index));
    return (machine) => {
      machine.frame.locals[index] = machine.pop();
    };
  },
  MutBorrowLoc: (assembler, index: number) => borrowLocal(assembler, index, 'mutable'),
  ImmBorrowLoc: (assembler, index: number) => borrowLocal(assembler, index, 'reference'),
  FreezeRef: (assembler) => {
    assembler.push(assembler.types.reference(assembler.popReference(true)));
    return () => {};
  },
  ReadRef: (assembler) => {
    const type = assembler.popReference(false);
    assembler.requireAbility(type, ABILITY.copy);
    assembler.push(type);
    return (machine) => pushCopy(machine, (machine.pop() as Reference).value);
  },
  WriteRef: (assembler) => {
    const type = assembler.popReference(true);
    assembler.requireAbility(type, ABILITY.drop);
    assembler.expect(type);
    return (machine) => {
      const reference = machine.pop() as Reference;
      reference.value = machine.pop();
    };
  },
  Pop: (assembler) => {
    assembler.requireAbility(assembler.pop(), ABILITY.drop);
    return (machine) => void machine.pop();
  },
  Nop: () => () => {},
};

/** Marks a local that was moved out of or not yet assigned. */
const MOVED = undefined as unknown as Value;

function present(value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new VmError('InvariantViolation', 'Cannot read local: it holds no value');
}

function isScalar(type: Type): boolean {
  return isReference(type) || !['vector', 'datatype', 'parameter'].includes(type.kind);
}

function pushCopy(machine: Machine, value: Value): void {
  machine.push(copyValue(value));
}

function borrowLocal(assembler: Assembler, index: number, kind: 'reference' | 'mutable'): Step {
  const type = assembler.local(index);
  if (isReference(type)) throw assembler.error(`local ${index} is itself a reference`);
  assembler.push(assembler.types[kind](type));
  return (machine) => {
    present(machine.frame.locals[index]);
    machine.push(new Reference(machine.frame.locals, index));
  };
}
