import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ABORTS } from '@daasvader/chain/aborts.ts';
import { parseBytecode } from '@daasvader/devnet/vm/bytecode.ts';
import { compilePackage } from '@daasvader/move/compile.ts';
import { readPackage } from '@daasvader/move/sources.ts';
import { runTests } from '@daasvader/move/test.ts';
import { listTests } from '@daasvader/move/test-list.ts';
import { describe, expect, test } from 'vitest';

const CONTRACTS = import.meta.dirname;

const { results, output } = await runTests(CONTRACTS);
const tests = listTests(await readPackage(CONTRACTS));

describe.each([...new Set(tests.map(({ module }) => module))])('%s', (module) => {
  const own = results.filter(({ test }) => test.startsWith(`${module}::`));
  test.each(own.map(({ test, passed }) => [sentence(test), passed]))('%s', (_, passed) => {
    expect(passed, output).toBe(true);
  });
});

test('every error of the contracts is met by a test', () => {
  const declared = Object.entries(ABORTS).flatMap(([module, names]) =>
    names.map((_, code) => `${module} ${code}`),
  );
  const met = new Set(
    tests.flatMap(({ expected }) => (expected ? [`${expected.module} ${expected.code}`] : [])),
  );
  expect(declared.filter((error) => !met.has(error))).toEqual([]);
});

test('the README names every function that can be called, every event and every error', async () => {
  const readme = await readFile(join(CONTRACTS, 'README.md'), 'utf8');
  const sources = Object.entries(await readPackage(CONTRACTS)).filter(([path]) =>
    path.startsWith('sources/'),
  );
  const callable = sources.flatMap(([, text]) =>
    [
      ...text.matchAll(
        /^(#\[test_only\]\n)?(?:public(?:\(package\) entry)? fun (\w+)|public struct (\w+Event))/gm,
      ),
    ]
      .filter(([, testOnly]) => testOnly === undefined)
      .map(([, , name, event]) => name ?? event!),
  );
  const names = [...callable, ...Object.values(ABORTS).flat()];
  expect(callable.length).toBeGreaterThan(60);
  expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

test('the README has every function of the framework that the compiled contracts call', async () => {
  const { modules } = await compilePackage(CONTRACTS);
  const called = new Set(modules.flatMap(frameworkCalls));
  const readme = await readFile(join(CONTRACTS, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| `((?:std|sui)::\w+)` +\| (.*) \|$/gm)];
  const listed = new Set(
    rows.flatMap(([, module, text]) =>
      [...text!.matchAll(/`(\w+)(?:<[^`]*>)?\(/g)].map(([, name]) => `${module}::${name}`),
    ),
  );
  expect([...called].sort()).toEqual([...listed].sort());
});

test('the tests that the security review names are there', async () => {
  const review = await readFile(join(CONTRACTS, 'SECURITY.md'), 'utf8');
  const claims = [...review.matchAll(/(?<!all of )`(\w+_tests)`: ([^|`]+)/g)].flatMap(([, module, text]) =>
    text!.split(';').flatMap((part) => (part.trim() === '' ? [] : [`${module} ${part.trim()}`])),
  );
  const there = new Set(tests.map(({ module, name }) => `${module} ${name.replaceAll('_', ' ')}`));
  expect(claims.length).toBeGreaterThan(25);
  expect(claims.filter((claim) => !there.has(claim))).toEqual([]);
});

/** Functions of 0x1 and 0x2 that a module's code may call. */
function frameworkCalls(bytes: Uint8Array): string[] {
  const { function_handles, module_handles, address_identifiers, identifiers } = parseBytecode(bytes);
  return function_handles.flatMap(({ module, name }) => {
    const handle = module_handles[module]!;
    const address = BigInt(`0x${address_identifiers[handle.address]}`);
    const root = { 1: 'std', 2: 'sui' }[Number(address)];
    return root ? [`${root}::${identifiers[handle.name]}::${identifiers[name]}`] : [];
  });
}

/** `a::nobody_may_enter` → `nobody may enter`. */
function sentence(name: string): string {
  return name.slice(name.indexOf('::') + 2).replaceAll('_', ' ');
}
