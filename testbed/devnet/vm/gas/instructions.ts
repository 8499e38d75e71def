import type { Assembler } from '../assembler.ts';
import type { Codec } from '../bcs.ts';
import { Instantiation } from '../instantiation.ts';
import type { Machine, Step } from '../machine.ts';
import type { Type } from '../type.ts';
import type { Reference, Value } from '../value.ts';
import { deepSizerOf, REFERENCE, sizerOf } from './size.ts';

/** What one instruction is charged for, as in `gas_meter.rs` of `sui-adapter`. */
interface Cost {
  pops: number;
  pushes: number;
  /** Abstract size of what it pushes; a function where that depends on the values. */
  size: number | ((machine: Machine) => number);
}

/** Any integer and any truth value, whatever their widths: Move's legacy size of a primitive type. */
const SCALAR = 1;
const STRUCT = 2;
const VECTOR = 8;

/** Instructions that always cost the same: what they pop, what they push, and its size. */
const FIXED: Record<string, [pops: number, pushes: number, size: number]> = {
  ...each(['Nop', 'Ret', 'Branch'], [0, 0, 0]),
  ...each(['BrTrue', 'BrFalse', 'Abort', 'VariantSwitch', 'Pop', 'StLoc'], [1, 0, 0]),
  ...each(['LdU8', 'LdU16', 'LdU32', 'LdU64', 'LdU128', 'LdU256', 'LdTrue', 'LdFalse'], [0, 1, SCALAR]),
  ...each(['CastU8', 'CastU16', 'CastU32', 'CastU64', 'CastU128', 'CastU256', 'Not'], [1, 1, SCALAR]),
  ...each(['Add', 'Sub', 'Mul', 'Mod', 'Div', 'BitOr', 'BitAnd', 'Xor', 'Shl', 'Shr'], [2, 1, SCALAR]),
  ...each(['Or', 'And', 'Lt', 'Gt', 'Le', 'Ge'], [2, 1, SCALAR]),
  ...each(['MoveLoc', 'ImmBorrowLoc', 'MutBorrowLoc'], [0, 1, REFERENCE]),
  ...each(['FreezeRef', 'ImmBorrowField', 'MutBorrowField'], [1, 1, REFERENCE]),
  ...each(['ImmBorrowFieldGeneric', 'MutBorrowFieldGeneric'], [1, 1, REFERENCE]),
  VecLen: [1, 1, SCALAR],
  ...each(['VecImmBorrow', 'VecMutBorrow'], [2, 1, REFERENCE]),
  VecPushBack: [2, 0, 0],
  VecPopBack: [1, 1, 0],
  VecSwap: [3, 0, 0],
};

/** Instructions that make one value of many; its parts were paid for already. */
const GATHERING: Record<string, number> = {
  Pack: STRUCT,
  PackGeneric: STRUCT,
  PackVariant: STRUCT,
  PackVariantGeneric: STRUCT,
  VecPack: VECTOR,
};

/** The others that take one value apart are named `Unpack…`. */
const VECTOR_SPREADING = 'VecUnpack';

/** Sizes that depend on values, asked for before the instruction runs. */
const SIZES: Record<string, (assembler: Assembler, operand: number) => Cost['size']> = {
  CopyLoc: (assembler, index) => {
    const sizeOf = sizing(assembler, assembler.local(index), sizerOf);
    return (machine) => sizeOf(machine, machine.frame.locals[index]!);
  },
  ReadRef: (assembler) => {
    const sizeOf = sizing(assembler, assembler.peek(0), deepSizerOf);
    return (machine) => sizeOf(machine, machine.stack.at(-1)!);
  },
  WriteRef: (assembler) => {
    const sizeOf = sizing(assembler, assembler.peek(1), sizerOf);
    return (machine) => sizeOf(machine, machine.stack.at(-2)!);
  },
  Eq: comparison,
  Neq: comparison,
  LdConst: (assembler, index) => {
    const { type, value } = assembler.constant(index);
    return sizerOf(assembler.module.loader.codec, type)(value);
  },
};
const POPS: Record<string, number> = { CopyLoc: 0, LdConst: 0, ReadRef: 1, WriteRef: 2, Eq: 2, Neq: 2 };

/** Makes an instruction and lets it be charged for, before it does anything. `make` types it against the stack. */
export function metered(assembler: Assembler, name: string, operand: unknown, make: () => Step): Step {
  const size = SIZES[name]?.(assembler, operand as number);
  const height = assembler.height;
  const step = make();
  const { pops, pushes, size: pushed } = costOf(assembler, name, operand, assembler.height - height, size);
  if (typeof pushed === 'number') {
    return (machine) => {
      machine.meter.charge(1, pushes, pops, pushed);
      step(machine);
    };
  }
  return (machine) => {
    machine.meter.charge(1, pushes, pops, pushed(machine));
    step(machine);
  };
}

/** @param grown - by how many values the instruction makes the stack higher */
function costOf(
  assembler: Assembler,
  name: string,
  operand: unknown,
  grown: number,
  size: Cost['size'] | undefined,
): Cost {
  if (size !== undefined) return { pops: POPS[name]!, pushes: name === 'WriteRef' ? 0 : 1, size };
  const fixed = FIXED[name];
  if (fixed) return { pops: fixed[0], pushes: fixed[1], size: fixed[2] };
  const gathered = GATHERING[name];
  if (gathered !== undefined) return { pops: 1 - grown, pushes: 1, size: gathered };
  if (name.startsWith('Unpack') || name === VECTOR_SPREADING) return { pops: 1, pushes: 1 + grown, size: 0 };
  return { pops: assembler.parametersOf(name, operand as number), pushes: 0, size: 0 };
}

function comparison(assembler: Assembler): Cost['size'] {
  const sizeOf = sizing(assembler, assembler.peek(0), deepSizerOf);
  return (machine) => {
    const { stack } = machine;
    return SCALAR + sizeOf(machine, stack.at(-1)!) + sizeOf(machine, stack.at(-2)!);
  };
}

/** Sizes values of a type that may mention the function's type parameters. */
function sizing(
  { types, module }: Assembler,
  type: Type,
  sizer: (codec: Codec, type: Type) => (value: Value | Reference) => number,
): (machine: Machine, value: Value) => number {
  const { codec } = module.loader;
  if (!type.open) {
    const sizeOf = sizer(codec, type);
    return (_, value) => sizeOf(value);
  }
  const instantiation = new Instantiation(types, [type]);
  return ({ frame }, value) => sizer(codec, instantiation.of(frame.typeArguments)[0]!)(value);
}

function each<T>(names: string[], cost: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, cost]));
}
