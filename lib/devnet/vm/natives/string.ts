import { isUtf8 } from 'node:buffer';
import type { Native, NativeModule } from '../native.ts';
import type { Reference, Value } from '../value.ts';

/** Natives of `std::string`; they see the bytes of strings, indexes count bytes. */
export const STRING: NativeModule = {
  internal_check_utf8: onBytes((bytes) => isUtf8(bytes)),
  internal_is_char_boundary: onBytes((bytes, [index]) => isCharBoundary(bytes, Number(index))),
  internal_sub_string: onBytes((bytes, [from, to]) => [...bytes.subarray(Number(from), Number(to))]),
  internal_index_of: onBytes((bytes, [pattern]) => {
    const at = Buffer.from(bytes).indexOf(bytesOf(pattern!));
    return BigInt(at < 0 ? bytes.length : at);
  }),
};

function onBytes(operation: (bytes: Uint8Array, rest: Value[]) => Value): Native {
  return ([text, ...rest], { session }) => {
    const bytes = bytesOf(text!);
    session.charge(bytes.length);
    return operation(bytes, rest);
  };
}

function bytesOf(reference: Value): Uint8Array {
  return Uint8Array.from((reference as Reference).value as number[]);
}

/** A boundary is where no continuation byte (0b10xxxxxx) stands. */
function isCharBoundary(bytes: Uint8Array, index: number): boolean {
  return index === bytes.length || (index < bytes.length && (bytes[index]! & 0xc0) !== 0x80);
}
