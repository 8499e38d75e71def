import { bcs } from '@mysten/sui/bcs';
import { beforeAll, expect, test } from 'vitest';
import { probeType, vmWith } from './testing/package.ts';
import type { Vm } from './vm.ts';

const SOURCE = `
  use std::ascii;
  use std::string::String;
  use sui::balance::Balance;
  use sui::sui::SUI;

  public struct Plain has store, drop { flag: bool, small: u32, big: u64, huge: u256, owner: address }
  public struct Texts has store, drop { name: String, code: ascii::String, bytes: vector<u8>, list: vector<u16> }
  public struct Maybe<T> has store, drop { there: Option<T>, not: Option<T> }
  public enum Shape has store, drop { Dot, Box { width: u8, height: u64 } }
  public struct Purse has key { id: UID, balance: Balance<SUI>, shapes: vector<Shape>, of: ID }
`;
const ADDRESS = `0x${'ab'.repeat(32)}`;

let vm: Vm;
beforeAll(async () => {
  vm = await vmWith(SOURCE);
});

test('numbers up to 32 bits are numbers, longer ones strings', () => {
  const Plain = bcs.struct('Plain', {
    flag: bcs.bool(),
    small: bcs.u32(),
    big: bcs.u64(),
    huge: bcs.u256(),
    owner: bcs.Address,
  });
  const huge = ((1n << 256n) - 1n).toString();
  const value = { flag: true, small: 4_294_967_295, big: '18446744073709551615', huge, owner: ADDRESS };
  expect(vm.json(probeType('Plain'), Plain.serialize(value).toBytes())).toEqual(value);
});

test('texts are strings, bytes base64, other vectors lists', () => {
  const Texts = bcs.struct('Texts', {
    name: bcs.string(),
    code: bcs.string(),
    bytes: bcs.byteVector(),
    list: bcs.vector(bcs.u16()),
  });
  const value = { name: 'häuser', code: 'abc', bytes: [255, 0, 1], list: [1, 65_535] };
  expect(vm.json(probeType('Texts'), Texts.serialize(value).toBytes())).toEqual({ ...value, bytes: '/wAB' });
});

test('an empty option is null, a full one its value', () => {
  const Maybe = bcs.struct('Maybe', { there: bcs.option(bcs.u64()), not: bcs.option(bcs.u64()) });
  const bytes = Maybe.serialize({ there: 5, not: null }).toBytes();
  expect(vm.json(`${probeType('Maybe')}<u64>`, bytes)).toEqual({ there: '5', not: null });
});

test('ids and balances are what they hold; an enum names its variant', () => {
  const Shape = bcs.enum('Shape', {
    Dot: null,
    Box: bcs.struct('Box', { width: bcs.u8(), height: bcs.u64() }),
  });
  const Purse = bcs.struct('Purse', {
    id: bcs.Address,
    balance: bcs.u64(),
    shapes: bcs.vector(Shape),
    of: bcs.Address,
  });
  const bytes = Purse.serialize({
    id: ADDRESS,
    balance: 7,
    shapes: [{ Dot: true }, { Box: { width: 1, height: 2 } }],
    of: ADDRESS,
  }).toBytes();
  expect(vm.json(probeType('Purse'), bytes)).toEqual({
    id: ADDRESS,
    balance: '7',
    shapes: [{ '@variant': 'Dot' }, { '@variant': 'Box', width: 1, height: '2' }],
    of: ADDRESS,
  });
});

test('bytes of another type are refused', () => {
  expect(() => vm.json(probeType('Plain'), new Uint8Array(3))).toThrow('decode');
});
