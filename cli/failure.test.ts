import { ABORTS } from '@daasvader/chain/aborts.ts';
import { expect, test } from 'vitest';
import { ADVICE } from './failure.ts';

test('there is advice only for what the contracts throw', () => {
  const thrown = Object.entries(ABORTS).flatMap(([module, names]) =>
    names.map((name) => `${module}::${name}`),
  );
  expect(Object.keys(ADVICE).filter((key) => !thrown.includes(key))).toEqual([]);
});
