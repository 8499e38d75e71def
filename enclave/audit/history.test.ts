import { expect, test } from 'vitest';
import type { AuditEntry } from './audit.ts';
import { History } from './history.ts';

let seq = 0;
const entry = (action: string, subject: string): AuditEntry => {
  seq += 1;
  return { seq, timestampMs: seq, action, subject, result: 'done' };
};

test('whoever floods the history displaces only entries of its own', () => {
  const history = new History(100);
  for (let i = 0; i < 20; i += 1) history.add(entry('apply', `Pod/${i}`));
  for (let i = 0; i < 20; i += 1) history.add(entry('join', `worker-${i}`));
  for (let i = 0; i < 1_000; i += 1) history.add(entry('join', 'wild'));
  const kept = (action: string) => history.recent.filter((each) => each.action === action);
  expect(history.recent).toHaveLength(100);
  expect(kept('apply')).toHaveLength(20);
  expect(new Set(kept('join').map(({ subject }) => subject))).toHaveLength(21);
});

test('a flood under many names displaces no other action', () => {
  const history = new History(100);
  for (let i = 0; i < 20; i += 1) history.add(entry('apply', `Pod/${i}`));
  for (let i = 0; i < 1_000; i += 1) history.add(entry('join', `worker-${i}`));
  expect(history.recent.filter(({ action }) => action === 'apply')).toHaveLength(20);
  expect(history.recent[0]?.subject).toBe('worker-999');
});

test('names that objects have by themselves are names', () => {
  const history = new History(2);
  for (const name of ['__proto__', 'constructor', '__proto__']) history.add(entry(name, name));
  expect(history.recent.map(({ action }) => action)).toEqual(['__proto__', 'constructor']);
});
