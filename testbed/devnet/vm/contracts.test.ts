import { join } from 'node:path';
import { compileTests, runTests } from '@daasvader/move/test.ts';
import { expect, test } from 'vitest';
import { ownOutcomes, realOutcomes } from './testing/outcomes.ts';

const CONTRACTS = join(import.meta.dirname, '../../../contracts');

test('every test of the contracts passes on the real VM and ends as declared on this one', {
  timeout: 600_000,
}, async () => {
  const real = realOutcomes(await runTests(CONTRACTS));
  const compiled = await compileTests(CONTRACTS, 'daasvader');
  const names = compiled.tests.map(({ module, name }) => `${module}::${name}`);
  expect(Object.fromEntries(real)).toEqual(Object.fromEntries(names.map((name) => [name, 'ok'])));

  const declared = compiled.tests.map(({ expected }) =>
    expected ? `abort ${expected.code} in ${expected.module}` : 'ok',
  );
  const own = ownOutcomes(compiled);
  console.log(`conformance: ${own.size} tests of the contracts run on both VMs and compared`);
  expect(Object.fromEntries(own)).toEqual(Object.fromEntries(names.map((name, at) => [name, declared[at]])));
});
