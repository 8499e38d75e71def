import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HourlyLimit } from './hourly-limit.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

let limit: HourlyLimit;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  limit = new HourlyLimit({ name: 'heartbeats', max: 10n, unit: 'MIST', key: 'gas.heartbeats_per_hour' });
});

afterEach(() => vi.useRealTimers());

it('lets so much be taken within any hour, and no more', () => {
  limit.take(6n);
  limit.take(4n);
  expect(() => limit.take(1n)).toThrow();
  vi.advanceTimersByTime(HOUR_MS - 1);
  expect(() => limit.take(1n)).toThrow();
  vi.advanceTimersByTime(1);
  limit.take(10n);
});

it('counts what was used, once that is known', () => {
  const taken = limit.take(10n);
  expect(limit.used()).toEqual({ spent: 0n, reserved: 10n });
  taken.settle(3n);
  expect(limit.used()).toEqual({ spent: 3n, reserved: 0n });
  limit.take(7n);
  taken.settle(5n);
  expect(limit.used()).toEqual({ spent: 5n, reserved: 7n });
  expect(() => limit.take(0n)).toThrow();
});

it('says what is empty, when there is room again, and what to do', () => {
  limit.take(3n).settle(2n);
  vi.advanceTimersByTime(10 * MINUTE_MS);
  limit.take(7n);
  expect(() => limit.take(3n)).toThrow(
    'Cannot pay: of the 10 MIST an hour for heartbeats, 2 are spent and 7 reserved; 3 are free again in 50 min, or raise gas.heartbeats_per_hour',
  );
  expect(() => limit.take(4n)).toThrow('4 are free again in 60 min');
  expect(() => limit.take(11n)).toThrow('11 never fit');
});

it.each([
  ['ahead', 2 * HOUR_MS],
  ['back', -24 * HOUR_MS],
])('neither gives nor takes anything when the clock of the host is set %s', (_where, ms) => {
  limit.take(10n);
  vi.setSystemTime(Date.now() + ms);
  expect(() => limit.take(1n)).toThrow('10 reserved');
  vi.advanceTimersByTime(HOUR_MS);
  limit.take(10n);
});
