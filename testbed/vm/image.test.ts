import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildWebImage } from './image.ts';
import { packTar } from './tar.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function unpack(archive: Buffer, name: string): string {
  const into = join(directory, name);
  writeFileSync(`${into}.tar`, archive);
  const { status, stderr } = spawnSync('sh', ['-c', `mkdir ${into} && tar -xf ${into}.tar -C ${into}`]);
  expect(stderr.toString()).toBe('');
  expect(status).toBe(0);
  return into;
}

test('the image is a docker-archive whose layer holds the page and a shell', async () => {
  const archive = await buildWebImage({ reference: 'docker.io/library/hello:1', page: '<p>nonce</p>' });
  const image = unpack(archive, 'image');
  const [manifest] = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8'));
  expect(manifest.RepoTags).toEqual(['docker.io/library/hello:1']);
  const config = JSON.parse(readFileSync(join(image, manifest.Config), 'utf8'));
  expect(config.config.User).toBe('65534:65534');
  const layer = unpack(readFileSync(join(image, manifest.Layers[0])), 'layer');
  expect(readFileSync(join(layer, 'www/index.html'), 'utf8')).toBe('<p>nonce</p>');
  expect(spawnSync(join(layer, 'bin/busybox'), ['echo', 'runs']).stdout.toString()).toBe('runs\n');
});

test('the same page gives the same bytes, another page others', async () => {
  const build = (page: string) => buildWebImage({ reference: 'docker.io/library/hello:1', page });
  expect((await build('a')).equals(await build('a'))).toBe(true);
  expect((await build('a')).equals(await build('b'))).toBe(false);
});

test('a busybox that needs shared libraries is refused', async () => {
  await expect(buildWebImage({ reference: 'x:1', page: '' }, '/bin/ls')).rejects.toMatchObject({
    code: 'invalid',
  });
});

test('a path that the format cannot hold is refused', () => {
  expect(() => packTar([{ type: 'directory', path: 'a'.repeat(101), mode: 0o755 }])).toThrow(RangeError);
});
