import type { Rule } from '../assembler.ts';
import { ABILITY, PRIMITIVES } from '../type.ts';
import { equalValues } from '../value.ts';

/** Comparisons and boolean logic. */
export const COMPARISON: Record<string, Rule> = {
  Lt: ordering((left, right) => left < right),
  Gt: ordering((left, right) => left > right),
  Le: ordering((left, right) => left <= right),
  Ge: ordering((left, right) => left >= right),
  Eq: equality(true),
  Neq: equality(false),
  And: logic((left, right) => left && right),
  Or: logic((left, right) => left || right),
  Not: (assembler) => {
    assembler.expect(PRIMITIVES.bool);
    assembler.push(PRIMITIVES.bool);
    return (machine) => machine.push(!machine.pop());
  },
};

function ordering(compare: (left: number | bigint, right: number | bigint) => boolean): Rule {
  return (assembler) => {
    const type = assembler.popInteger();
    assembler.expect(type);
    assembler.push(PRIMITIVES.bool);
    return ({ stack }) => {
      const right = stack.pop() as number | bigint;
      stack.push(compare(stack.pop() as number | bigint, right));
    };
  };
}

function equality(wanted: boolean): Rule {
  return (assembler) => {
    const type = assembler.pop();
    assembler.expect(type);
    assembler.requireAbility(type, ABILITY.drop);
    assembler.push(PRIMITIVES.bool);
    return (machine) => {
      const right = machine.pop();
      machine.push(equalValues(machine.pop(), right) === wanted);
    };
  };
}

function logic(operation: (left: boolean, right: boolean) => boolean): Rule {
  return (assembler) => {
    assembler.expect(PRIMITIVES.bool, PRIMITIVES.bool);
    assembler.push(PRIMITIVES.bool);
    return ({ stack }) => {
      const right = stack.pop() as boolean;
      stack.push(operation(stack.pop() as boolean, right));
    };
  };
}
