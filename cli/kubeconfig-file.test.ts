import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { keepOthers } from './kubeconfig-file.ts';

const USER = `sui:0x${'1'.repeat(64)}`;
/** As the control plane gives it and `daas kubeconfig` completes it. */
const OURS = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'daasvader', cluster: { server: 'https://a:6443', 'certificate-authority-data': 'AA==' } },
  ],
  users: [{ name: USER, user: { 'client-certificate-data': 'AA==', 'client-key-data': 'AA==' } }],
  contexts: [{ name: 'daasvader', context: { cluster: 'daasvader', user: USER, namespace: 'u-1' } }],
  'current-context': 'daasvader',
};
const another = { name: 'kind', cluster: { server: 'https://b:6443' } };

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-kubeconfig-'));
  file = join(directory, 'config');
});

afterEach(() => rm(directory, { recursive: true }));

test('a file that is absent, empty or what we wrote before may be replaced', async () => {
  await keepOthers(file);
  for (const text of ['', '\n', stringify(OURS), JSON.stringify(OURS)]) {
    await writeFile(file, text);
    await keepOthers(file);
  }
});

test.each([
  ['another cluster', stringify({ ...OURS, clusters: [...OURS.clusters, another] })],
  ['another cluster alone', stringify({ ...OURS, clusters: [another] })],
  ['another user', stringify({ ...OURS, users: [...OURS.users, { name: 'me', user: { token: 't' } }] })],
  ['a user with a token', stringify({ ...OURS, users: [{ name: USER, user: { token: 't' } }] })],
  ['settings of kubectl', stringify({ ...OURS, preferences: { colors: true } })],
  ['another thing', 'my notes\n'],
  ['damaged YAML', 'clusters: ['],
])('a file with %s is not replaced', async (_what, text) => {
  await writeFile(file, text);
  await expect(keepOthers(file)).rejects.toMatchObject({
    code: 'file',
    message: expect.stringContaining('KUBECONFIG='),
  });
});

test('a directory is not replaced', async () => {
  await expect(keepOthers(directory)).rejects.toMatchObject({ code: 'file' });
});
