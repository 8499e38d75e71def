import { isUtf8 } from 'node:buffer';
import type { Native, NativeModule } from '../native.ts';
import { Reference, type Value } from '../value.ts';

/** Natives of `std::string`; they see the bytes of strings, indexes count bytes. */
export const STRING: NativeModule = {
  internal_check_utf8: onBytes((bytes) => isUtf8(bytes)),
  internal_is_char_boundary: onBytes((bytes, [index]) => isCharBoundary(bytes, Number(index))),
  internal_sub_string: onBytes((bytes, [from, to]) => [...bytes.subarray(Number(from), Number(to))]),
  internal_index_of: onBytes((bytes, [pattern], charge) => {
    const wanted = bytesOf(pattern!);
    // The most comparisons that a search can take.
    charge(bytes.length * wanted.length);
    const at = Buffer.from(bytes).indexOf(wanted);
    return BigInt(at < 0 ? bytes.length : at);
  }),
};

type Operation = (bytes: Uint8Array, rest: Value[], charge: (units: number) => void) => Value;

/** Every byte that is read is charged first, also those of further references. */
function onBytes(operation: Operation): Native {
  return (operands, { session }) => {
    for (const operand of operands) if (operand instanceof Reference) session.charge(listOf(operand).length);
    const [text, ...rest] = operands;
    return operation(bytesOf(text!), rest, (units) => session.charge(units));
  };
}

function listOf(reference: Value): number[] {
  return (reference as Reference).value as number[];
}

function bytesOf(reference: Value): Uint8Array {
  return Uint8Array.from(listOf(reference));
}

/** A boundary is where no continuation byte (0b10xxxxxx) stands. */
function isCharBoundary(bytes: Uint8Array, index: number): boolean {
  return index === bytes.length || (index < bytes.length && (bytes[index]! & 0xc0) !== 0x80);
}
