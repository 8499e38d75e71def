import { ABORTS } from '@daasvader/chain/aborts.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { expect, test } from 'vitest';
import { WorkerError } from './error.ts';
import { ADVICE, failedJson, failedLines } from './print.ts';

test('there is advice only for what the contracts throw', () => {
  const thrown = Object.entries(ABORTS).flatMap(([module, names]) =>
    names.map((name) => `${module}::${name}`),
  );
  expect(Object.keys(ADVICE).filter((key) => !thrown.includes(key))).toEqual([]);
});

test('a person and a program are told what to do when a contract refuses', () => {
  const abort = { module: 'stake', code: 2, name: 'ENothingRequested' };
  const error = new ChainError('abort', 'Cannot execute transaction', { abort });
  expect(failedLines(error)).toMatch(/^✗ abort: Cannot execute transaction\n {2}.*withdraw --request$/);
  expect(failedJson(error)).toMatchObject({ ok: false, advice: expect.stringContaining('--request') });
});

test('what was expected where nothing is, and what others wrote, cannot be mistaken', () => {
  const error = new WorkerError('taken', 'Cannot act', { expected: '0x1\u001b[2J' });
  expect(failedLines(error)).toMatch(/saw {6}nothing$/);
  expect(failedLines(error)).not.toContain('\u001b');
});
