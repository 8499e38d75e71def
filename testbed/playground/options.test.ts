import { expect, test } from 'vitest';
import { readOptions, toArguments } from './options.ts';

test('one worker and an enclave that is a process, unless told otherwise', () => {
  expect(readOptions([])).toEqual({ workers: 1, nitro: false });
});

test.each([
  { workers: 0, nitro: false },
  { workers: 8, nitro: true },
])('%o is handed on as it was read', (options) => {
  expect(readOptions(toArguments(options))).toEqual(options);
});

test.each([
  ['--workers', '9'],
  ['--workers', '-1'],
  ['--workers', '1.5'],
  ['--workers', 'two'],
  ['--workers', ''],
  ['--workers'],
  ['--worker', '1'],
  ['1'],
])('%s %s is refused, and it is told how to call it', (...args) => {
  expect(() => readOptions(args.filter((word) => word !== undefined))).toThrow('bin/up [--workers N]');
});
