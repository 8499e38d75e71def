import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runTests } from './test.ts';
import { listTests } from './test-list.ts';

const MANIFEST = '[package]\nname = "probe"\nedition = "2024"\n[addresses]\nprobe = "0x0"\n';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'move-test-'));
  await mkdir(join(directory, 'sources'));
  await writeFile(join(directory, 'Move.toml'), MANIFEST);
});

afterAll(() => rm(directory, { recursive: true }));

function run(source: string) {
  return writeFile(join(directory, 'sources/probe.move'), `module probe::probe;\n${source}`).then(() =>
    runTests(directory),
  );
}

test('runTests() tells which tests passed and why others did not', async () => {
  const { results, output } = await run(`
const EWrong: u64 = 7;
#[test] fun fine() {}
#[test] fun wrong() { assert!(false, EWrong) }
#[test, expected_failure(abort_code = probe::probe::EWrong)] fun expected() { assert!(false, EWrong) }
#[test, expected_failure(abort_code = probe::probe::EWrong)] fun missing() {}
  `);
  expect(Object.fromEntries(results.map(({ test, passed }) => [test, passed]))).toEqual({
    'probe::fine': true,
    'probe::wrong': false,
    'probe::expected': true,
    'probe::missing': false,
  });
  expect(output).toContain('EWrong');
});

test('runTests() refuses tests that do not compile', async () => {
  await expect(run('#[test] fun wrong(): u64 { true }')).rejects.toMatchObject({ code: 'test' });
});

test('listTests() tells the abort that a test expects', () => {
  const text = `module probe::probe;
const EWrong: u64 = 7;
#[test, expected_failure(abort_code = probe::probe::EWrong)]
fun expected() { abort EWrong }`;
  expect(listTests({ 'sources/probe.move': text })).toEqual([
    { module: 'probe', name: 'expected', expected: { module: 'probe', code: 7n } },
  ]);
});

test.each([
  ['an expected failure without its abort', '#[test, expected_failure]\nfun a() {}'],
  ['an abort code as a number', '#[test, expected_failure(abort_code = 7)]\nfun a() {}'],
  ['an unknown constant', '#[test, expected_failure(abort_code = probe::probe::ENone)]\nfun a() {}'],
])('listTests() refuses %s', (_, text) => {
  expect(() => listTests({ 'a.move': `module probe::probe;\n${text}` })).toThrow(TypeError);
});
