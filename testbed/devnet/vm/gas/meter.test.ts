import { expect, test } from 'vitest';
import { GasMeter } from './meter.ts';

const UNITS = 100_000_000;

/** @returns what internal units `work` takes */
function used(meter: GasMeter, work: () => void): number {
  const before = meter.left;
  work();
  return before - meter.left;
}

test('an instruction costs itself, what it pushes and the size of that, and pops are free', () => {
  const meter = new GasMeter(UNITS);
  expect(used(meter, () => meter.charge(1, 2, 3, 40))).toBe(43);
});

test.each([
  [20_000, 1],
  [20_001, 2],
  [50_000, 2],
  [50_001, 10],
  [100_001, 50],
  [200_001, 100],
  [10_000_001, 1_000],
])('instruction %d costs %d', (at, cost) => {
  const meter = new GasMeter(UNITS);
  meter.charge(at - 1, 0, 0, 0);
  expect(used(meter, () => meter.charge(1, 0, 0, 0))).toBe(cost);
});

test.each([
  [100_000, 1],
  [100_001, 2],
  [500_001, 5],
  [1_000_001, 100],
])('byte %d that was ever on the stack costs %d', (at, cost) => {
  const meter = new GasMeter(UNITS);
  for (let count = 0; count < at - 1; count++) meter.charge(0, 0, 0, 1);
  expect(used(meter, () => meter.charge(0, 0, 0, 1))).toBe(cost);
});

test.each([
  [1_000, 1],
  [1_001, 2],
  [10_001, 10],
])('value %d on the stack costs %d', (at, cost) => {
  const meter = new GasMeter(UNITS);
  meter.charge(0, at - 1, 0, 0);
  expect(used(meter, () => meter.charge(0, 1, 0, 0))).toBe(cost);
});

test('values that are popped count no more towards the height', () => {
  const meter = new GasMeter(UNITS);
  for (let count = 0; count < 2_000; count++) meter.charge(0, 1, 1, 0);
  expect(used(meter, () => meter.charge(0, 1, 0, 0))).toBe(1);
});

test('after 700 calls a native costs as many instructions', () => {
  const meter = new GasMeter(UNITS);
  const call = () => meter.chargeNative(30_000, 0, 0);
  for (let count = 0; count < 700; count++) expect(used(meter, call)).toBe(30_000);
  expect(used(meter, call)).toBe(30_000 * 2);
});

test('units are rounded down, and all are used when one is missing', () => {
  const meter = new GasMeter(2);
  meter.deduct(1_999);
  expect(meter.units).toBe(1);
  expect(() => meter.deduct(2)).toThrow(expect.objectContaining({ code: 'InsufficientGas' }));
  expect([meter.units, meter.left]).toEqual([2, 0]);
});
