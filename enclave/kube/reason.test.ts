import { expect, test } from 'vitest';
import { MAX_REASON_BYTES, toReason } from './reason.ts';

test.each(['x', 'é', '€', '😀', 'a😀é'])('a long reason of %j is cut between two characters', (character) => {
  const reason = toReason(character.repeat(300));
  expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(MAX_REASON_BYTES);
  expect(Buffer.byteLength(reason)).toBeGreaterThan(MAX_REASON_BYTES - 8);
  expect(character.repeat(300).startsWith(reason.slice(0, -1))).toBe(true);
  expect(reason).toMatch(/…$/);
  expect(reason.isWellFormed()).toBe(true);
});

test('a reason that fits stays as it is', () => {
  expect(toReason('é'.repeat(128))).toBe('é'.repeat(128));
});

test('what a terminal would obey is left out', () => {
  expect(toReason('a\u001b[2J\n\u009bb\u202ec\ud800')).toBe('a [2J b c\ufffd');
});
