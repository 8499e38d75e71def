import type { ExpectedFailure } from './expected.ts';
import type { SpecResult, SuiteReport } from './report.ts';

/** A line of the table: how many specs of a group did what. */
export interface GroupResult {
  readonly group: string;
  passed: number;
  /** Failed as the list of expected failures says. */
  expected: number;
  /** Failed, or could not be tried, and nobody said so. */
  failed: number;
}

/** What a run shows, held against the list of expected failures. */
export interface Verdict {
  readonly groups: readonly GroupResult[];
  /** Specs that did not pass and are not on the list. */
  readonly surprises: readonly SpecResult[];
  /** What else is wrong: with the run, or with the list. */
  readonly complaints: readonly string[];
}

/**
 * Judges a run. The list is a claim like any other, so one of its specs that passes, or that the suite does not have, is
 * wrong too.
 */
export function judge(report: SuiteReport, list: readonly ExpectedFailure[]): Verdict {
  const expected = new Set(list.map(({ spec }) => spec));
  const groups = new Map<string, GroupResult>();
  for (const spec of report.specs) {
    const group = groupOf(spec.name);
    const row = groups.get(group) ?? { group, passed: 0, expected: 0, failed: 0 };
    row[spec.outcome === 'passed' ? 'passed' : expected.has(spec.name) ? 'expected' : 'failed'] += 1;
    groups.set(group, row);
  }
  return {
    groups: [...groups.values()].sort((a, b) => a.group.localeCompare(b.group)),
    surprises: report.specs.filter(({ name, outcome }) => outcome !== 'passed' && !expected.has(name)),
    complaints: [...report.problems, ...staleIn(expected, report)],
  };
}

/** Whether a run is as it should be. */
export function isClean({ surprises, complaints }: Verdict): boolean {
  return surprises.length === 0 && complaints.length === 0;
}

function staleIn(expected: ReadonlySet<string>, { specs, known }: SuiteReport): string[] {
  const healed = specs.filter(({ name, outcome }) => outcome === 'passed' && expected.has(name));
  const unknown = [...expected].filter((spec) => !known.has(spec));
  return [
    ...healed.map(({ name }) => `passes, so take it off the list of expected failures: ${name}`),
    ...unknown.map((spec) => `is on the list of expected failures and the suite has no such spec: ${spec}`),
  ];
}

/** The special interest group that a spec's name begins with. */
function groupOf(name: string): string {
  return /^\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? 'none';
}
