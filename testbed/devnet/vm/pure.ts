import { isUtf8 } from 'node:buffer';
import type { Type } from './type.ts';
import type { Value } from './value.ts';
import { pathOf, TYPE_PATH } from './well-known.ts';

/**
 * Whether a value may come from the bytes of a transaction: primitives, ids, strings, and options and vectors of these.
 * A string must be one, since nothing else ever checks it again.
 */
export function isPureValue(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'datatype':
      return isPureDatatype(type, value);
    case 'vector':
      return isPureType(type) && (value as Value[]).every((item) => isPureValue(type.arguments[0]!, item));
    default:
      return isPureType(type);
  }
}

function isPureDatatype(type: Type, value: Value): boolean {
  const [field] = value as [Value];
  switch (pathOf(type)) {
    case TYPE_PATH.id:
      return true;
    case TYPE_PATH.string:
      return isUtf8(Uint8Array.from(field as number[]));
    case TYPE_PATH.ascii:
      return (field as number[]).every((byte) => byte < 0x80);
    case TYPE_PATH.option: {
      const items = field as Value[];
      return (
        isPureType(type) && items.length <= 1 && items.every((item) => isPureValue(type.arguments[0]!, item))
      );
    }
    default:
      return false;
  }
}

/** The type alone: an empty vector of objects is not pure either. */
function isPureType(type: Type): boolean {
  if (type.kind === 'vector') return isPureType(type.arguments[0]!);
  if (type.kind !== 'datatype') return type.kind !== 'signer';
  const path = pathOf(type);
  if (path === TYPE_PATH.option) return isPureType(type.arguments[0]!);
  return path === TYPE_PATH.id || path === TYPE_PATH.string || path === TYPE_PATH.ascii;
}
