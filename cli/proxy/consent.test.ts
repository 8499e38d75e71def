import { expect, test } from 'vitest';
import { SpendingLimit } from './consent.ts';

const price = { fee: 10n, gasBudget: 40n };

test('what orders did cost counts, and what the next one may cost', async () => {
  const limit = new SpendingLimit(100n);
  await limit.ask('', price);
  limit.spent(50n);
  await limit.ask('', price);
  limit.spent(1n);
  await expect(limit.ask('', price)).rejects.toThrow('--limit');
});

test('an order whose cost is not known counts with all that it may have cost', async () => {
  const limit = new SpendingLimit(100n);
  await limit.ask('', price);
  await limit.ask('', price);
  await expect(limit.ask('', { fee: 0n, gasBudget: 1n })).rejects.toThrow('--limit');
});

test('what was refused costs nothing', async () => {
  const limit = new SpendingLimit(50n);
  await expect(limit.ask('', { fee: 0n, gasBudget: 51n })).rejects.toThrow('--limit');
  await limit.ask('', price);
});
