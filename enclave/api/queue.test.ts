import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Queue } from './queue.ts';

const busy = expect.objectContaining({ status: 503, code: 'busy' });

test('work is done one after the other, and a failure stops nobody', async () => {
  const queue = new Queue({ waiting: 10, ms: 5_000 });
  let running = 0;
  let most = 0;
  const work = async (i: number) => {
    most = Math.max(most, ++running);
    await sleep(5);
    running -= 1;
    if (i === 1) throw new Error('failed');
    return i;
  };
  const results = await Promise.allSettled([0, 1, 2].map((i) => queue.run(() => work(i))));
  expect(most).toBe(1);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('who finds the queue full is told at once', async () => {
  const queue = new Queue({ waiting: 2, ms: 5_000 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = [queue.run(() => promise), queue.run(async () => 'second')];
  await expect(queue.run(async () => 'third')).rejects.toEqual(busy);
  resolve('first');
  expect(await Promise.all(waiting)).toEqual(['first', 'second']);
  expect(await queue.run(async () => 'later')).toBe('later');
});

test('work that never ends holds nobody for longer than the deadline, and what came late is not begun', async () => {
  const queue = new Queue({ waiting: 10, ms: 20 });
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const behind = async () => {
    begun += 1;
  };
  const callers = [queue.run(() => promise), queue.run(behind)];
  for (const result of await Promise.allSettled(callers)) expect(result).toMatchObject({ reason: busy });
  resolve();
  await queue.run(behind);
  expect(begun).toBe(1);
});
