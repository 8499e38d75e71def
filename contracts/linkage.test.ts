import { readFile } from 'node:fs/promises';
import { compileFramework, compilePackage } from '@daasvader/move/compile.ts';
import { beforeAll, expect, test } from 'vitest';
import { layoutsOf, linkedTo } from './testing/linkage.ts';

// The contracts are compiled here against a framework that was written for this repository. What they link to is
// compared with what was written down of the real one, so that neither departs from it unnoticed.

const MAINNET = new URL('testing/mainnet-framework.txt', import.meta.url);

let mainnet: string[];

beforeAll(async () => {
  const lines = (await readFile(MAINNET, 'utf8')).split('\n');
  mainnet = lines.filter((line) => line !== '' && !line.startsWith('#'));
});

test('every function and type that the contracts link to has the signature and the abilities that mainnet’s has', async () => {
  const { modules } = await compilePackage(import.meta.dirname);
  const linked = linkedTo(modules);
  expect(linked.length).toBeGreaterThan(80);
  expect(linked.filter((line) => !mainnet.includes(line))).toEqual([]);
});

test('every struct of the framework that the contracts link to has the fields that mainnet’s has, in their order', async () => {
  const layouts = mainnet.filter((line) => line.endsWith('}'));
  const own = layoutsOf(await compileFramework());
  expect(layouts.length).toBeGreaterThan(15);
  expect(layouts.filter((line) => !own.includes(line))).toEqual([]);
  const named = new Set(layouts.map((line) => line.split(' ')[0]));
  const structs = mainnet
    .filter((line) => line.startsWith('struct '))
    .map((line) => /[\w:]+(?=[<\s]|$)/.exec(line.slice(7))![0]);
  expect(structs.filter((name) => !named.has(name))).toEqual([]);
});
