import { expect, test } from 'vitest';
import { allOf } from './gate.ts';

function gate(reason?: string) {
  const state = { reason };
  return Object.assign(state, {
    assert: () => {
      if (state.reason !== undefined) throw new Error(state.reason);
    },
  });
}

test('one may act when all gates are open at the same time', async () => {
  const [first, second] = [gate('old news'), gate()];
  const both = allOf(first, second);
  expect(both.reason).toBe('old news');
  expect(both.assert).toThrow('old news');
  let isThrough = false;
  const waiting = both.wait().then(() => {
    isThrough = true;
  });
  second.reason = 'nothing is kept';
  delete first.reason;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(isThrough).toBe(false);
  expect(both.reason).toBe('nothing is kept');
  delete second.reason;
  await waiting;
  expect(both.assert).not.toThrow();
});

test('waiting ends with its signal', async () => {
  await allOf(gate('closed')).wait(AbortSignal.timeout(10));
});
