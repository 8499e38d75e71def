import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'daas-check-'));
const main = join(import.meta.dirname, 'main.ts');

/** Until Kubernetes is in Go's build cache, where `k3s/build` puts it, this takes as long as that. */
const BUILD_TIMEOUT_MS = 1_800_000;

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: site}\n';
const DAEMON_SET =
  'apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: each}\nspec: {selector: {matchLabels: {a: b}}, ' +
  'template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}}\n';

function write(name: string, text: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** Runs it as a person does. */
function check(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'check', ...args], {
    encoding: 'utf8',
    input,
    cwd: directory,
  });
  return { status, stdout, stderr };
}

beforeAll(() => {
  expect(check(['-f', '-'], CONFIG_MAP).status).toBe(0); // builds the program, if need be
}, BUILD_TIMEOUT_MS);

afterAll(() => rmSync(directory, { recursive: true }));

describe('daas check', () => {
  it('says as JSON why it cannot tell, with 2', () => {
    const { status, stdout } = check(['-f', 'nowhere.yaml', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, message: expect.stringContaining('nowhere.yaml') });
  });

  it('accepts with 0, refuses with 1, and has the verdict of each object as JSON', () => {
    const [good, bad] = [write('good.yaml', CONFIG_MAP), write('bad.yaml', `${CONFIG_MAP}dat: {a: b}\n`)];
    expect(check(['-f', good])).toMatchObject({ status: 0, stderr: '' });
    const { status, stdout } = check(['-f', good, bad, '--json']);
    expect(status).toBe(1);
    const verdict = JSON.parse(stdout);
    expect(Object.keys(verdict)).toEqual(['accepted', 'objects', 'unchecked']);
    expect(verdict.objects).toEqual([
      { file: good, kind: 'ConfigMap', name: 'site', accepted: true, problems: [] },
      {
        file: bad,
        kind: 'ConfigMap',
        name: 'site',
        accepted: false,
        problems: [{ path: 'dat', message: 'unknown field "dat"' }],
      },
    ]);
    expect(verdict.unchecked).toContainEqual(
      expect.objectContaining({ file: good, kind: 'ConfigMap', name: 'site' }),
    );
  });

  it('tells a person each problem with its field', () => {
    const { stdout } = check(['-f', '-'], `${CONFIG_MAP}dat: {a: b}\n`);
    expect(stdout).toContain('-: ConfigMap/site refused\n  dat: unknown field "dat"\n');
  });

  it('reads a folder, without what is no manifest', () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    for (const name of ['b.yml', 'a.yaml', 'c.json'])
      writeFileSync(join(folder, name), '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}');
    writeFileSync(join(folder, 'README.md'), 'kind: nothing');
    const { objects } = JSON.parse(check(['-f', folder, '--json']).stdout);
    expect(objects.map(({ file }: { file: string }) => file)).toEqual(
      ['a.yaml', 'b.yml', 'c.json'].map((name) => join(folder, name)),
    );
  });

  it('judges by the role that would order', () => {
    expect(check(['-f', '-'], DAEMON_SET)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('it takes the role super'),
    });
    expect(check(['-f', '-', '--role', 'super'], DAEMON_SET).status).toBe(0);
    expect(check(['-f', '-', '--role', 'viewer'], CONFIG_MAP).stdout).toContain(
      'it takes the role developer',
    );
  });

  it.each([
    ['Docker Compose', 'services: {web: {image: nginx, ports: ["80:80"]}}\n'],
    ['Akash SDL', 'version: "2.0"\nservices: {web: {image: nginx}}\nprofiles: {}\ndeployment: {}\n'],
  ])('refuses a file of %s in one line', (what, text) => {
    const { status, stdout } = check(['-f', '-'], text);
    expect(status).toBe(1);
    expect(stdout.split('\n').filter((line) => line.includes(what))).toHaveLength(1);
  });

  it.each([
    ['no file', []],
    ['an unknown role', ['-f', 'good.yaml', '--role', 'emperor']],
    ['an unknown option', ['-f', 'good.yaml', '--frob']],
    ['a file that is not there', ['-f', 'nowhere.yaml']],
    ['an empty folder', ['-f', 'empty']],
  ])('ends with 2 for wrong usage: %s', (_, args) => {
    mkdirSync(join(directory, 'empty'), { recursive: true });
    const { status, stdout, stderr } = check(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('does not read what is too large, endless, or no text', () => {
    write('large.yaml', Buffer.alloc(100 << 20, 'a'));
    write('binary.yaml', Buffer.from([0xff, 0xfe, 0]));
    for (const [name, message] of [
      ['large.yaml', 'holds more than'],
      ['/dev/zero', 'holds more than'],
      ['binary.yaml', 'no text in UTF-8'],
    ] as const)
      expect(check(['-f', name])).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });
});
