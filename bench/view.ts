/** What the control plane spends on telling nodes their network: the benchmarks of `k3s/netview`, as a table. */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';

const BUILD = resolve(import.meta.dirname, '../k3s/build');
const ROUNDS = 100;
const NAMES: Record<string, string> = {
  AChangeAmong1000Nodes: 'a pod ends or starts, 1,000 nodes and 10,000 pods',
  FromEventToLine: 'an endpoint changes, until the line of a node is made',
  ANodeJoins1000Others: 'a node joins 1,000 others',
  AViewAt100Nodes: 'all that a node knows, 100 nodes and 1,000 pods',
};

const args = ['test', './netview/', '-run', '^$', '-bench', '.', '-benchtime', `${ROUNDS}x`];
const { status, stdout, stderr } = spawnSync(BUILD, args, { encoding: 'utf8' });
if (status !== 0) throw new Error(`k3s/build ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
for (const [name, what] of Object.entries(NAMES)) {
  const line = stdout.split('\n').find((text) => text.startsWith(`Benchmark${name}`));
  if (line === undefined) throw new Error(`Cannot find the benchmark ${name}`);
  const figures = [...line.matchAll(/([\d.]+) ([a-zA-Z][\w/-]*)/g)].filter(([, , unit]) => unit !== 'ns/op');
  process.stdout.write(`${what}\n`);
  for (const [, figure, unit] of figures) process.stdout.write(`${figure?.padStart(14)} ${unit}\n`);
}
