import { readPackage } from '@daasvader/move/sources.ts';
import { expect, test } from 'vitest';
import { CANCELLATION_OUTCOME, codeName, REQUEST_STATUS, ROLE, WORKER_STATUS } from './codes.ts';

const CONTRACTS = new URL('../../contracts', import.meta.url).pathname;

test.each([
  ['worker_registry', 'STATUS', WORKER_STATUS],
  ['request', 'STATUS', REQUEST_STATUS],
  ['role_stakes', 'ROLE', ROLE],
])('the numbers are those of %s: %s', async (module, prefix, codes) => {
  const source = (await readPackage(CONTRACTS))[`sources/${module}.move`]!;
  const constants = source.matchAll(new RegExp(`^const ${prefix}_(\\w+): u8 = (\\d+);$`, 'gm'));
  expect(codes).toEqual(
    Object.fromEntries([...constants].map(([, n, code]) => [n!.toLowerCase(), Number(code)])),
  );
});

test('the outcomes are as many as the scheduler takes', async () => {
  const source = (await readPackage(CONTRACTS))['sources/k8s_scheduler.move']!;
  const [, last] = /^const LAST_OUTCOME: u8 = (\d+);$/m.exec(source)!;
  expect(Object.values(CANCELLATION_OUTCOME)).toEqual([0, 1, Number(last)]);
});

test('a number has its name, and no other has one', () => {
  expect([0, 4, 5].map((code) => codeName(ROLE, code))).toEqual(['none', 'super', undefined]);
});
