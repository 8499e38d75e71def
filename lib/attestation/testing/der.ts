import { type Bytes, concatBytes, fromHex } from '../bytes.ts';
import { Tag } from '../der.ts';

/** One DER element. Contents are given encoded, so that a malformed element is merely other contents. */
export function element(tag: number, ...contents: Uint8Array[]): Bytes {
  const body = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag), derLength(body.length), body);
}

export const sequence = (...items: Uint8Array[]) => element(Tag.sequence, ...items);

/** OBJECT IDENTIFIER, given as the hexadecimal of its contents. */
export const oid = (hex: string) => element(Tag.oid, fromHex(hex)!);

/** INTEGER of non-negative big-endian bytes. */
export function integer(bytes: Uint8Array): Bytes {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return element(Tag.integer, digits[0]! >= 0x80 ? Uint8Array.of(0) : new Uint8Array(), digits);
}

/** BIT STRING with as many unused bits in its last byte. */
export const bitString = (bytes: Uint8Array, unused = 0) =>
  element(Tag.bitString, Uint8Array.of(unused), bytes);

/** A Name of one common name. */
export function commonName(name: string): Bytes {
  return sequence(element(Tag.set, sequence(oid('550403'), element(0x0c, new TextEncoder().encode(name)))));
}

/** UTCTime or GeneralizedTime, whichever RFC 5280 wants for this time. */
export function time(ms: number): Bytes {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  const text = digits < '2050' ? digits.slice(2) : digits;
  return element(digits < '2050' ? Tag.utcTime : Tag.generalizedTime, new TextEncoder().encode(text));
}

/** Extension with its value already encoded. */
export function extension(oidHex: string, critical: boolean, value: Uint8Array): Bytes {
  const flag = critical ? element(Tag.boolean, Uint8Array.of(0xff)) : new Uint8Array();
  return sequence(oid(oidHex), flag, element(Tag.octetString, value));
}

export function basicConstraints(ca: boolean, pathLength?: number): Bytes {
  const flag = ca ? element(Tag.boolean, Uint8Array.of(0xff)) : new Uint8Array();
  const limit = pathLength === undefined ? new Uint8Array() : integer(Uint8Array.of(pathLength));
  return extension('551d13', true, sequence(flag, limit));
}

/** KeyUsage of bits in its first octet. */
export function keyUsage(bits: number): Bytes {
  const unused = 31 - Math.clz32(bits & -bits);
  return extension('551d0f', true, bitString(Uint8Array.of(bits), unused));
}

function derLength(length: number): Bytes {
  if (length < 0x80) return Uint8Array.of(length);
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 255);
}
