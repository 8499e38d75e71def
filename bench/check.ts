/** What `daas check` takes, from its start to its end, beside `daas --help` and the program in Go that judges. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ROLE_RULES } from '@daasvader/verifier/role-rules.ts';

const ROUNDS = 30;
const DAAS = resolve(import.meta.dirname, '../bin/daas');
const BUILD = resolve(import.meta.dirname, '../k3s/build');

const directory = mkdtempSync(join(tmpdir(), 'bench-check-'));
const [one, hundred] = [1, 100].map((count) => manifestsOf(count)) as [string, string];
const program = join(run(BUILD, ['check']).trim(), 'check');

const variants: Record<string, () => unknown> = {
  'daas --help': () => run(DAAS, ['--help']),
  'the program alone, a Deployment': () => run(program, [], requestOf(1)),
  'daas check, a Deployment': () => run(DAAS, ['check', '-f', one]),
  'daas check, 100 of them': () => run(DAAS, ['check', '-f', hundred]),
};

const taken = Object.keys(variants).map((): number[] => []);
for (let round = 0; round <= ROUNDS; round++)
  for (const [i, variant] of Object.values(variants).entries()) {
    const began = performance.now();
    variant();
    if (round > 0) taken[i]?.push(performance.now() - began); // the first fills the caches
  }
rmSync(directory, { recursive: true });

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`);
process.stdout.write(`${''.padEnd(32)}     p50        p90\n`);
for (const [i, name] of Object.keys(variants).entries()) {
  const sorted = taken[i]?.toSorted((a, b) => a - b) ?? [];
  const [p50, p90] = [0.5, 0.9].map(
    (share) => `${(sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(0)} ms`,
  );
  process.stdout.write(`${name.padEnd(32)}${p50?.padStart(8)} ${p90?.padStart(10)}\n`);
}

function run(command: string, args: string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

function manifestsOf(count: number): string {
  const path = join(directory, `${count}.yaml`);
  writeFileSync(path, textOf(count));
  return path;
}

function requestOf(count: number): string {
  const rules = Object.entries(ROLE_RULES).map(([role, rules]) => ({ role, rules }));
  return JSON.stringify({ role: 'developer', rules, files: [{ name: 'web.yaml', text: textOf(count) }] });
}

function textOf(count: number): string {
  const labels = '{app: web}';
  return Array.from({ length: count }, (_, i) =>
    [
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-${i}}\nspec:\n  selector: {matchLabels: ${labels}}`,
      `  template:\n    metadata: {labels: ${labels}}\n    spec: {containers: [{name: web, image: "nginx:1.29"}]}\n`,
    ].join('\n'),
  ).join('---\n');
}
