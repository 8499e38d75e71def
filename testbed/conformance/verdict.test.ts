import { expect, test } from 'vitest';
import type { Outcome, SuiteReport } from './report.ts';
import { formatFaults, formatTable } from './table.ts';
import { isClean, judge } from './verdict.ts';

function report(outcomes: Readonly<Record<string, Outcome>>, problems: string[] = []): SuiteReport {
  const specs = Object.entries(outcomes).map(([name, outcome]) => ({
    name,
    outcome,
    message: outcome === 'passed' ? '' : 'because',
  }));
  return { specs, known: new Set([...Object.keys(outcomes), '[sig-node] not chosen']), problems };
}

const failing = (...specs: string[]) => specs.map((spec) => ({ spec, reason: 'a decision' }));

test('what passes and what fails on purpose is clean, and counted by group', () => {
  const verdict = judge(
    report({ '[sig-network] a': 'passed', '[sig-network] b': 'failed', '[sig-apps] c': 'passed' }),
    failing('[sig-network] b', '[sig-node] not chosen'),
  );
  expect(isClean(verdict)).toBe(true);
  expect(formatFaults(verdict)).toBe('');
  expect(
    formatTable(verdict.groups)
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
  ).toEqual([
    ['group', 'specs', 'passed', 'expected failures', 'failed'],
    ['sig-apps', '1', '1', '0', '0'],
    ['sig-network', '2', '1', '1', '0'],
    ['all', '3', '2', '1', '0'],
    [''],
  ]);
});

test.each(['failed', 'skipped'] as const)(
  'a spec that %s and is not on the list is told with its reason',
  (outcome) => {
    const verdict = judge(report({ '[sig-network] a': outcome }), []);
    expect(isClean(verdict)).toBe(false);
    expect(formatFaults(verdict)).toBe(`${outcome}: [sig-network] a\n  because\n`);
  },
);

test('a spec of the list that passes, or that the suite does not have, is a fault of the list', () => {
  const verdict = judge(
    report({ '[sig-network] a': 'passed' }),
    failing('[sig-network] a', '[sig-network] b'),
  );
  expect(isClean(verdict)).toBe(false);
  expect(verdict.complaints).toEqual([
    'passes, so take it off the list of expected failures: [sig-network] a',
    'is on the list of expected failures and the suite has no such spec: [sig-network] b',
  ]);
});

test('a run with a problem is not clean, whatever passed', () => {
  expect(isClean(judge(report({ '[sig-apps] a': 'passed' }, ['3 specs never ran']), []))).toBe(false);
});
