import type { Assembler, Rule } from '../assembler.ts';
import type { Step } from '../machine.ts';
import type { Type } from '../type.ts';
import { Reference, type Value } from '../value.ts';

/** Instructions on structs. */
export const STRUCTS: Record<string, Rule> = {
  Pack: (assembler, definition: number) => pack(assembler, structType(assembler, definition)),
  PackGeneric: (assembler, index: number) => pack(assembler, genericStructType(assembler, index)),
  Unpack: (assembler, definition: number) => unpack(assembler, structType(assembler, definition)),
  UnpackGeneric: (assembler, index: number) => unpack(assembler, genericStructType(assembler, index)),
  MutBorrowField: (assembler, handle: number) => borrowField(assembler, handle, true),
  ImmBorrowField: (assembler, handle: number) => borrowField(assembler, handle, false),
  MutBorrowFieldGeneric: (assembler, index: number) => borrowGenericField(assembler, index, true),
  ImmBorrowFieldGeneric: (assembler, index: number) => borrowGenericField(assembler, index, false),
};

function structType(assembler: Assembler, definition: number, args: readonly Type[] = []): Type {
  const { struct_handle } = assembler.module.bytecode.struct_defs[definition]!;
  return assembler.datatype(struct_handle, args);
}

function genericStructType(assembler: Assembler, index: number): Type {
  const { def, type_parameters } = assembler.module.bytecode.struct_def_instantiations[index]!;
  return structType(assembler, def, assembler.module.signature(type_parameters));
}

function fieldTypes(assembler: Assembler, type: Type): Type[] {
  return type.datatype!.fields!.map((field) => assembler.types.substitute(field.type, type.arguments));
}

function pack(assembler: Assembler, type: Type): Step {
  const fields = fieldTypes(assembler, type);
  assembler.expect(...fields);
  assembler.push(type);
  const count = fields.length;
  return ({ stack }) => {
    stack.push(stack.splice(stack.length - count));
  };
}

function unpack(assembler: Assembler, type: Type): Step {
  assembler.expect(type);
  assembler.push(...fieldTypes(assembler, type));
  return ({ stack }) => {
    stack.push(...(stack.pop() as Value[]));
  };
}

function borrowField(assembler: Assembler, handle: number, mutable: boolean): Step {
  const { owner, field } = assembler.module.bytecode.field_handles[handle]!;
  return borrow(assembler, structType(assembler, owner), field, mutable);
}

function borrowGenericField(assembler: Assembler, index: number, mutable: boolean): Step {
  const { handle, type_parameters } = assembler.module.bytecode.field_instantiations[index]!;
  const { owner, field } = assembler.module.bytecode.field_handles[handle]!;
  return borrow(
    assembler,
    structType(assembler, owner, assembler.module.signature(type_parameters)),
    field,
    mutable,
  );
}

function borrow(assembler: Assembler, type: Type, field: number, mutable: boolean): Step {
  assembler.expectReference(type, mutable);
  assembler.push(assembler.types[mutable ? 'mutable' : 'reference'](fieldTypes(assembler, type)[field]!));
  return ({ stack }) => {
    stack.push(new Reference((stack.pop() as Reference).value as Value[], field));
  };
}
