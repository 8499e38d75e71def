import { expect, test } from 'vitest';
import { DEFAULTS, readOptions } from './options.ts';

test('what is not said is as it is by itself', () => {
  expect(readOptions([])).toEqual(DEFAULTS);
  expect(readOptions(['--focus', 'DNS', '--processes', '4', '--deadline', '10'])).toEqual({
    focus: 'DNS',
    processes: 4,
    deadline: 10,
  });
});

test.each([
  ['--processes', '0'],
  ['--processes', 'all'],
  ['--deadline', '1.5'],
  ['--deadline', '1000'],
  ['--focuss', 'DNS'],
  ['DNS'],
])('%s %s is refused, saying how to call it', (...args) => {
  expect(() => readOptions(args)).toThrow('bin/conformance [--focus REGEX]');
});
