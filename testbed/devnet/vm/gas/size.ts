import type { Codec } from '../bcs.ts';
import { INTEGER_BYTES } from '../bcs.ts';
import type { IntegerKind, Type } from '../type.ts';
import { type Reference, type Value, Variant } from '../value.ts';

/** Abstract sizes, as `ValueView::abstract_memory_size` of Move's VM has them: of a struct, an enum or a vector itself … */
const COMPOUND = 2;
/** … of a reference … */
export const REFERENCE = 8;
/** … and of a primitive on its own; in a vector it takes its width. */
const ADDRESS = 32;
const PRIMITIVE = 8;
const WIDE: Partial<Record<Type['kind'], number>> = { u128: 16, u256: 32, address: ADDRESS, signer: ADDRESS };

/** Of a Rust enum and a box, around each type tag. */
const TAG = 24;

/** Gives the abstract size of any value of one type. */
export type Sizer = (value: Value) => number;

const sizers = new WeakMap<Type, Sizer>();

/** @returns what sizes values of a closed type; `&` and `&mut` count as themselves, not what they point to */
export function sizerOf(codec: Codec, type: Type): Sizer {
  let sizer = sizers.get(type);
  if (!sizer) {
    sizer = makeSizer(codec, type);
    sizers.set(type, sizer);
  }
  return sizer;
}

/** As {@link sizerOf}, with what references point to. */
export function deepSizerOf(codec: Codec, type: Type): Sizer {
  if (type.kind !== 'reference' && type.kind !== 'mutable') return sizerOf(codec, type);
  const target = sizerOf(codec, type.arguments[0]!);
  return (value) => REFERENCE + target((value as Reference).value);
}

function makeSizer(codec: Codec, type: Type): Sizer {
  switch (type.kind) {
    case 'vector':
      return vectorSizer(codec, type.arguments[0]!);
    case 'datatype':
      return datatypeSizer(codec, type);
    default: {
      const size = WIDE[type.kind] ?? PRIMITIVE;
      return () => size;
    }
  }
}

function vectorSizer(codec: Codec, element: Type): Sizer {
  const width = packedWidth(element);
  if (width !== undefined) return (value) => COMPOUND + width * (value as Value[]).length;
  const sizer = sizerOf(codec, element);
  return (value) => (value as Value[]).reduce<number>((sum, item) => sum + sizer(item), COMPOUND);
}

/** Bytes of an element in a vector of primitives, which Move keeps packed. */
function packedWidth({ kind }: Type): number | undefined {
  if (kind === 'bool') return 1;
  return kind === 'address' ? ADDRESS : INTEGER_BYTES[kind as IntegerKind];
}

function datatypeSizer(codec: Codec, type: Type): Sizer {
  const layout = codec.layout(type).map((fields) => fields.map((field) => sizerOf(codec, field)));
  const sum = (sizers: Sizer[], fields: Value[]) => {
    let size = COMPOUND;
    for (let index = 0; index < sizers.length; index++) size += sizers[index]!(fields[index]!);
    return size;
  };
  return (value) =>
    value instanceof Variant ? sum(layout[value.tag]!, value.fields) : sum(layout[0]!, value as Value[]);
}

/** @returns Move's legacy size of a type (`Type::size`): one for each type in it */
export function typeNodes(type: Type): number {
  return type.arguments.reduce((sum, argument) => sum + typeNodes(argument), 1);
}

/** @returns `TypeTag::abstract_size_for_gas_metering` */
export function typeTagSize(type: Type): number {
  if (type.kind === 'vector') return TAG + typeTagSize(type.arguments[0]!);
  return type.datatype ? TAG + structTagSize(type) : TAG;
}

/** @returns `StructTag::abstract_size_for_gas_metering` */
export function structTagSize({ datatype, arguments: args }: Type): number {
  const { module, name } = datatype!;
  return args.reduce(
    (sum, argument) => sum + typeTagSize(argument),
    ADDRESS + module.name.length + name.length,
  );
}
