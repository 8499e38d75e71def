import { expect, it } from 'vitest';
import { offerFor } from './gas-budget.ts';

const MARGIN = 10_000_000n;
const use = { computation: 4_000n, storage: 300n };

it('offers half as much computation again, the storage, and a margin', () => {
  expect(offerFor(use, 10n, [1n], 10n ** 9n)).toEqual({ price: 10n, budget: 6_300n + MARGIN });
});

it('does not count on a rebate', () => {
  expect(offerFor({ ...use, storage: -300n }, 10n, [1n], 10n ** 9n).budget).toBe(6_000n + MARGIN);
});

it('offers the best price that fits, and at least the reference price', () => {
  const most = MARGIN + 20_000n;
  expect(offerFor(use, 10n, [5n, 2n, 1n], most)).toEqual({ price: 20n, budget: 12_300n + MARGIN });
  expect(offerFor(use, 10n, [1n], 5_000n)).toEqual({ price: 10n, budget: 5_000n });
});
