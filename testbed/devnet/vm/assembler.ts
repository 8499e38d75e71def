import { BcsError } from './bcs.ts';
import type { Instruction, SignatureToken } from './bytecode.ts';
import type { MoveFunction } from './function.ts';
import { metered } from './gas/instructions.ts';
import { RULES } from './instructions/table.ts';
import type { LinkedModule } from './linked-module.ts';
import { MAX_STACK, type Step } from './machine.ts';
import { abilitiesOf, type IntegerKind, isReference, type Type, type TypeTable } from './type.ts';
import { VmError } from './types.ts';
import type { Value } from './value.ts';

/** Types one instruction against the stack and yields what it does; the operand is the one in the bytecode. */
export type Rule<Operand = never> = (assembler: Assembler, operand: Operand) => Step;

/** Instructions after which control does not fall through with values on the stack. */
const BLOCK_ENDS = new Set(['Branch', 'BrTrue', 'BrFalse', 'Ret', 'Abort', 'VariantSwitch']);

const INTEGERS = new Set<string>(['u8', 'u16', 'u32', 'u64', 'u128', 'u256']);

/**
 * Decodes the body of a function.
 *
 * The binary format leaves out operand types (`Add` says nothing of its width), so they are inferred by following the
 * stack; Move requires it to be empty between basic blocks, hence one pass suffices. Types that do not fit are refused.
 *
 * @throws {VmError} `PublishError` if the code is not well typed or uses an unknown instruction
 */
export function assemble(fn: MoveFunction): Step[] {
  const body = fn.definition.code!;
  const assembler = new Assembler(fn);
  const targets = branchTargets(fn);
  return body.code.map((instruction, at) => {
    if (targets.has(at)) assembler.expectEmptyStack();
    const [name, operand] = decode(instruction);
    const rule = Object.hasOwn(RULES, name) ? RULES[name]! : undefined;
    if (!rule) throw assembler.error(`instruction ${name} is not supported`);
    const step = metered(assembler, name, operand, () => rule(assembler, operand as never));
    if (BLOCK_ENDS.has(name)) assembler.expectEmptyStack();
    return step;
  });
}

function decode(instruction: Instruction): [string, unknown] {
  if (typeof instruction === 'string') return [instruction, undefined];
  return Object.entries(instruction)[0]!;
}

function branchTargets(fn: MoveFunction): Set<number> {
  const { code, jump_tables } = fn.definition.code!;
  const targets = new Set(jump_tables.flatMap((table) => table.jump_table.Full));
  for (const instruction of code) {
    const [name, operand] = decode(instruction);
    if (['Branch', 'BrTrue', 'BrFalse'].includes(name)) targets.add(operand as number);
  }
  return targets;
}

/** The types on the operand stack while one function is decoded. */
export class Assembler {
  readonly fn: MoveFunction;
  readonly module: LinkedModule;
  readonly types: TypeTable;
  readonly locals: readonly Type[];
  readonly #stack: Type[] = [];

  constructor(fn: MoveFunction) {
    this.fn = fn;
    this.module = fn.module;
    this.types = fn.module.loader.types;
    this.locals = [...fn.parameters, ...fn.module.signature(fn.definition.code!.locals)];
  }

  push(...types: readonly Type[]): void {
    this.#stack.push(...types);
    if (this.#stack.length > MAX_STACK) throw this.error(`more than ${MAX_STACK} values are on the stack`);
  }

  /** Values on the stack. */
  get height(): number {
    return this.#stack.length;
  }

  /** The type of the value that lies so deep under the top of the stack. */
  peek(depth: number): Type {
    const type = this.#stack.at(-1 - depth);
    if (!type) throw this.error('the stack is empty');
    return type;
  }

  pop(): Type {
    const type = this.#stack.pop();
    if (!type) throw this.error('the stack is empty');
    return type;
  }

  /** Pops values of exactly these types, the last one from the top. */
  expect(...types: readonly Type[]): void {
    for (const type of types.toReversed()) {
      const actual = this.pop();
      if (actual !== type) throw this.error(`found ${actual.name}, expected ${type.name}`);
    }
  }

  popInteger(): Type & { kind: IntegerKind } {
    const type = this.pop();
    if (!INTEGERS.has(type.kind)) throw this.error(`found ${type.name}, expected an integer`);
    return type as Type & { kind: IntegerKind };
  }

  /** Pops a reference, one that may be written through if `mutable`. @returns its target */
  popReference(mutable: boolean): Type {
    const type = this.pop();
    if (mutable ? type.kind !== 'mutable' : !isReference(type)) {
      throw this.error(`found ${type.name}, expected a ${mutable ? 'mutable ' : ''}reference`);
    }
    return type.arguments[0]!;
  }

  /** Pops a reference to exactly `target`. */
  expectReference(target: Type, mutable: boolean): void {
    const actual = this.popReference(mutable);
    if (actual !== target) throw this.error(`found a reference to ${actual.name}, expected ${target.name}`);
  }

  expectEmptyStack(): void {
    if (this.#stack.length > 0) throw this.error('values are left between basic blocks');
  }

  requireAbility(type: Type, ability: number): void {
    if ((abilitiesOf(type, this.fn.constraints) & ability) === 0) {
      throw this.error(`${type.name} lacks a required ability`);
    }
  }

  local(index: number): Type {
    const type = this.locals[index];
    if (!type) throw this.error(`there is no local ${index}`);
    return type;
  }

  /** How many parameters the function has that a call instruction names. */
  parametersOf(call: string, operand: number): number {
    const { function_instantiations } = this.module.bytecode;
    const handle = call === 'Call' ? operand : function_instantiations[operand]!.handle;
    return this.module.functionOf(handle).parameters.length;
  }

  /** A constant of the module. */
  constant(index: number): { type: Type; value: Value } {
    const { type_, data } = this.module.bytecode.constant_pool[index]!;
    const type = this.type(type_);
    try {
      return { type, value: this.module.loader.codec.decode(type, Uint8Array.from(data)) };
    } catch (cause) {
      if (!(cause instanceof BcsError)) throw cause;
      throw this.error(`a constant is no ${type.name}: ${cause.message}`);
    }
  }

  /** The only type of a signature, as vector instructions name their element. */
  elementType(signature: number): Type {
    const tokens = this.module.bytecode.signatures[signature]!;
    if (tokens.length !== 1) throw this.error('a vector has one type of elements');
    return this.type(tokens[0]!);
  }

  /** A struct or enum with its type arguments. */
  datatype(handle: number, args: readonly Type[]): Type {
    const datatype = this.module.datatypeOf(handle);
    if (datatype.parameters.length !== args.length)
      throw this.error(`${datatype.name} is used with ${args.length} type arguments`);
    return this.types.datatype(datatype, args);
  }

  type(token: SignatureToken): Type {
    return this.module.type(token);
  }

  error(reason: string): VmError {
    const { address, name } = this.module.id;
    return new VmError('PublishError', `Cannot verify ${address}::${name}::${this.fn.name}: ${reason}`);
  }
}
