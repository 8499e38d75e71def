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

async function install(
  folder: string,
  manifest: object,
  files: readonly string[] = ['index.js'],
): Promise<void> {
  for (const file of ['package.json', ...files]) {
    const path = join(root, folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file === 'package.json' ? JSON.stringify(manifest) : '');
  }
}

describe('collectPackages', () => {
  it('follows dependencies, nested ones before those of the same name above', async () => {
    await install('node_modules/a', { dependencies: { b: '1' }, devDependencies: { c: '1' } });
    await install('node_modules/a/node_modules/b', {});
    await install('node_modules/b', {});
    await install('node_modules/c', {});
    expect(await collectPackages(root, ['a'])).toEqual([
      'node_modules/a/index.js',
      'node_modules/a/node_modules/b/index.js',
      'node_modules/a/node_modules/b/package.json',
      'node_modules/a/package.json',
    ]);
  });

  it('takes what Node loads and licences, and leaves types, sources, maps, tests and manuals', async () => {
    const wanted = ['LICENSE', 'a.cjs', 'lib/b.mjs', 'lib/c.node', 'd.json'];
    const unwanted = ['a.d.ts', 'src.ts', 'a.js.map', 'README.md', 'test/a.js', 'docs/index.js', 'native.cc'];
    await install('node_modules/a', {}, [...wanted, ...unwanted]);
    const expected = [...wanted, 'package.json'].map((file) => `node_modules/a/${file}`).sort();
    expect(await collectPackages(root, ['a'])).toEqual(expected);
  });

  it('leaves out optional dependencies, whatever npm installed on this machine', async () => {
    await install('node_modules/a', { dependencies: { fast: '1' }, optionalDependencies: { fast: '1' } });
    await install('node_modules/fast', {});
    expect(await collectPackages(root, ['a'])).toEqual([
      'node_modules/a/index.js',
      'node_modules/a/package.json',
    ]);
  });

  it('refuses a dependency that is not installed, naming it and who needs it', async () => {
    await install('node_modules/a', { dependencies: { b: '1' } });
    await expect(collectPackages(root, ['a'])).rejects.toMatchObject({
      code: 'package',
      message: expect.stringContaining('b, which node_modules/a needs'),
    });
  });
});
