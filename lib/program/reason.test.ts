import { expect, test } from 'vitest';
import { reasonOf } from './reason.ts';

test('a message is followed by what its causes add, and by nothing twice', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
  expect(reasonOf(new TypeError('fetch failed', { cause: refused }))).toBe(
    'fetch failed: connect ECONNREFUSED 127.0.0.1:1',
  );
  expect(reasonOf(new Error(`Cannot: ${refused.message}`, { cause: refused }))).toBe(
    `Cannot: ${refused.message}`,
  );
});

test('of several addresses that were tried, each is told', () => {
  const cause = new AggregateError([new Error('connect A'), new Error('connect B')], '');
  expect(reasonOf(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed: AggregateError: connect A: connect B',
  );
});

test('an error without words is told by its code, and what is no error as it is', () => {
  expect(reasonOf(Object.assign(new Error(''), { code: 'EPIPE' }))).toBe('EPIPE');
  expect(reasonOf('no')).toBe('no');
});

test('an error that causes itself, by itself or through another, is told once', () => {
  const first = new Error('first');
  first.cause = first;
  expect(reasonOf(first)).toBe('first');
  first.cause = new Error('second', { cause: first });
  expect(reasonOf(first)).toBe('first: second');
});
