import { bcs } from '@mysten/sui/bcs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BcsError, Codec } from './bcs.ts';
import { type Datatype, PRIMITIVES, type Type, TypeTable } from './type.ts';
import { type Value, Variant } from './value.ts';

const types = new TypeTable();
const codec = new Codec(types);
const { bool, u8, u16, u32, u64, u128, u256, address } = PRIMITIVES;

const field = (name: string, type: Type) => ({ name, type });
const module = { address: `0x${'1'.repeat(64)}`, name: 'm' };
const parameters = [{ constraints: 0, is_phantom: false }];

const BOX: Datatype = {
  module,
  definingId: module.address,
  name: 'Box',
  abilities: 7,
  parameters,
  fields: [field('flag', bool), field('items', types.vector(types.parameter(0)))],
};
const CHOICE: Datatype = {
  module,
  definingId: module.address,
  name: 'Choice',
  abilities: 7,
  parameters: [],
  variants: [
    { name: 'None', fields: [] },
    { name: 'Both', fields: [field('a', u8), field('b', u64)] },
  ],
};
const choice = types.datatype(CHOICE, []);

const unsigned = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });

test.each([
  ['u64', u64, bcs.u64(), 64],
  ['u128', u128, bcs.u128(), 128],
  ['u256', u256, bcs.u256(), 256],
] as const)('%s has the bytes of @mysten/bcs', (_, type, reference, bits) => {
  fc.assert(
    fc.property(unsigned(bits), (value) => {
      const bytes = reference.serialize(value).toBytes();
      expect(codec.encode(type, value)).toEqual(bytes);
      expect(codec.decode(type, bytes)).toBe(value);
    }),
  );
});

test('vectors of vectors have the bytes of @mysten/bcs', () => {
  const reference = bcs.vector(bcs.vector(bcs.u16()));
  const type = types.vector(types.vector(u16));
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(0xffff), { maxLength: 300 })), (value) => {
      const bytes = reference.serialize(value).toBytes();
      expect(codec.encode(type, value)).toEqual(bytes);
      expect(codec.decode(type, bytes)).toEqual(value);
    }),
  );
});

test('a generic struct is encoded with the types of its arguments', () => {
  const boxOfBytes = types.datatype(BOX, [types.vector(u8)]);
  const value: Value = [true, [[1, 2], []]];
  const bytes = Uint8Array.of(1, 2, 2, 1, 2, 0);
  expect(codec.encode(boxOfBytes, value)).toEqual(bytes);
  expect(codec.decode(boxOfBytes, bytes)).toEqual(value);
});

test('an enum is encoded as its variant and the fields of that', () => {
  const bytes = Uint8Array.of(1, 9, 5, 0, 0, 0, 0, 0, 0, 0);
  expect(codec.encode(choice, new Variant(1, [9, 5n]))).toEqual(bytes);
  expect(codec.decode(choice, bytes)).toEqual(new Variant(1, [9, 5n]));
});

test('an address is 32 bytes', () => {
  const value = `0x${'ab'.repeat(32)}`;
  expect(codec.decode(address, codec.encode(address, value))).toBe(value);
});

test.each([
  ['an integer that ends early', u32, [1, 2, 3]],
  ['an address that ends early', address, [1]],
  ['bytes left over', u8, [1, 2]],
  ['a bool of 2', bool, [2]],
  ['a vector that ends early', types.vector(u64), [1, 0]],
  ['a length beyond the input', types.vector(u8), [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ['a length of more than 32 bits', types.vector(u8), [0xff, 0xff, 0xff, 0xff, 0x1f]],
  ['a length in a longer form than needed', types.vector(u8), [0x80, 0x00]],
  ['a variant that does not exist', choice, [2]],
  ['a type parameter', types.parameter(0), [0]],
])('decode() refuses %s', (_, type, bytes) => {
  expect(() => codec.decode(type, Uint8Array.from(bytes))).toThrow(BcsError);
});

test('decode() refuses values nested too deeply', () => {
  const nested = (depth: number): Type => (depth === 0 ? u8 : types.vector(nested(depth - 1)));
  const bytes = (depth: number) => Uint8Array.from([...Array(depth).fill(1), 7]);
  expect(() => codec.decode(nested(100), bytes(100))).not.toThrow();
  expect(() => codec.decode(nested(200), bytes(200))).toThrow(BcsError);
});
