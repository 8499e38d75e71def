import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { repeat } from './repeat.ts';

const MS = 1_000;

let troubles: string[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  troubles = [];
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

const start = (work: () => Promise<void>) => {
  const run = vi.fn(work);
  stop = repeat(run, MS, ({ message }) => troubles.push(message));
  return run;
};

it('goes on after a run that failed, at once or later, and tells each', async () => {
  let turn = 0;
  const run = start(() => {
    turn += 1;
    if (turn === 1) throw new Error('at once');
    return turn === 2 ? Promise.reject(new Error('later')) : Promise.resolve();
  });
  await vi.advanceTimersByTimeAsync(3 * MS);
  expect(run).toHaveBeenCalledTimes(3);
  expect(troubles).toEqual(['at once', 'later']);
});

it('begins no second run while one hangs, and says so each time', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = start(() => promise);
  await vi.advanceTimersByTimeAsync(4 * MS);
  expect(run).toHaveBeenCalledTimes(1);
  expect(troubles).toEqual([1, 2, 3].map((seconds) => `it has not ended for ${seconds} s`));
  resolve();
  await vi.advanceTimersByTimeAsync(MS);
  expect(run).toHaveBeenCalledTimes(2);
});

it('ends when it is stopped', async () => {
  const run = start(() => Promise.resolve());
  stop();
  await vi.advanceTimersByTimeAsync(3 * MS);
  expect(run).not.toHaveBeenCalled();
});
