import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import type { SuiteOptions } from './options.ts';
import { tellProgress } from './progress.ts';
import { readReport, type SuiteReport } from './report.ts';

const KUBECTL = resolve(import.meta.dirname, '../../bin/kubectl');
const REPORT = 'report.json';
/** For the report of a run that was interrupted at its deadline. */
const GRACE_MINUTES = 5;

/** Where the suite runs, and what is told of it. */
export interface SuiteRun extends SuiteOptions {
  readonly cluster: Cluster;
  /** The directory that `testbed/conformance/build` printed. */
  readonly programs: string;
  /** Gets the suite's report and log, in place of those of the last run. */
  readonly output: string;
  readonly tell: (line: string) => void;
}

/**
 * Runs the suite as Kubernetes's administrator, and reads its report.
 *
 * @throws Error when it is interrupted, leaves no report, or has no spec to run
 */
export async function runSuite(run: SuiteRun): Promise<SuiteReport> {
  await rm(run.output, { recursive: true, force: true });
  await mkdir(run.output, { recursive: true });
  const log = join(run.output, 'e2e.log');
  const end = new AbortController();
  await Promise.all([
    runGinkgo(run, log).finally(() => end.abort()),
    tellProgress(log, run.tell, end.signal),
  ]);
  const report = await readReport(join(run.output, REPORT)).catch((cause: Error) => {
    throw new Error(`Cannot tell how the suite went: ${cause.message} (its log: ${log})`, { cause });
  });
  if (report.specs.length + report.problems.length === 0)
    throw new Error(`Cannot run the suite: none of its specs called Conformance matches ${run.focus}`);
  return report;
}

/** Specs that fail make it fail, so only the report counts. What it starts ends with the cluster. */
async function runGinkgo(run: SuiteRun, logFile: string): Promise<void> {
  const { cluster, programs, deadline } = run;
  const log = openSync(logFile, 'w');
  const limit = AbortSignal.timeout((deadline + GRACE_MINUTES) * 60_000);
  const child = spawn(join(programs, 'ginkgo'), argumentsOf(run), {
    detached: true, // Ctrl-C reaches only us, and we end it
    stdio: ['ignore', log, log],
    env: { ...process.env, DAAS_K3S: cluster.k3s },
    signal: AbortSignal.any([cluster.signal, limit]),
  });
  closeSync(log);
  await once(child, 'close').catch((cause: Error) => {
    if (!limit.aborted) throw cause;
    throw new Error(`Cannot run the suite: it went on for ${GRACE_MINUTES} minutes after its deadline`, {
      cause,
    });
  });
}

function argumentsOf({ cluster, programs, output, ...options }: SuiteRun): string[] {
  return [
    `--procs=${options.processes}`,
    `--timeout=${options.deadline}m`,
    '--label-filter=Conformance',
    ...(options.focus === '' ? [] : [`--focus=${options.focus}`]),
    `--output-dir=${output}`,
    `--json-report=${REPORT}`,
    '--no-color',
    '--silence-skips',
    join(programs, 'e2e.test'),
    '--',
    '--provider=skeleton',
    '--num-nodes=2',
    `--kubeconfig=${cluster.adminKubeconfig}`,
    `--kubectl-path=${KUBECTL}`,
    `--e2e-output-dir=${output}`,
  ];
}
