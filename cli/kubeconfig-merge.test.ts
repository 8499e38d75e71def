import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { KUBECONFIG_MARK } from './kubeconfig-file.ts';
import { type ContextEntry, mergeContext, renewCluster } from './kubeconfig-merge.ts';

const OTHERS = `# mine, do not touch
apiVersion: v1
kind: Config
preferences: {}
current-context: work # the important one
clusters:
- name: work
  cluster: {server: "https://work:6443", insecure-skip-tls-verify: true}
contexts:
- name: work
  context:
    cluster: work
    user: me
    namespace: "no"
users:
- name: me
  user:
    token: abc # from the vault
extensions:
- name: x
  extension: {a: 0o17, b: 1e3, c: 1.10, d: yes, e: ~}
- name: 0xc262e2a709e763db3c3f1e14688db7083d44ac325ca550e04d42aa997f60c2d6
`;

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-merge-'));
  file = join(directory, 'config');
});

afterEach(() => rm(directory, { recursive: true }));

function entry(name = 'daasvader', changes: Partial<ContextEntry> = {}): ContextEntry {
  return {
    name,
    cluster: { server: 'https://a:6443', ca: 'CA' },
    exec: { command: '/opt/bin/daas', args: ['credential', '--context', name] },
    namespace: 'no',
    namespaces: ['no', 'u-web'],
    ...changes,
  };
}

const named = (list: { name: string }[], name: string) => list.find((each) => each.name === name);

test('where there is nothing, a kubeconfig of ours alone is made, for us alone to read', async () => {
  file = join(directory, 'new', 'config');
  expect(await mergeContext(file, entry())).toBe('daasvader');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const config = new KubeConfig();
  config.loadFromFile(file);
  expect(config.getCurrentCluster()?.server).toBe('https://a:6443');
  const text = await readFile(file, 'utf8');
  expect(parse(text, { version: '1.1' }), 'as kubectl reads it').toEqual(parse(text));
});

test('what others wrote stays as it is, comments and current context too', async () => {
  await writeFile(file, OTHERS);
  expect(await mergeContext(file, entry())).toBe('work');
  const text = await readFile(file, 'utf8');
  for (const words of OTHERS.match(/[^\s{},]+/g) ?? []) expect(text).toContain(words);
  expect(text.match(/#.*/g)).toEqual(OTHERS.match(/#.*/g));
  const [before, after] = [parse(OTHERS), parse(text)];
  for (const kind of ['clusters', 'users', 'contexts']) {
    expect(after[kind].filter(({ name }: { name: string }) => name !== 'daasvader')).toEqual(before[kind]);
    expect(named(after[kind], 'daasvader')).toBeDefined();
  }
  expect(after.extensions).toEqual(before.extensions);
});

test('what kubectl writes where there is nothing is no list and no context', async () => {
  const empty = 'apiVersion: v1\nclusters: null\ncontexts: []\ncurrent-context: ""\nkind: Config\nusers: ~\n';
  await writeFile(file, empty);
  expect(await mergeContext(file, entry())).toBe('daasvader');
  const { users } = parse(await readFile(file, 'utf8'));
  expect(users[0].user.exec.provideClusterInfo).toBe(true);
});

test('an address that kubectl wrote without quotes keeps its digits', async () => {
  const address = `0x${'c2'.repeat(32)}`;
  const exec = { command: '/opt/bin/daas', args: ['credential', '--wallet-address', address] };
  await mergeContext(file, entry('daasvader', { exec }));
  await writeFile(file, (await readFile(file, 'utf8')).replace(`"${address}"`, address));
  await renewCluster(file, 'daasvader', { server: 'https://b:6443', ca: 'CB' });
  expect(await readFile(file, 'utf8')).toContain(`- ${address}\n`);
});

test('a kubeconfig in JSON stays one that tools can read', async () => {
  await writeFile(file, JSON.stringify(parse(OTHERS), null, 2));
  await mergeContext(file, entry());
  const after = parse(await readFile(file, 'utf8'));
  expect(named(after.users, 'me')).toEqual({ name: 'me', user: { token: 'abc' } });
  expect(named(after.contexts, 'daasvader')).toBeDefined();
});

test('written again it replaces its own, and keeps the namespace that was chosen since', async () => {
  await mergeContext(file, entry());
  await writeFile(file, (await readFile(file, 'utf8')).replace('namespace: "no"', 'namespace: u-web'));
  await mergeContext(file, entry('daasvader', { cluster: { server: 'https://b:6443', ca: 'CB' } }));
  const { clusters, contexts } = parse(await readFile(file, 'utf8'));
  expect(clusters).toHaveLength(1);
  expect(clusters[0].cluster.server).toBe('https://b:6443');
  expect(contexts).toEqual([
    expect.objectContaining({ context: expect.objectContaining({ namespace: 'u-web' }) }),
  ]);
  await mergeContext(file, entry('daasvader', { namespaces: ['no'] }));
  expect(parse(await readFile(file, 'utf8')).contexts[0].context.namespace).toBe('no');
});

test.each([
  ['a context of that name that is not ours', OTHERS.replaceAll('work', 'daasvader'), '--context'],
  ['a user of that name', OTHERS.replaceAll('me\n', 'daasvader\n'), '--context'],
  ['what is no YAML', `${OTHERS}token: "secret-of-mine`, 'not YAML'],
  ['a name twice', `${OTHERS}kind: Config\n`, 'not YAML'],
  ['a list', '- a\n', 'not a kubeconfig'],
  ['a manifest', 'kind: Pod\n', 'not a kubeconfig'],
  ['contexts that are no list', 'contexts: {a: b}\n', 'contexts are not a list'],
  ['what --static wrote', `${KUBECONFIG_MARK}${OTHERS}`, '--static'],
])('%s is refused, and nothing is changed or shown', async (_what, text, why) => {
  await writeFile(file, text);
  const error = await mergeContext(file, entry()).catch((cause: Error) => cause);
  expect(error).toMatchObject({ code: 'file', message: expect.stringContaining(why) });
  expect(String(error)).not.toContain('secret');
  expect(await readFile(file, 'utf8')).toBe(text);
  expect(await readdir(directory)).toEqual(['config']);
});

test('many at once lose nothing', async () => {
  await writeFile(file, OTHERS);
  const names = Array.from({ length: 12 }, (_, index) => `c-${index}`);
  await Promise.all(names.map((name) => mergeContext(file, entry(name))));
  const { contexts } = parse(await readFile(file, 'utf8'));
  expect(contexts.map(({ name }: { name: string }) => name).sort()).toEqual([...names, 'work'].sort());
});

test('while another program changes it, it is waited for, and then told how to go on', async () => {
  await writeFile(`${file}.lock`, '');
  const merged = mergeContext(file, entry());
  setTimeout(() => rm(`${file}.lock`), 200);
  await merged;
  await writeFile(`${file}.lock`, '');
  await expect(mergeContext(file, entry())).rejects.toThrow(`remove ${file}.lock`);
});

test('of a link what it leads to is changed, and not the link', async () => {
  const link = join(directory, 'link');
  await writeFile(file, OTHERS);
  await symlink(file, link);
  await mergeContext(link, entry());
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(file, 'utf8')).toContain('daasvader');
});

test('a folder, or a place that cannot be written, is an error of ours', async () => {
  await expect(mergeContext(directory, entry())).rejects.toMatchObject({ code: 'file' });
  await writeFile(file, '');
  await expect(mergeContext(join(file, 'config'), entry())).rejects.toMatchObject({ code: 'file' });
});

test('where Kubernetes is can be renewed in a context of ours only', async () => {
  await writeFile(file, OTHERS);
  await mergeContext(file, entry());
  await renewCluster(file, 'daasvader', { server: 'https://b:6443', ca: 'CB' });
  const { clusters, users } = parse(await readFile(file, 'utf8'));
  expect(named(clusters, 'daasvader')).toMatchObject({ cluster: { server: 'https://b:6443' } });
  expect(named(users, 'daasvader')).toBeDefined();
  for (const name of ['work', 'none'])
    await expect(renewCluster(file, name, { server: 'https://b:6443', ca: 'CB' })).rejects.toThrow('of ours');
});
