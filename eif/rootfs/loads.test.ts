import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applicationFiles, INIT } from './rootfs.ts';

// A module that is not in the image ends the boot. So every module of it is loaded from a copy that has nothing else,
// by a Node that may read nothing else.

const run = promisify(execFile);
const SOURCE = /\.(?:ts|[cm]?js)$/;
/** Would start the machine; what it imports is loaded. */
const NOT_LOADED = `app/${INIT}`;
const LOAD = 'for (const path of process.argv.slice(1)) await import(path)';

let copy: string;
let files: string[];

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'daas-image-'));
  const entries = await applicationFiles(resolve(import.meta.dirname, '../..'));
  for (const entry of entries) {
    const path = join(copy, entry.path);
    await mkdir(dirname(path), { recursive: true });
    if (entry.kind === 'symlink') await symlink(entry.target, path);
    else if (entry.kind === 'file') await writeFile(path, entry.content.stream());
  }
  files = entries.map(({ path }) => path).filter((path) => SOURCE.test(path) && path !== NOT_LOADED);
});

afterAll(() => rm(copy, { recursive: true }));

function load(paths: readonly string[]): Promise<unknown> {
  const flags = ['--permission', `--allow-fs-read=${copy}`, '--allow-addons', '--input-type=module'];
  const all = paths.map((path) => join(copy, path));
  return run(process.execPath, [...flags, '--eval', LOAD, ...all], { cwd: copy }).catch(({ stderr }) => {
    throw new Error(stderr); // its message names all files
  });
}

it('every module in the image loads from what is in the image', async () => {
  expect(files.length).toBeGreaterThan(500);
  await load(files);
});

it('a module that is not in the image is noticed', async () => {
  await rm(join(copy, 'app/node_modules/koa/package.json'));
  await expect(load(['app/enclave/api/server.ts'])).rejects.toThrow(
    /Cannot find package|ERR_MODULE_NOT_FOUND/,
  );
});
