/** What isolation takes on a node with 1,000 pods and 20,000 pairs of them that policies allow, beside as many linear rules. */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';

const BUILD = resolve(import.meta.dirname, '../k3s/build');

/** The benchmarks of k3s/isolation, how often each runs, and what they are. */
const BENCHMARKS: [name: string, times: number, title: string][] = [
  ['Change', 50, 'a pod and its 100 pairs come or go'],
  ['LinearRules', 20, '  the same with 20,000 rules in a chain'],
  ['Check', 20, 'all is compared with the kernel'],
  ['FlowsOfOne', 20, "a pod's of 100,000 connections are judged"],
  ['FlowsOfAll', 20, '  all of them'],
  ['Connect/without-rules', 5000, 'a connection from pod to pod, without rules'],
  ['Connect/baseline', 5000, '  by the baseline'],
  ['Connect/policies', 5000, '  by policies, ports among them'],
];

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n${''.padEnd(46)}  elapsed   processor\n`);
for (const [name, times, title] of BENCHMARKS) {
  const [elapsed, processor] = measure(name, times).map((ms) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`);
  process.stdout.write(`${title.padEnd(46)}${elapsed?.padStart(9)}${processor?.padStart(12)}\n`);
}

function measure(name: string, times: number): [elapsed: number, processor: number] {
  const pattern = name
    .split('/')
    .map((part) => `^${part}$`)
    .join('/')
    .replace('^', '^Benchmark');
  const args = ['test', './isolation', '-run', '^$', '-bench', pattern, '-benchtime', `${times}x`];
  const { status, stdout, stderr } = spawnSync(BUILD, args, { encoding: 'utf8' });
  const [, elapsed, processor] = /([\d.]+) ns\/op\s+([\d.]+) cpu-ms\/op/.exec(stdout) ?? [];
  if (status !== 0 || elapsed === undefined || processor === undefined)
    throw new Error(`Cannot measure ${name}: ${stderr}${stdout}`);
  return [Number(elapsed) / 1e6, Number(processor)];
}
