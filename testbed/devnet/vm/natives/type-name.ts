import { NATIVE_COSTS } from '../../protocol.ts';
import { abort } from '../machine.ts';
import type { NativeCall, NativeModule } from '../native.ts';
import type { Datatype, Type } from '../type.ts';

/** `std::type_name::ENonModuleType` */
const NON_MODULE_TYPE = 0n;

/** Natives of `std::type_name`. */
export const TYPE_NAME: NativeModule = {
  with_defining_ids: (_, call) => typeName(call.typeArguments[0]!.name, call),
  with_original_ids: (_, call) => typeName(originalName(call.typeArguments[0]!), call),
  defining_id: (_, call) => datatypeOf(call).definingId,
  original_id: (_, call) => datatypeOf(call).module.address,
};

function datatypeOf(call: NativeCall): Datatype {
  call.charge(NATIVE_COSTS.typeName.id);
  const { datatype } = call.typeArguments[0]!;
  if (!datatype) throw abort(NON_MODULE_TYPE);
  return datatype;
}

/** `TypeName { name: ascii::String { bytes } }`; the text has neither `0x` nor spaces. */
function typeName(name: string, call: NativeCall) {
  const { base, byte } = NATIVE_COSTS.typeName;
  const text = name.replaceAll('0x', '').replaceAll(' ', '');
  call.charge(base + byte * text.length);
  return [[[...Buffer.from(text, 'ascii')]]];
}

/** The type with each package's first id, in whatever version it came. */
function originalName(type: Type): string {
  const args = type.arguments.map(originalName);
  if (!type.datatype) return args.length === 0 ? type.name : `${type.kind}<${args}>`;
  const { module, name } = type.datatype;
  return `${module.address}::${module.name}::${name}${args.length === 0 ? '' : `<${args}>`}`;
}
