import type { Assembler, Rule } from '../assembler.ts';
import { MAX_STACK, primitiveError, type Step } from '../machine.ts';
import { PRIMITIVES, type Type } from '../type.ts';
import { Reference, type Value } from '../value.ts';

/** Instructions on vectors; the operand names the element type. */
export const VECTORS: Record<string, Rule> = {
  VecPack: (assembler, [signature, length]: [number, bigint]) => {
    const element = assembler.elementType(signature);
    const count = countOf(assembler, length);
    assembler.expect(...Array<Type>(count).fill(element));
    assembler.push(assembler.types.vector(element));
    return ({ stack }) => {
      stack.push(stack.splice(stack.length - count));
    };
  },
  VecUnpack: (assembler, [signature, length]: [number, bigint]) => {
    const element = assembler.elementType(signature);
    const count = countOf(assembler, length);
    assembler.expect(assembler.types.vector(element));
    assembler.push(...Array<Type>(count).fill(element));
    return ({ stack }) => {
      const items = stack.pop() as Value[];
      if (items.length !== count) throw vectorError(`vector has ${items.length} elements, expected ${count}`);
      stack.push(...items);
    };
  },
  VecLen: (assembler, signature: number) => {
    popVector(assembler, signature, false);
    assembler.push(PRIMITIVES.u64);
    return ({ stack }) => {
      stack.push(BigInt(target(stack).length));
    };
  },
  VecImmBorrow: (assembler, signature: number) => borrow(assembler, signature, false),
  VecMutBorrow: (assembler, signature: number) => borrow(assembler, signature, true),
  VecPushBack: (assembler, signature: number) => {
    assembler.expect(assembler.elementType(signature));
    popVector(assembler, signature, true);
    return ({ stack }) => {
      const value = stack.pop()!;
      target(stack).push(value);
    };
  },
  VecPopBack: (assembler, signature: number) => {
    assembler.push(popVector(assembler, signature, true));
    return ({ stack }) => {
      const value = target(stack).pop();
      if (value === undefined) throw vectorError('vector is empty');
      stack.push(value);
    };
  },
  VecSwap: (assembler, signature: number) => {
    assembler.expect(PRIMITIVES.u64, PRIMITIVES.u64);
    popVector(assembler, signature, true);
    return ({ stack }) => {
      const right = stack.pop() as bigint;
      const left = stack.pop() as bigint;
      const items = target(stack);
      const [first, second] = [checkIndex(items, left), checkIndex(items, right)];
      [items[first], items[second]] = [items[second]!, items[first]!];
    };
  },
};

function popVector(assembler: Assembler, signature: number, mutable: boolean): Type {
  const element = assembler.elementType(signature);
  assembler.expectReference(assembler.types.vector(element), mutable);
  return element;
}

function borrow(assembler: Assembler, signature: number, mutable: boolean): Step {
  assembler.expect(PRIMITIVES.u64);
  const element = popVector(assembler, signature, mutable);
  assembler.push(assembler.types[mutable ? 'mutable' : 'reference'](element));
  return ({ stack }) => {
    const index = stack.pop() as bigint;
    const items = target(stack);
    stack.push(new Reference(items, checkIndex(items, index)));
  };
}

function target(stack: Value[]): Value[] {
  return (stack.pop() as Reference).value as Value[];
}

function checkIndex(items: Value[], index: bigint): number {
  if (index >= BigInt(items.length)) throw vectorError(`index ${index} in a vector of ${items.length}`);
  return Number(index);
}

function vectorError(reason: string): Error {
  return primitiveError('VECTOR_OPERATION_ERROR', reason);
}

/** @throws {VmError} `PublishError` when so many values cannot be on the stack */
function countOf(assembler: Assembler, length: bigint): number {
  if (length > MAX_STACK) throw assembler.error(`a vector of ${length} values from or to the stack`);
  return Number(length);
}
