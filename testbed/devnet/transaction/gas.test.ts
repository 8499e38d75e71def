import { expect, test } from 'vitest';
import { chargedUnits, computationCost, objectSize, rebate, storageCost } from './gas.ts';
import type { ChainObject } from './object.ts';
import { SUI_COIN_TYPE } from './type-name.ts';

const coin: ChainObject = {
  id: '0x1',
  version: 1n,
  owner: { kind: 'immutable' },
  data: { kind: 'move', type: SUI_COIN_TYPE, hasPublicTransfer: true, contents: new Uint8Array(40) },
  previousTransaction: '11111111111111111111111111111111',
  storageRebate: 0n,
};

test.each([
  [0, 1_000],
  [999, 1_000],
  [1_000, 1_000],
  [1_001, 1_010],
  [1_999, 2_000],
  [20_001, 20_100],
  [305_501, 305_600],
  [1_000_001, 1_001_000],
  [1_005_001, 1_006_000],
  [4_999_999, 5_000_000],
])('%d units are charged as %d: half of the digits, and 1,000 at least', (used, charged) => {
  expect(chargedUnits(used)).toBe(charged);
});

test('an abort is charged at no more than a hundred times the reference price', () => {
  expect(computationCost(1_000, 50_000n, true)).toBe(50_000_000n);
  expect(computationCost(1_000, 250_000n, true)).toBe(100_000_000n);
  expect(computationCost(1_000, 250_000n, false)).toBe(250_000_000n);
});

test('a coin counts as 130 bytes, of 7,600 MIST each', () => {
  expect(objectSize(coin)).toBe(80 + 40 + 1 + 1 + 8);
  expect(storageCost(coin)).toBe(988_000n);
});

test.each([
  [988_000n, 987_901n],
  [4_999n, 4_999n],
  [5_000n, 5_000n],
  [5_001n, 5_000n],
  [0n, 0n],
])('of %d MIST for storage %d come back', (paid, back) => {
  expect(rebate(paid)).toEqual({ storageRebate: back, nonRefundableStorageFee: paid - back });
});
