import type { Bytes } from './bytes.ts';
import { AttestationError } from './error.ts';

/** The ASN.1 tags that certificates of this profile use. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
} as const;

/** An element read from DER: its contents, and the whole of it as it stood; views of what was read. */
export interface DerElement {
  contents: Bytes;
  raw: Bytes;
}

/**
 * Reads DER elements one after another, in distinguished encoding only: shortest lengths, no indefinite
 * ones, single-byte tags. A certificate that can be written in two ways can be read in two ways.
 */
export class DerReader {
  readonly #bytes: Bytes;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** Tag of the next element; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /**
   * Reads the element that must come next.
   *
   * @throws AttestationError `certificate_malformed`
   */
  element(tag: number, name: string): DerElement {
    const start = this.#offset;
    if (this.next !== tag) throw malformed(`${name} is not where it should be`);
    this.#offset++;
    const length = this.#length(name);
    const contentStart = this.#offset;
    this.#offset += length;
    if (this.#offset > this.#bytes.length) throw malformed(`${name} is longer than what holds it`);
    return {
      contents: this.#bytes.subarray(contentStart, this.#offset),
      raw: this.#bytes.subarray(start, this.#offset),
    };
  }

  /** Contents of the element that must come next. */
  contents(tag: number, name: string): Bytes {
    return this.element(tag, name).contents;
  }

  /** A reader for the inside of the element that must come next. */
  enter(tag: number, name: string): DerReader {
    return new DerReader(this.contents(tag, name));
  }

  /** A BOOLEAN that is only written when true, as `DEFAULT FALSE` demands in DER. */
  optionalTrue(name: string): boolean {
    if (this.next !== Tag.boolean) return false;
    const value = this.contents(Tag.boolean, name);
    if (value.length !== 1 || value[0] !== 0xff) throw malformed(`${name} is neither absent nor TRUE`);
    return true;
  }

  /** An INTEGER in its shortest form, whatever its sign (X.690 §8.3.2). */
  integer(name: string): Bytes {
    const value = this.contents(Tag.integer, name);
    const [first, second = 0] = value;
    const padded = value.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80);
    if (first === undefined || padded) throw malformed(`${name} is not an integer in its shortest form`);
    return value;
  }

  /** Contents of a non-negative INTEGER, without the zero byte that keeps it positive. */
  unsigned(name: string): Bytes {
    const value = this.integer(name);
    if (value[0]! >= 0x80) throw malformed(`${name} is negative`);
    return value[0] === 0 && value.length > 1 ? value.subarray(1) : value;
  }

  /** Contents of an OBJECT IDENTIFIER, each of its numbers in its shortest form (X.690 §8.19.2). */
  oid(name: string): Bytes {
    const value = this.contents(Tag.oid, name);
    const isPadded = value.some((byte, i) => byte === 0x80 && (i === 0 || value[i - 1]! < 0x80));
    if (isPadded || (value.at(-1) ?? 0x80) >= 0x80) throw malformed(`${name} is not an object identifier`);
    return value;
  }

  /** @throws AttestationError `certificate_malformed` when something is left over */
  end(name: string): void {
    if (this.next !== undefined) throw malformed(`something follows the last field of ${name}`);
  }

  #length(name: string): number {
    const first = this.#bytes[this.#offset++];
    if (first === undefined) throw malformed(`${name} has no length`);
    if (first < 0x80) return first;
    const width = first - 0x80;
    if (width < 1 || width > 2) throw malformed(`the length of ${name} is indefinite or out of bounds`);
    const digits = this.#bytes.subarray(this.#offset, this.#offset + width);
    this.#offset += width;
    const length = digits.reduce((sum, byte) => sum * 256 + byte, 0);
    if (digits.length < width || length < (width === 1 ? 0x80 : 0x100))
      throw malformed(`the length of ${name} is not in its shortest form`);
    return length;
  }
}

/** A certificate that is not the DER it should be. */
export function malformed(state: string): AttestationError {
  return new AttestationError('certificate_malformed', `Cannot read certificate: ${state}`);
}
