/**
 * Coverage-guided fuzzing of everything that reads an attestation document.
 *
 *   bin/node fuzz/main.ts [--seconds N] [--target NAME] [--seed N] [--keep]   N seconds for each target
 *   bin/node fuzz/main.ts --target NAME FILE                                  one input, once
 *
 * Exit 1 when an input broke something; that input is then in `build/fuzz`. `--keep` leaves in `fuzz/corpus` the
 * smallest inputs found for all code that was reached.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { ATTESTATION, runTarget } from './run.ts';
import { TARGETS } from './targets.ts';

const CORPUS = join(import.meta.dirname, 'corpus');
const FINDINGS = resolve(import.meta.dirname, '../build/fuzz');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '20' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    keep: { type: 'boolean', default: false },
  },
});
const targets = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
if (targets.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  console.error(`Cannot fuzz: --seconds is above 0, --seed a whole number, --target one of ${names}`);
  process.exit(2);
}

if (positionals[0] === undefined) await fuzzAll();
else await targets[0]!.run(new Uint8Array(readFileSync(positionals[0])));

async function fuzzAll(): Promise<void> {
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, seed ${seed}`);
  console.log('target        executions   per second   features   corpus');
  for (const { name } of targets) {
    const report = await runTarget(name, ATTESTATION, { seconds, seed, corpus: readCorpus(name) });
    const figures = [
      report.executions,
      Math.round((report.executions / report.milliseconds) * 1000),
      report.features,
      report.corpus.length,
    ].map((figure, i) => String(figure).padStart([12, 13, 11, 9][i]!));
    console.log(`${name.padEnd(12)}${figures.join('')}`);
    if (report.finding !== undefined) saveFinding(name, report.finding.input, report.finding.error);
    else if (values.keep) await keep(name, report.corpus);
  }
}

function saveFinding(name: string, input: Uint8Array, error: string): void {
  const path = join(FINDINGS, `${name}-${digest(input)}`);
  mkdirSync(FINDINGS, { recursive: true });
  writeFileSync(path, input);
  console.error(
    `\n${name}: ${error}\n  input: ${path}\n  again: bin/node fuzz/main.ts --target ${name} ${path}\n`,
  );
  process.exitCode = 1;
}

/** Replaces the corpus with the inputs that still add something when the small ones are run first. */
async function keep(name: string, found: readonly Bytes[]): Promise<void> {
  const smallestFirst = found.toSorted((a, b) => a.length - b.length);
  const { corpus } = await runTarget(name, ATTESTATION, {
    seconds: 'corpus only',
    seed,
    corpus: smallestFirst,
  });
  const folder = join(CORPUS, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const input of corpus) writeFileSync(join(folder, digest(input)), input);
}

function readCorpus(name: string): Bytes[] {
  const folder = join(CORPUS, name);
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder).map((file) => new Uint8Array(readFileSync(join(folder, file))));
}

function digest(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
