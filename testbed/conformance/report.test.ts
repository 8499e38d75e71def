import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReport } from './report.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'report-test-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const node = (LeafNodeType: string, LeafNodeText: string, State: string, Message?: string) => ({
  ContainerHierarchyTexts: LeafNodeType === 'It' ? ['[sig-network] DNS'] : null,
  LeafNodeType,
  LeafNodeText,
  State,
  ...(Message !== undefined && { Failure: { Message } }),
});

async function read(SpecReports: object[], SpecsThatWillRun: number, reasons: string[] | null = null) {
  const file = join(directory, 'report.json');
  const report = { SpecialSuiteFailureReasons: reasons, PreRunStats: { SpecsThatWillRun }, SpecReports };
  await writeFile(file, JSON.stringify([report]));
  return readReport(file);
}

test('a spec passed, failed in whatever way, or skipped itself; one that was not chosen is known only', async () => {
  const { specs, known, problems } = await read(
    [
      node('It', 'passes', 'passed'),
      node('It', 'fails', 'failed', 'no answer'),
      node('It', 'hangs', 'timedout', 'too slow'),
      node('It', 'breaks', 'panicked', 'nil'),
      node('It', 'skips itself', 'skipped', 'needs three nodes'),
      node('It', 'is not chosen', 'skipped'),
      node('ReportAfterSuite', '', 'passed'),
    ],
    5,
  );
  expect(specs.map(({ name, outcome, message }) => [name, outcome, message])).toEqual([
    ['[sig-network] DNS passes', 'passed', ''],
    ['[sig-network] DNS fails', 'failed', 'no answer'],
    ['[sig-network] DNS hangs', 'failed', 'too slow'],
    ['[sig-network] DNS breaks', 'failed', 'nil'],
    ['[sig-network] DNS skips itself', 'skipped', 'needs three nodes'],
  ]);
  expect(known).toContain('[sig-network] DNS is not chosen');
  expect(problems).toEqual([]);
});

test('a set-up that failed, a deadline and specs that never ran are problems', async () => {
  const broken = node('SynchronizedBeforeSuite', '', 'failed', 'no nodes');
  const { problems } = await read([broken, node('It', 'never runs', 'skipped')], 3, [
    'Suite Timeout Elapsed',
  ]);
  expect(problems).toEqual([
    'Suite Timeout Elapsed',
    'SynchronizedBeforeSuite: no nodes',
    '3 specs never ran',
  ]);
});

test('a report that is missing or cut is no result', async () => {
  await expect(readReport(join(directory, 'none.json'))).rejects.toThrow('ENOENT');
  await writeFile(join(directory, 'cut.json'), '[{"SpecReports":[');
  await expect(readReport(join(directory, 'cut.json'))).rejects.toThrow(SyntaxError);
  await writeFile(join(directory, 'empty.json'), '[]');
  await expect(readReport(join(directory, 'empty.json'))).rejects.toThrow('it holds 0 suites');
});
