import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GasBid } from './gas-bid.ts';

const gas = { computation: 1n, storage: 0n };
const executed = { gas, isCancelled: false };
const cancelled = { gas, isCancelled: true };

let bid: GasBid;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  bid = new GasBid();
});

afterEach(() => vi.useRealTimers());

it('offers the reference price while heartbeats come through', () => {
  for (let i = 0; i < 3; i += 1) bid.begin().end(executed);
  expect(bid.offers()).toEqual([1n]);
});

it('offers more, step by step and not without end, after each that was cancelled, and less after each that was not', () => {
  const best = (outcome: typeof executed) => {
    bid.begin().end(outcome);
    return bid.offers()[0];
  };
  expect([cancelled, cancelled, cancelled, cancelled].map(best)).toEqual([2n, 5n, 10n, 10n]);
  expect([executed, executed, executed, executed].map(best)).toEqual([5n, 2n, 1n, 1n]);
});

it('offers more, once, when the newest heartbeat is late', () => {
  const beat = bid.begin();
  vi.advanceTimersByTime(5_000);
  expect(bid.offers()).toEqual([1n]);
  vi.advanceTimersByTime(1);
  expect(bid.offers()).toEqual([2n, 1n]);
  expect(bid.offers()).toEqual([2n, 1n]);
  beat.end(cancelled);
  expect(bid.offers()).toEqual([2n, 1n]);
});
