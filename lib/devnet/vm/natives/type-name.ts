import type { NativeModule } from '../native.ts';
import type { Type } from '../type.ts';

/** Natives of `std::type_name`. Both agree here: a module always has its package's first id. */
export const TYPE_NAME: NativeModule = {
  with_defining_ids: (_, { typeArguments }) => typeName(typeArguments[0]!),
  with_original_ids: (_, { typeArguments }) => typeName(typeArguments[0]!),
};

/** `TypeName { name: ascii::String { bytes } }`; the text has neither `0x` nor spaces. */
function typeName(type: Type) {
  const text = type.name.replaceAll('0x', '').replaceAll(' ', '');
  return [[[...Buffer.from(text, 'ascii')]]];
}
