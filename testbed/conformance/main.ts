import { join, resolve } from 'node:path';
import { Cluster } from '../cluster/cluster.ts';
import { ClusterDirectory } from '../cluster/directory.ts';
import { findK3s } from '../cluster/k3s.ts';
import { Narrator } from '../cluster/narrator.ts';
import { buildSuite, startSuiteCluster } from './cluster.ts';
import { EXPECTED_FAILURES } from './expected.ts';
import { readOptions, type SuiteOptions, USAGE } from './options.ts';
import { runSuite } from './suite.ts';
import { formatFaults, formatTable } from './table.ts';
import { isClean, judge, type Verdict } from './verdict.ts';

/*
 * Upstream's conformance suite against a cluster of ours. Ends with 0 when every spec did what it should, with 1 when
 * one did not or the suite could not run, and with 130 when it was interrupted.
 */

const OUTPUT = resolve(import.meta.dirname, '../../build/conformance');
const EXIT_INTERRUPTED = 130; // 128 + SIGINT, as shells have it

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    process.stderr.write(`\nconformance: ${stop.signal.aborted ? 'still ' : ''}tearing down\n`);
    stop.abort(new Error('interrupted'));
  });
}

if (process.argv.includes('--help')) {
  process.stdout.write(`${USAGE}\n`);
  process.exit();
}

try {
  const verdict = await measure(readOptions(process.argv.slice(2)));
  process.exitCode = isClean(verdict) ? 0 : 1;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (!stop.signal.aborted) process.stderr.write(`\nconformance: ${message}\n`);
  process.exitCode = stop.signal.aborted ? EXIT_INTERRUPTED : 1;
}
process.exit();

async function measure(options: SuiteOptions): Promise<Verdict> {
  const narrator = new Narrator();
  const { signal } = stop;
  const programs = await buildSuite(signal);
  const k3s = await findK3s(signal);
  await using directory = await ClusterDirectory.take({
    what: "upstream's conformance suite",
    toEnd: 'wait for its end, or press Ctrl-C where it runs',
  });
  try {
    await using cluster = await Cluster.create({ directory: directory.path, k3s, signal });
    await startSuiteCluster(cluster, programs, narrator);
    const report = await narrator.step("Upstream's conformance suite", () =>
      runSuite({ ...options, cluster, programs, output: OUTPUT, tell: (line) => narrator.tell(line) }),
    );
    const verdict = judge(report, EXPECTED_FAILURES);
    narrator.finish(isClean(verdict) ? 'As expected' : 'Not as expected');
    process.stdout.write(`\n${formatTable(verdict.groups)}\n${formatFaults(verdict)}`);
    process.stdout.write(`report and log: ${join(OUTPUT, 'report.json')}, ${join(OUTPUT, 'e2e.log')}\n`);
    return verdict;
  } catch (error) {
    if (!signal.aborted)
      process.stderr.write(`\nconformance: the logs are in ${await directory.keepLogs()}\n`);
    throw error;
  }
}
