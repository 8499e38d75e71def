import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { KUBECONFIG_MARK, keepOthers, writeKubeconfig } from './kubeconfig-file.ts';

const KUBECONFIG = stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'daasvader', cluster: { server: 'https://a:6443' } }],
  users: [{ name: 'u', user: { token: 't' } }],
  contexts: [{ name: 'daasvader', context: { cluster: 'daasvader', user: 'u' } }],
  'current-context': 'daasvader',
});

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-kubeconfig-'));
  file = join(directory, 'config');
});

afterEach(() => rm(directory, { recursive: true }));

test('a file that is absent, empty or as we wrote it may be replaced', async () => {
  await keepOthers(file);
  for (const text of ['', '\n', KUBECONFIG_MARK + KUBECONFIG]) {
    await writeFile(file, text);
    await keepOthers(file);
  }
});

test('what we write is a kubeconfig', () => {
  const config = new KubeConfig();
  config.loadFromString(KUBECONFIG_MARK + KUBECONFIG);
  expect(config.getCurrentCluster()?.server).toBe('https://a:6443');
});

test.each([
  ['a kubeconfig of others', KUBECONFIG],
  ['a kubeconfig of ours that kubectl has changed since', KUBECONFIG.replace('token: t', 'token: other')],
  ['another thing', 'my notes\n'],
])('a file with %s is not replaced', async (_what, text) => {
  await writeFile(file, text);
  await expect(keepOthers(file)).rejects.toMatchObject({
    code: 'file',
    message: expect.stringContaining('KUBECONFIG='),
  });
});

test.each(['/dev/null', '/dev/zero'])('the device %s is not replaced', async (device) => {
  await expect(keepOthers(device)).rejects.toMatchObject({ code: 'file' });
});

test('what is not read to its end, such as a pipe, is not replaced', async () => {
  execFileSync('mkfifo', [file]);
  await expect(keepOthers(file)).rejects.toMatchObject({ code: 'file' });
});

test('a directory is not replaced', async () => {
  await expect(keepOthers(directory)).rejects.toMatchObject({ code: 'file' });
});

test('of a link what it leads to is replaced, and not the link', async () => {
  const link = join(directory, 'link');
  await writeFile(file, 'old');
  await symlink(file, link);
  await writeKubeconfig(link, 'new');
  expect(await readFile(file, 'utf8')).toBe('new');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
});

test('a kubeconfig that cannot be written is an error of ours', async () => {
  await expect(writeKubeconfig(join(directory, 'none', 'config'), '')).rejects.toMatchObject({
    code: 'file',
  });
});
