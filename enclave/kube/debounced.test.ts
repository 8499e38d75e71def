import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Debounced } from './debounced.ts';

let told: string[];
let list: Debounced;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  list = new Debounced((values) => void told.push(values.join()), 100);
});

afterEach(() => void vi.useRealTimers());

test('what changes all the time is told once it stays', () => {
  for (const values of [['a'], ['a', 'b'], ['b']]) {
    list.set(values);
    vi.advanceTimersByTime(99);
  }
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(['b']);
});

test('what is the same again is not told again', () => {
  for (let index = 0; index < 3; index += 1) {
    list.set(['a']);
    vi.advanceTimersByTime(100);
  }
  list.set(['b']);
  list.set(['a']);
  vi.advanceTimersByTime(100);
  expect(told).toEqual(['a']);
});

test('the newest is told at once when it must be, and not a second time later', () => {
  list.set(['a']);
  list.flush();
  expect(told).toEqual(['a']);
  vi.advanceTimersByTime(1_000);
  list.flush();
  expect(told).toEqual(['a']);
});
