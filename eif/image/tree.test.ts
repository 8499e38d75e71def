import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packCpio } from '@daasvader/eif/cpio.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeMetadata } from './metadata.ts';
import { entriesOf } from './tree.ts';

const root = mkdtempSync(join(tmpdir(), 'daas-tree-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('entriesOf()', () => {
  it('gives the same archive of the same tree in another folder, with another umask and other times', async () => {
    const [one, two] = [makeTree('one', 0o022, 0), makeTree('two', 0o077, 1_000_000_000)];
    expect(await archive(one)).toEqual(await archive(two));
  });

  it('puts the tree where it shall be and leaves out what is not wanted', async () => {
    const keep = (path: string) => path !== 'app/folder';
    const entries = await entriesOf(makeTree('three', 0o022, 0), 'app', keep);
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['app/link', 'symlink'],
      ['app/program', 'file'],
    ]);
  });

  it('refuses a socket', async () => {
    const folder = join(root, 'socket');
    mkdirSync(folder);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    await expect(entriesOf(folder, '')).rejects.toMatchObject({ code: 'cpio_path' });
    server.close();
  });
});

describe('encodeMetadata()', () => {
  it('does not depend on the order of the custom fields', () => {
    const making = { name: 'n', version: '1', tool: 't', toolVersion: '1', kernelVersion: '6' };
    const first = encodeMetadata({ ...making, custom: { a: '1', b: '2' } });
    expect(encodeMetadata({ ...making, custom: { b: '2', a: '1' } })).toBe(first);
    expect(JSON.parse(first)).toMatchObject({
      BuildMetadata: { KernelVersion: '6' },
      CustomMetadata: { a: '1' },
    });
  });
});

function makeTree(name: string, mask: number, time: number): string {
  const folder = join(root, name);
  mkdirSync(join(folder, 'folder'), { recursive: true, mode: 0o777 & ~mask });
  writeFileSync(join(folder, 'folder/file'), 'content', { mode: 0o666 & ~mask });
  writeFileSync(join(folder, 'program'), 'program');
  chmodSync(join(folder, 'program'), 0o777 & ~mask);
  symlinkSync('folder/file', join(folder, 'link'));
  utimesSync(join(folder, 'program'), time, time);
  return folder;
}

async function archive(folder: string): Promise<Buffer> {
  return Buffer.from(await packCpio(await entriesOf(folder, '')).arrayBuffer());
}
