import { readPackage } from '@daasvader/move/sources.ts';
import { expect, test } from 'vitest';
import { ABORTS, abortName } from './aborts.ts';

const CONTRACTS = new URL('../../contracts', import.meta.url).pathname;

test('the names are those of the sources, in the order of their codes', async () => {
  const sources = Object.entries(await readPackage(CONTRACTS)).filter(([path]) =>
    path.startsWith('sources/'),
  );
  const declared = sources.map(([path, text]) => {
    const constants = [...text.matchAll(/^const (E\w+): u64 = (\d+);$/gm)];
    expect(constants.map(([, , code]) => Number(code))).toEqual(constants.map((_, at) => at));
    return [path.slice('sources/'.length, -'.move'.length), constants.map(([, name]) => name!)] as const;
  });
  expect(ABORTS).toEqual(Object.fromEntries(declared.filter(([, names]) => names.length > 0)));
});

test('what the contracts do not declare is unknown', () => {
  expect(abortName('worker_registry', 1)).toBe('EUnknownWorker');
  expect(abortName('worker_registry', 999)).toBe('unknown');
  expect(abortName('balance', 2)).toBe('unknown');
});
