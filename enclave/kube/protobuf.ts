const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 };

/**
 * The fields of a protobuf message that hold bytes, texts or messages, the last of each number; all others are skipped
 * (https://protobuf.dev/programming-guides/encoding/).
 *
 * @throws {RangeError} when it ends within a field, or has one of a kind that no longer exists
 */
export function fieldsOf(message: Uint8Array): Map<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  for (let at = 0; at < message.length; ) {
    const tag = varintAt(message, at);
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
    if (wire === WIRE.bytes) {
      const length = varintAt(message, tag.end);
      at = length.end + length.value;
      fields.set(number, message.subarray(length.end, at));
    } else if (wire === WIRE.varint) at = varintAt(message, tag.end).end;
    else if (wire === WIRE.fixed64) at = tag.end + 8;
    else if (wire === WIRE.fixed32) at = tag.end + 4;
    else throw new RangeError(`Cannot read field ${number}: unknown wire type ${wire}`);
    if (at > message.length) throw new RangeError(`Cannot read field ${number}: the message ends within it`);
  }
  return fields;
}

/** A field as text. */
export function textOf(field: Uint8Array | undefined): string | undefined {
  return field && Buffer.from(field).toString();
}

/** A number of up to 53 bits, as is enough for every length; larger ones lose their last digits. */
function varintAt(message: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start, factor = 1; at < Math.min(message.length, start + 10); at += 1, factor *= 128) {
    const byte = message[at]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError('Cannot read a number: the message ends within it');
}
