import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

test('each client has its own count, all have one together, and both begin anew after a minute', () => {
  let now = 0;
  const limit = new RateLimit(2, 3, () => now);
  const [a, b] = [{}, {}];
  expect([limit.allow(a), limit.allow(a), limit.allow(a)]).toEqual([true, true, false]);
  expect(limit.allow(b)).toBe(false);
  now = 60_000;
  expect([limit.allow(a), limit.allow(b)]).toEqual([true, true]);
});
