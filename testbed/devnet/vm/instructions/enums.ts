import type { Assembler, Rule } from '../assembler.ts';
import { primitiveError, type Step } from '../machine.ts';
import type { Type } from '../type.ts';
import { Reference, Variant } from '../value.ts';

/** One variant of an enum type. */
interface VariantOf {
  type: Type;
  tag: number;
  fields: Type[];
}

/** Instructions on enums; taking the wrong variant apart is a fault. */
export const ENUMS: Record<string, Rule> = {
  PackVariant: (assembler, handle: number) => pack(assembler, variant(assembler, handle)),
  PackVariantGeneric: (assembler, index: number) => pack(assembler, genericVariant(assembler, index)),
  UnpackVariant: (assembler, handle: number) => unpack(assembler, variant(assembler, handle)),
  UnpackVariantGeneric: (assembler, index: number) => unpack(assembler, genericVariant(assembler, index)),
  UnpackVariantImmRef: (assembler, handle: number) => borrow(assembler, variant(assembler, handle), false),
  UnpackVariantMutRef: (assembler, handle: number) => borrow(assembler, variant(assembler, handle), true),
  UnpackVariantGenericImmRef: (assembler, index: number) =>
    borrow(assembler, genericVariant(assembler, index), false),
  UnpackVariantGenericMutRef: (assembler, index: number) =>
    borrow(assembler, genericVariant(assembler, index), true),
};

function variant(assembler: Assembler, handle: number): VariantOf {
  const { enum_def, variant } = assembler.module.bytecode.variant_handles[handle]!;
  return variantOf(assembler, enum_def, variant, []);
}

function genericVariant(assembler: Assembler, index: number): VariantOf {
  const { bytecode } = assembler.module;
  const { enum_def, variant } = bytecode.variant_instantiation_handles[index]!;
  const { def, type_parameters } = bytecode.enum_def_instantiations[enum_def]!;
  return variantOf(assembler, def, variant, assembler.module.signature(type_parameters));
}

function variantOf(assembler: Assembler, definition: number, tag: number, args: readonly Type[]): VariantOf {
  const { enum_handle } = assembler.module.bytecode.enum_defs[definition]!;
  const type = assembler.datatype(enum_handle, args);
  const { fields } = type.datatype!.variants![tag]!;
  return { type, tag, fields: fields.map((field) => assembler.types.substitute(field.type, args)) };
}

function pack(assembler: Assembler, { type, tag, fields }: VariantOf): Step {
  assembler.expect(...fields);
  assembler.push(type);
  const count = fields.length;
  return ({ stack }) => {
    stack.push(new Variant(tag, stack.splice(stack.length - count)));
  };
}

function unpack(assembler: Assembler, { type, tag, fields }: VariantOf): Step {
  assembler.expect(type);
  assembler.push(...fields);
  return ({ stack }) => {
    stack.push(...matching(stack.pop() as Variant, tag).fields);
  };
}

function borrow(assembler: Assembler, { type, tag, fields }: VariantOf, mutable: boolean): Step {
  assembler.expectReference(type, mutable);
  assembler.push(...fields.map((field) => assembler.types[mutable ? 'mutable' : 'reference'](field)));
  return ({ stack }) => {
    const value = matching((stack.pop() as Reference).value as Variant, tag);
    for (let index = 0; index < value.fields.length; index++) stack.push(new Reference(value.fields, index));
  };
}

function matching(value: Variant, tag: number): Variant {
  if (value.tag === tag) return value;
  throw primitiveError('VARIANT_TAG_MISMATCH', `value is variant ${value.tag}, expected ${tag}`);
}
