import { EXECUTION_LIMITS } from '../protocol.ts';
import type { IntegerKind, Type, TypeTable } from './type.ts';
import { type Value, Variant } from './value.ts';

/** Widths in bytes. */
export const INTEGER_BYTES: Record<IntegerKind, number> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  u128: 16,
  u256: 32,
};

/** Bytes that are not the BCS form of the type in question. */
export class BcsError extends Error {
  override name = 'BcsError';
}

/** @returns the bytes as `0x` and hexadecimal digits */
export function toHexAddress(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/** Reads an unsigned little-endian integer. */
export function readInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
  return value;
}

/** Converts between values and BCS along a type's layout. */
export class Codec {
  readonly #types: TypeTable;
  readonly #layouts = new Map<Type, Type[][]>();

  constructor(types: TypeTable) {
    this.#types = types;
  }

  /** The field types of a closed datatype: one list for a struct, one per variant for an enum. */
  layout(type: Type): Type[][] {
    const known = this.#layouts.get(type);
    if (known) return known;
    const { fields, variants } = type.datatype!;
    const lists = variants ? variants.map((variant) => variant.fields) : [fields!];
    const layout = lists.map((list) =>
      list.map((field) => this.#types.substitute(field.type, type.arguments)),
    );
    this.#layouts.set(type, layout);
    return layout;
  }

  /** @returns the BCS of `value`, a value of `type` */
  encode(type: Type, value: Value): Uint8Array {
    const writer = new Writer();
    this.#write(writer, type, value);
    return writer.finish();
  }

  /** @throws {BcsError} unless `bytes` are exactly one value of `type` */
  decode(type: Type, bytes: Uint8Array): Value {
    const reader = new Reader(bytes);
    const value = this.#read(reader, type, 0);
    if (!reader.done) throw new BcsError(`Cannot decode ${type.name}: bytes left over`);
    return value;
  }

  #write(writer: Writer, type: Type, value: Value): void {
    switch (type.kind) {
      case 'bool':
        writer.byte(value ? 1 : 0);
        break;
      case 'u8':
        writer.byte(value as number);
        break;
      case 'address':
      case 'signer':
        writer.bytes(Buffer.from((value as string).slice(2), 'hex'));
        break;
      case 'vector':
        this.#writeVector(writer, type.arguments[0]!, value as Value[]);
        break;
      case 'datatype':
        this.#writeDatatype(writer, type, value);
        break;
      default:
        writer.integer(value as number | bigint, INTEGER_BYTES[type.kind as IntegerKind]);
        break;
    }
  }

  #writeVector(writer: Writer, element: Type, items: Value[]): void {
    writer.uleb(items.length);
    if (element.kind === 'u8') writer.bytes(items as number[]);
    else for (const item of items) this.#write(writer, element, item);
  }

  #writeDatatype(writer: Writer, type: Type, value: Value): void {
    const layout = this.layout(type);
    const isEnum = value instanceof Variant;
    if (isEnum) writer.uleb(value.tag);
    const types = isEnum ? layout[value.tag]! : layout[0]!;
    const fields = isEnum ? value.fields : (value as Value[]);
    for (let index = 0; index < types.length; index++) this.#write(writer, types[index]!, fields[index]!);
  }

  #read(reader: Reader, type: Type, depth: number): Value {
    if (depth > EXECUTION_LIMITS.valueDepth)
      throw new BcsError(`Cannot decode ${type.name}: nested too deeply`);
    switch (type.kind) {
      case 'bool':
        return reader.bool();
      case 'u8':
      case 'u16':
      case 'u32':
        return Number(readInteger(reader.bytes(INTEGER_BYTES[type.kind])));
      case 'u64':
      case 'u128':
      case 'u256':
        return readInteger(reader.bytes(INTEGER_BYTES[type.kind]));
      case 'address':
      case 'signer':
        return toHexAddress(reader.bytes(32));
      case 'vector':
        return this.#readVector(reader, type.arguments[0]!, depth + 1);
      case 'datatype':
        return this.#readDatatype(reader, type, depth + 1);
      default:
        throw new BcsError(`Cannot decode ${type.name}: it has no BCS form`);
    }
  }

  #readVector(reader: Reader, element: Type, depth: number): Value {
    const length = reader.uleb();
    if (element.kind === 'u8') return [...reader.bytes(length)];
    const items: Value[] = [];
    for (let index = 0; index < length; index++) items.push(this.#read(reader, element, depth));
    return items;
  }

  #readDatatype(reader: Reader, type: Type, depth: number): Value {
    const layout = this.layout(type);
    if (!type.datatype!.variants) return layout[0]!.map((field) => this.#read(reader, field, depth));
    const tag = reader.uleb();
    const fields = layout[tag];
    if (!fields) throw new BcsError(`Cannot decode ${type.name}: it has no variant ${tag}`);
    return new Variant(
      tag,
      fields.map((field) => this.#read(reader, field, depth)),
    );
  }
}

class Writer {
  #buffer = new Uint8Array(128);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  bytes(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#buffer.set(values, this.#length);
    this.#length += values.length;
  }

  integer(value: number | bigint, width: number): void {
    this.#reserve(width);
    let rest = BigInt(value);
    for (let index = 0; index < width; index++) {
      this.#buffer[this.#length++] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  uleb(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  bytes(count: number): Uint8Array {
    const end = this.#offset + count;
    if (end > this.#bytes.length) throw new BcsError('Cannot decode: input ends early');
    const slice = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return slice;
  }

  bool(): boolean {
    const byte = this.bytes(1)[0]!;
    if (byte > 1) throw new BcsError(`Cannot decode bool: byte ${byte}`);
    return byte === 1;
  }

  /** BCS accepts only the shortest form, up to 32 bits. */
  uleb(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes(1)[0]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if ((byte === 0 && shift > 0) || value > 0xffffffff) break;
        return value;
      }
    }
    throw new BcsError('Cannot decode length: not a canonical 32-bit ULEB128');
  }
}
