import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseManifests, readManifests } from './read.ts';

const directory = mkdtempSync(join(tmpdir(), 'daas-manifests-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const parse = (text: string) => parseManifests('a.yaml', text);
const dataOf = (yaml: string) => parse(`apiVersion: v1\nkind: ConfigMap\ndata: {${yaml}}`)[0]?.object.data;

describe('YAML as kubectl reads it', () => {
  test.each([
    ['a: 0444', { a: 292 }],
    ['a: yes, b: on, c: no', { a: true, b: true, c: false }],
    ['a: 22:22', { a: '22:22' }],
    ['a: 2001-01-01', { a: '2001-01-01' }],
    ['a: &x {b: 1}, c: {<<: *x, d: 2}', { a: { b: 1 }, c: { b: 1, d: 2 } }],
    ['a: 1.5, b: ~, c: "0444", d: 0x10', { a: 1.5, b: null, c: '0444', d: 16 }],
    ['__proto__: {x: 1}', JSON.parse('{"__proto__": {"x": 1}}')],
  ])('%s', (yaml, data) => {
    expect(dataOf(yaml)).toEqual(data);
  });

  test.each([
    ['a key twice', 'apiVersion: v1\nkind: Pod\nkind: Pod', /unique/],
    ['tabs', 'apiVersion: v1\n\tkind: Pod', /a\.yaml/],
    ['an unknown tag', 'apiVersion: v1\nkind: !thing Pod', /tag/],
    ['an alias of nothing', 'apiVersion: v1\nkind: *pod', /alias/],
    ['a number that is rounded', 'apiVersion: v1\nkind: Pod\na: 9007199254740993', /quotes/],
    ['infinity', 'apiVersion: v1\nkind: Pod\na: .inf', /quotes/],
    ['text', 'hello', /not an object of Kubernetes/],
    ['no kind', 'apiVersion: v1', /apiVersion and kind/],
    ['a list of texts', 'apiVersion: v1\nkind: List\nitems: [a]', /not an object of Kubernetes/],
    ['Compose', 'services: {web: {image: nginx}}', /Compose/],
    ['Akash SDL', 'version: "2.0"\nservices: {}\nprofiles: {}\ndeployment: {}', /Akash SDL/],
  ])('%s is refused', (_, text, why) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'file', message: expect.stringMatching(why) }),
    );
  });

  test('aliases of aliases are refused before they fill the memory', () => {
    const levels = Array.from({ length: 20 }, (_, at) => {
      const what =
        at === 0
          ? '"xxxxxxxxxx"'
          : Array(10)
              .fill(`*a${at - 1}`)
              .join(', ');
      return `a${at}: &a${at} [${what}]`;
    });
    expect(() => parse(`apiVersion: v1\nkind: Pod\n${levels.join('\n')}`)).toThrow(/a\.yaml/);
    const long = `l: &l "${'x'.repeat(1 << 20)}"\nm: [${Array(100).fill('*l').join(', ')}]`;
    expect(() => parse(`apiVersion: v1\nkind: Pod\n${long}`)).toThrow('too large');
  });
});

test('documents and lists are objects one after the other', () => {
  const text = `---
apiVersion: v1
kind: Service
metadata: {name: a}
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: b}}
- {apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: c}}]}
`;
  expect(parse(text)).toMatchObject([
    { file: 'a.yaml', apiVersion: 'v1', kind: 'Service' },
    { apiVersion: 'v1', kind: 'Pod', object: { metadata: { name: 'b' } } },
    { apiVersion: 'apps/v1', kind: 'Deployment', object: { metadata: { name: 'c' } } },
  ]);
  expect(parse('{"apiVersion": "v1", "kind": "Pod"}')).toHaveLength(1);
});

test('of a folder the manifests are read in order, and nothing else', async () => {
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  for (const name of ['b.yml', 'a.yaml', 'c.json', 'README.md'])
    write(`folder/${name}`, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "${name}"}}`);
  const names = (await readManifests([folder])).map(({ object }) => object.metadata);
  expect(names).toEqual([{ name: 'a.yaml' }, { name: 'b.yml' }, { name: 'c.json' }]);
});

test('a file that is missing, empty or far too large is named', async () => {
  await expect(readManifests([join(directory, 'none.yaml')])).rejects.toThrow(
    /none\.yaml: there is no such file/,
  );
  await expect(readManifests([write('empty.yaml', '# nothing\n')])).rejects.toThrow(
    /empty\.yaml: there is no object/,
  );
  await expect(readManifests([write('big.yaml', 'x'.repeat((8 << 20) + 1))])).rejects.toThrow(/big\.yaml/);
});

test('standard input is read as a file is', () => {
  const script = `
    const { readManifests } = await import(${JSON.stringify(join(import.meta.dirname, 'read.ts'))});
    console.log(JSON.stringify(await readManifests(['-'])));`;
  const input = 'apiVersion: v1\nkind: Pod\n';
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    input,
    encoding: 'utf8',
  });
  expect(JSON.parse(stdout)).toMatchObject([{ file: '-', kind: 'Pod' }]);
});
