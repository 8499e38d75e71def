import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPrivate, replacePrivate } from './private-file.ts';

const MODULE = JSON.stringify(import.meta.resolve('./private-file.ts'));

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'private-file-'));
  file = join(directory, 'key');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const isPrivate = async () => ((await stat(file)).mode & 0o777) === 0o600;

test('a file is created once', async () => {
  await createPrivate(file, 'first');
  await expect(createPrivate(file, 'second')).rejects.toMatchObject({ code: 'EEXIST' });
  expect([await readFile(file, 'utf8'), await isPrivate()]).toEqual(['first', true]);
});

test('a file that others may read becomes one that they may not', async () => {
  await writeFile(file, 'former and longer', { mode: 0o644 });
  await replacePrivate(file, 'new');
  expect([await readFile(file, 'utf8'), await isPrivate()]).toEqual(['new', true]);
});

test.each(['createPrivate', 'replacePrivate'])('%s leaves nothing behind where no byte fits', (name) => {
  const program = `
    import { ${name} } from ${MODULE};
    await ${name}(${JSON.stringify(file)}, 'secret').catch(({ code }) => console.log(code));`;
  // As a full disk: a file may be made, and nothing may be written to it.
  const script = `trap '' XFSZ; ulimit -f 0; exec "$0" --input-type=module -e "$1" | cat`;
  const { stdout } = spawnSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' });
  expect(stdout).toBe('EFBIG\n');
  return expect(readdir(directory)).resolves.toEqual([]);
});

test('a file that cannot be put in its place leaves nothing behind', async () => {
  await mkdir(join(file, 'in-its-place'), { recursive: true });
  await expect(replacePrivate(file, 'secret')).rejects.toThrow();
  expect(await readdir(directory)).toEqual(['key']);
});
