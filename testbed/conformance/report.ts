import { readFile } from 'node:fs/promises';

/** What became of a spec; one that skips itself says that it could not be tried here. */
export type Outcome = 'passed' | 'failed' | 'skipped';

/** A spec that was to run. */
export interface SpecResult {
  /** With all its tags, the group first: `[sig-network] DNS should … [Conformance]`. */
  readonly name: string;
  readonly outcome: Outcome;
  /** Why it did not pass; empty when it did. */
  readonly message: string;
}

/** What a run of the suite tells. */
export interface SuiteReport {
  readonly specs: readonly SpecResult[];
  /** Every spec that the suite has, whether it was to run or not. */
  readonly known: ReadonlySet<string>;
  /** What went wrong beside the specs: a set-up that failed, specs that never ran. */
  readonly problems: readonly string[];
}

/** As ginkgo writes it (its package types, `Report`). */
interface GinkgoReport {
  readonly SpecialSuiteFailureReasons: readonly string[] | null;
  readonly PreRunStats: { readonly SpecsThatWillRun: number };
  readonly SpecReports: readonly GinkgoSpec[];
}

interface GinkgoSpec {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

/**
 * Reads ginkgo's JSON report.
 *
 * @throws Error when the file is missing or is no report of one suite
 */
export async function readReport(file: string): Promise<SuiteReport> {
  const reports = JSON.parse(await readFile(file, 'utf8')) as GinkgoReport[];
  const [report] = reports;
  if (report === undefined || reports.length > 1)
    throw new Error(`Cannot read ${file}: it holds ${reports.length} suites, one is expected`);
  return toSuiteReport(report);
}

function toSuiteReport({ SpecReports, PreRunStats, SpecialSuiteFailureReasons }: GinkgoReport): SuiteReport {
  const its = SpecReports.filter(({ LeafNodeType }) => LeafNodeType === 'It');
  const specs = its.flatMap(toResult);
  const silent = PreRunStats.SpecsThatWillRun - specs.length;
  const problems = [
    ...(SpecialSuiteFailureReasons ?? []),
    ...SpecReports.filter(isBrokenSetup).map((node) => `${node.LeafNodeType}: ${node.Failure?.Message}`),
    ...(silent > 0 ? [`${silent} specs never ran`] : []),
  ];
  return { specs, known: new Set(its.map(nameOf)), problems };
}

/** @returns nothing for a spec that was not chosen or never ran: ginkgo calls it skipped, without a reason */
function toResult(spec: GinkgoSpec): SpecResult[] {
  const { State, Failure } = spec;
  if (State === 'skipped' && Failure === undefined) return [];
  const outcome = State === 'passed' || State === 'skipped' ? State : 'failed';
  return [{ name: nameOf(spec), outcome, message: Failure?.Message ?? '' }];
}

function isBrokenSetup({ LeafNodeType, State }: GinkgoSpec): boolean {
  return LeafNodeType !== 'It' && State !== 'passed' && State !== 'skipped';
}

function nameOf({ ContainerHierarchyTexts, LeafNodeText }: GinkgoSpec): string {
  return [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ');
}
