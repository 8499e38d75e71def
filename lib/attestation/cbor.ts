import { type Bytes, decodeUtf8 } from './bytes.ts';
import { AttestationError } from './error.ts';

export type CborKey = number | string;
export type CborMap = Map<CborKey, CborValue>;
export type CborValue = number | string | null | Bytes | CborValue[] | CborMap;

/** Nesting of a document's payload: map, PCR map, value. */
const MAX_DEPTH = 3;

const BREAK = 0xff;
const NULL = 0xf6;
const INDEFINITE = 31;

/**
 * Decodes the one CBOR item that fills `bytes`.
 *
 * A decoder of its own because two decoders that read the same bytes differently are an attack: what a
 * general one lets pass (duplicate keys, padded lengths, trailing bytes, tags, floats) is refused here.
 * Maps and arrays may be of indefinite length, as the payload of real documents is since August 2025;
 * strings may not. Work and memory are linear in the input.
 *
 * @throws AttestationError with a `cbor_*` code
 */
export function decodeCbor(bytes: Bytes): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.item(0);
  reader.end();
  return value;
}

class CborReader {
  readonly #bytes: Bytes;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  item(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw fail('cbor_too_deep', `nested deeper than ${MAX_DEPTH} levels`);
    const initial = this.#byte();
    if (initial === NULL) return null;
    if (initial === BREAK)
      throw fail('cbor_unexpected_break', `break without a container at byte ${this.#offset - 1}`);
    const info = initial & 31;
    switch (initial >> 5) {
      case 0:
        return this.#argument(info);
      case 1:
        return -1 - this.#argument(info);
      case 2:
        return this.#take(this.#argument(info));
      case 3:
        return readText(this.#take(this.#argument(info)));
      case 4:
        return this.#array(info, depth);
      case 5:
        return this.#map(info, depth);
      default:
        throw fail(
          'cbor_unsupported',
          `item 0x${initial.toString(16)} is neither integer, string, array, map nor null`,
        );
    }
  }

  end(): void {
    const rest = this.#bytes.length - this.#offset;
    if (rest > 0) throw fail('cbor_trailing_bytes', `${rest} bytes follow the item`);
  }

  #array(info: number, depth: number): CborValue[] {
    const items: CborValue[] = [];
    this.#repeat(info, () => items.push(this.item(depth + 1)));
    return items;
  }

  #map(info: number, depth: number): CborMap {
    const map: CborMap = new Map();
    this.#repeat(info, () => {
      const key = this.item(depth + 1);
      if (typeof key !== 'number' && typeof key !== 'string')
        throw fail('cbor_key_type', 'a map key is neither integer nor text');
      if (map.has(key)) throw fail('cbor_duplicate_key', `key ${key} appears twice`);
      map.set(key, this.item(depth + 1));
    });
    return map;
  }

  /** Calls `read` for each entry of a container. A false count runs into the end of input, never into memory. */
  #repeat(info: number, read: () => void): void {
    if (info !== INDEFINITE) {
      for (let left = this.#argument(info); left > 0; left--) read();
      return;
    }
    while (this.#peek() !== BREAK) read();
    this.#offset++;
  }

  /** The number in an item's head (RFC 8949 §3), in its shortest form only (§4.2.1). */
  #argument(info: number): number {
    if (info < 24) return info;
    const width = { 24: 1, 25: 2, 26: 4, 27: 8 }[info];
    if (width === undefined)
      throw fail('cbor_unsupported', `additional information ${info} in an item's head`);
    // Above the largest safe integer the sum is rounded, but never down to it.
    const value = this.#take(width).reduce((sum, byte) => sum * 256 + byte, 0);
    const smallest = width === 1 ? 24 : 2 ** (4 * width);
    if (value < smallest) throw fail('cbor_not_minimal', `${value} is written in ${width} bytes`);
    if (value > Number.MAX_SAFE_INTEGER)
      throw fail('cbor_integer_too_large', `${value} is above ${Number.MAX_SAFE_INTEGER}`);
    return value;
  }

  #take(length: number): Bytes {
    const end = this.#offset + length;
    if (end > this.#bytes.length)
      throw fail('cbor_truncated', `${length} bytes announced, ${this.#bytes.length - this.#offset} left`);
    const taken = this.#bytes.slice(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  #peek(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw fail('cbor_truncated', 'input ends inside an item');
    return byte;
  }

  #byte(): number {
    const byte = this.#peek();
    this.#offset++;
    return byte;
  }
}

function readText(bytes: Bytes): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw fail('cbor_invalid_text', 'a text string is not UTF-8');
  return text;
}

function fail(code: AttestationError['code'], state: string): AttestationError {
  return new AttestationError(code, `Cannot decode CBOR: ${state}`);
}
