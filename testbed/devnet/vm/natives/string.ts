import { isUtf8 } from 'node:buffer';
import { NATIVE_COSTS } from '../../protocol.ts';
import type { NativeModule } from '../native.ts';
import type { Reference, Value } from '../value.ts';

const { base, byte } = NATIVE_COSTS.string;

/** Natives of `std::string`; they see the bytes of strings, indexes count bytes. */
export const STRING: NativeModule = {
  internal_check_utf8: ([text], call) => {
    const bytes = bytesOf(text!);
    call.charge(base + byte * bytes.length);
    return isUtf8(bytes);
  },
  internal_is_char_boundary: ([text, index], call) => {
    call.charge(base);
    return isCharBoundary(bytesOf(text!), Number(index));
  },
  internal_sub_string: ([text, from, to], call) => {
    call.charge(base + byte * (Number(to) - Number(from)));
    return [...bytesOf(text!).subarray(Number(from), Number(to))];
  },
  internal_index_of: ([text, pattern], call) => {
    const [bytes, wanted] = [bytesOf(text!), bytesOf(pattern!)];
    call.charge(base + byte * bytes.length + byte * wanted.length);
    const at = Buffer.from(bytes).indexOf(wanted);
    return BigInt(at < 0 ? bytes.length : at);
  },
};

function bytesOf(reference: Value): Uint8Array {
  return Uint8Array.from((reference as Reference).value as number[]);
}

/** A boundary is where no continuation byte (0b10xxxxxx) stands. */
function isCharBoundary(bytes: Uint8Array, index: number): boolean {
  return index === bytes.length || (index < bytes.length && (bytes[index]! & 0xc0) !== 0x80);
}
