import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectPackages } from './packages.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'daas-packages-'));
});

afterEach(() => rm(root, { recursive: true }));

/** Puts a package there: its manifest and its files, by path. */
async function install(name: string, manifest: object, files: Record<string, string>): Promise<void> {
  const all = { ...files, 'package.json': JSON.stringify(manifest) };
  for (const [file, text] of Object.entries(all)) {
    const path = join(root, 'node_modules', name, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

const collect = async (...specifiers: string[]) =>
  (await collectPackages(root, { 'enclave/main.ts': specifiers })).map((file) =>
    file.slice('node_modules/'.length),
  );

describe('collectPackages', () => {
  it('follows imports and requires, and leaves out what none of them leads to', async () => {
    await install(
      'a',
      { exports: { '.': { types: './a.d.ts', import: './a.mjs', require: './a.cjs' } } },
      {
        'a.mjs': "import './b.mjs'; export * from './c.js'; const d = () => import('./d.mjs');",
        'a.cjs': '',
        'a.d.ts': '',
        'b.mjs': '',
        'c.js': "const e = () => require('./e'); const f = require('./f.json');",
        'd.mjs': '',
        'e/index.js': '',
        'f.json': '{}',
        'unused.js': '',
        'README.md': '',
      },
    );
    const expected = ['a.mjs', 'b.mjs', 'c.js', 'd.mjs', 'e/index.js', 'f.json', 'package.json'];
    expect(await collect('a')).toEqual(expected.map((file) => `a/${file}`));
  });

  it('finds what Node finds: by the conditions of who asks, by private names, nested packages first', async () => {
    await install(
      'a',
      { type: 'module', exports: { './x/*': './lib/*.js' }, imports: { '#own': { node: './own.js' } } },
      { 'lib/y.js': "import '#own'; import 'b';", 'own.js': '' },
    );
    await install('a/node_modules/b', { main: 'lib' }, { 'lib/index.js': "require('c/deep');" });
    await install('b', {}, { 'index.js': '' });
    await install(
      'c',
      { exports: { './deep': { import: './esm.mjs', default: './cjs/deep.js' } } },
      { 'cjs/deep.js': '', 'cjs/package.json': '{"type":"commonjs"}', 'esm.mjs': '', LICENSE: 'free' },
    );
    expect(await collect('a/x/y')).toEqual([
      'a/lib/y.js',
      'a/node_modules/b/lib/index.js',
      'a/node_modules/b/package.json',
      'a/own.js',
      'a/package.json',
      'c/LICENSE',
      'c/cjs/deep.js',
      'c/cjs/package.json',
      'c/package.json',
    ]);
  });

  it('leaves out what packages do without, also where npm has installed it, and what comes with Node', async () => {
    await install(
      'a',
      {},
      { 'index.js': "try { require('cbor-extract') } catch {} require('fs'); require('node:os')" },
    );
    await install('cbor-extract', {}, { 'index.js': '' });
    expect(await collect('a')).toEqual(['a/index.js', 'a/package.json']);
  });

  it.each([
    ['a file that is not there', "require('./b')", 'node_modules/a/index.js loads ./b, which is not there'],
    ['a file of no package', "require('../../x')", 'x.js is in no package'],
    [
      'a package that is not installed',
      "require('b')",
      'node_modules/a/index.js loads b, which is not there',
    ],
    ['a name that is put together', "require('./' + b)", "loads by a computed name: require('./' + b)"],
    ['an import that is put together', 'import(b + c)', 'loads by a computed name: import(b + c)'],
  ])('refuses %s, naming who loads it', async (_what, text, message) => {
    await install('a', {}, { 'index.js': text, '../../x.js': '' });
    await expect(collect('a')).rejects.toMatchObject({
      code: 'package',
      message: expect.stringContaining(message),
    });
  });

  it('takes no text that looks like an import for one', async () => {
    await install('a', {}, { 'index.js': "// require('b')\nconst c = \"import('d')\", e = /require('f')/;" });
    expect(await collect('a')).toEqual(['a/index.js', 'a/package.json']);
  });
});
