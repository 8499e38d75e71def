import type { Assembler, Rule } from '../assembler.ts';
import { abort, type Step } from '../machine.ts';
import { PRIMITIVES } from '../type.ts';
import type { Reference, Variant } from '../value.ts';

/** Branches, return and abort. */
export const CONTROL: Record<string, Rule> = {
  Branch: (assembler, target: number) => {
    checkTarget(assembler, target);
    return (machine) => {
      machine.frame.pc = target;
    };
  },
  BrTrue: (assembler, target: number) => branchIf(assembler, target, true),
  BrFalse: (assembler, target: number) => branchIf(assembler, target, false),
  VariantSwitch: (assembler, table: number) => {
    const targets = assembler.fn.definition.code!.jump_tables[table]!.jump_table.Full;
    for (const target of targets) checkTarget(assembler, target);
    const { datatype } = assembler.popReference(false);
    if (datatype?.variants?.length !== targets.length)
      throw assembler.error('jump table does not fit the enum');
    return (machine) => {
      const { value } = machine.pop() as Reference;
      machine.frame.pc = targets[(value as Variant).tag]!;
    };
  },
  Ret: (assembler) => {
    assembler.expect(...assembler.fn.returns);
    return (machine) => machine.leave();
  },
  Abort: (assembler) => {
    assembler.expect(PRIMITIVES.u64);
    return (machine) => {
      throw abort(machine.pop() as bigint);
    };
  },
};

function branchIf(assembler: Assembler, target: number, condition: boolean): Step {
  checkTarget(assembler, target);
  assembler.expect(PRIMITIVES.bool);
  return (machine) => {
    if (machine.pop() === condition) machine.frame.pc = target;
  };
}

function checkTarget(assembler: Assembler, target: number): void {
  if (target >= assembler.fn.definition.code!.code.length)
    throw assembler.error(`branch to ${target} leaves the code`);
}
