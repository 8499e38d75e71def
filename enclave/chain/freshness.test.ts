import { expect, test } from 'vitest';
import { Freshness } from './freshness.ts';

const LIMIT_MS = 1_000;

function freshness() {
  let now = 5_000;
  const subject = new Freshness(LIMIT_MS, () => now);
  const wait = (ms: number) => {
    now += ms;
  };
  const isFresh = () => subject.reason === undefined;
  return { subject, wait, isFresh };
}

const stale = expect.objectContaining({ code: 'stale' });

test('nothing is fresh before a heartbeat came back', () => {
  const { subject, isFresh } = freshness();
  subject.sent('a');
  expect(isFresh()).toBe(false);
  expect(() => subject.assert()).toThrow(stale);
  expect(subject.echoed('a')).toBe(true);
  expect(() => subject.assert()).not.toThrow();
});

test('the word is as old as the heartbeat was when it was signed, however late it comes back', () => {
  const { subject, wait, isFresh } = freshness();
  subject.sent('a');
  wait(LIMIT_MS + 1);
  expect(subject.echoed('a')).toBe(true);
  expect(isFresh()).toBe(false);
  expect(subject.ageMs).toBe(LIMIT_MS + 1);
});

test('it becomes old without heartbeats, and fresh again with the next one', () => {
  const { subject, wait, isFresh } = freshness();
  subject.sent('a');
  subject.echoed('a');
  wait(LIMIT_MS);
  expect(isFresh()).toBe(true);
  wait(1);
  expect(isFresh()).toBe(false);
  expect(subject.reason).toBe('no heartbeat of this enclave came back certified for 1 s');
  subject.sent('b');
  subject.echoed('b');
  expect(isFresh()).toBe(true);
});

test('a heartbeat that is not ours, or that comes back again, proves nothing', () => {
  const { subject, wait } = freshness();
  subject.sent('a');
  expect(subject.echoed('theirs')).toBe(false);
  expect(subject.echoed('a')).toBe(true);
  wait(LIMIT_MS * 2);
  expect(subject.echoed('a')).toBe(false);
  expect(subject.ageMs).toBe(LIMIT_MS * 2);
});

test('an old heartbeat that comes back after a new one changes nothing', () => {
  const { subject, wait } = freshness();
  subject.sent('old');
  wait(500);
  subject.sent('new');
  subject.echoed('new');
  expect(subject.echoed('old')).toBe(false);
  expect(subject.ageMs).toBe(0);
});

test('overdue is the oldest heartbeat that is still missing', () => {
  const { subject, wait } = freshness();
  expect(subject.overdueMs).toBe(0);
  subject.sent('a');
  wait(100);
  subject.sent('b');
  wait(50);
  expect(subject.overdueMs).toBe(150);
  subject.echoed('a');
  expect(subject.overdueMs).toBe(50);
  subject.echoed('b');
  expect(subject.overdueMs).toBe(0);
});

test('heartbeats that never come back take no memory without end', () => {
  const { subject } = freshness();
  for (let n = 0; n < 5_000; n += 1) subject.sent(`${n}`);
  expect(subject.echoed('0')).toBe(false);
  expect(subject.echoed('4999')).toBe(true);
});

test('halted is for good, and says why', () => {
  const { subject } = freshness();
  subject.sent('a');
  subject.echoed('a');
  subject.halt('the log was forged');
  subject.sent('b');
  subject.echoed('b');
  expect(() => subject.assert()).toThrow('the log was forged');
});

test('whoever waits goes on when it is fresh, and not before', async () => {
  const { subject } = freshness();
  let isOver = false;
  const waiting = subject.wait().then(() => {
    isOver = true;
  });
  subject.sent('a');
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(isOver).toBe(false);
  subject.echoed('a');
  await waiting;
});
