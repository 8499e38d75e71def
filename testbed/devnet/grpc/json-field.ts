import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Json } from '../vm/json.ts';
import { type MoveVm, type TypeName, VmError } from '../vm/types.ts';

type Value = NonNullable<GrpcTypes.Event['json']>;

/** No `google.protobuf.NullValue` but this. */
const NULL = 0;

/**
 * The field `json` of a Move value's message. It is missing when the chain does not know the type, as that of an event
 * which a simulated package emits.
 */
export function jsonField(vm: MoveVm, type: TypeName, contents: Uint8Array): { json?: Value } {
  try {
    return { json: protoValue(vm.json(type, contents)) };
  } catch (error) {
    if (error instanceof VmError) return {};
    throw error;
  }
}

/** JSON as `google.protobuf.Value`. */
function protoValue(json: Json): Value {
  switch (typeof json) {
    case 'boolean':
      return { kind: { oneofKind: 'boolValue', boolValue: json } };
    case 'number':
      return { kind: { oneofKind: 'numberValue', numberValue: json } };
    case 'string':
      return { kind: { oneofKind: 'stringValue', stringValue: json } };
  }
  if (json === null) return { kind: { oneofKind: 'nullValue', nullValue: NULL } };
  if (Array.isArray(json))
    return { kind: { oneofKind: 'listValue', listValue: { values: json.map(protoValue) } } };
  const fields = Object.fromEntries(Object.entries(json).map(([name, field]) => [name, protoValue(field)]));
  return { kind: { oneofKind: 'structValue', structValue: { fields } } };
}
