import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HourlyLimit } from './hourly-limit.ts';

const HOUR_MS = 3_600_000;

let limit: HourlyLimit;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  limit = new HourlyLimit(10n, 'MIST');
});

afterEach(() => vi.useRealTimers());

it('lets so much be taken within any hour, and what was given back once more', () => {
  const giveBack = limit.take(6n);
  limit.take(4n);
  expect(() => limit.take(1n)).toThrow('10 of 10 MIST');
  giveBack();
  limit.take(6n);
  vi.advanceTimersByTime(HOUR_MS - 1);
  expect(() => limit.take(1n)).toThrow('10 of 10 MIST');
  vi.advanceTimersByTime(1);
  limit.take(10n);
});

it.each([
  ['ahead', 2 * HOUR_MS],
  ['back', -24 * HOUR_MS],
])('neither gives nor takes anything when the clock of the host is set %s', (_where, ms) => {
  limit.take(10n);
  vi.setSystemTime(Date.now() + ms);
  expect(() => limit.take(1n)).toThrow('10 of 10 MIST');
  vi.advanceTimersByTime(HOUR_MS);
  limit.take(10n);
});
