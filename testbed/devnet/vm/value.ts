/**
 * A Move value at run time. Its type is known from the bytecode, so values carry none:
 *
 * ```text
 * bool             boolean
 * u8 u16 u32       number
 * u64 u128 u256    bigint
 * address signer   string (0x and 64 hexadecimal digits)
 * vector struct    array, owned by exactly one place
 * enum             Variant
 * & and &mut       Reference
 * ```
 */
export type Value = boolean | number | bigint | string | Value[] | Variant | Reference;

/** The value of an enum. */
export class Variant {
  readonly tag: number;
  readonly fields: Value[];

  constructor(tag: number, fields: Value[]) {
    this.tag = tag;
    this.fields = fields;
  }
}

/** A place that holds a value: a slot of a frame's locals, of a struct, of a vector. */
export class Reference {
  readonly container: Value[];
  readonly index: number;

  constructor(container: Value[], index: number) {
    this.container = container;
    this.index = index;
  }

  get value(): Value {
    return this.container[this.index]!;
  }

  set value(value: Value) {
    this.container[this.index] = value;
  }
}

/** A copy that shares no mutable part with the original; references stay references. */
export function copyValue(value: Value): Value {
  if (typeof value !== 'object' || value instanceof Reference) return value;
  if (value instanceof Variant) return new Variant(value.tag, value.fields.map(copyValue));
  return value.map(copyValue);
}

/** Move's `==`, on two values of one type; references compare what they refer to. */
export function equalValues(left: Value, right: Value): boolean {
  if (typeof left !== 'object') return left === right;
  if (left instanceof Reference) return equalValues(left.value, (right as Reference).value);
  if (left instanceof Variant) {
    const other = right as Variant;
    return left.tag === other.tag && equalLists(left.fields, other.fields);
  }
  return equalLists(left, right as Value[]);
}

function equalLists(left: Value[], right: Value[]): boolean {
  return left.length === right.length && left.every((item, index) => equalValues(item, right[index]!));
}

/** The id of an object, whose first field is `UID { id: ID { bytes } }`. */
export function idOf(object: Value): string {
  const [[[id]]] = object as [[[string]]];
  return id;
}
