import { parentPort, workerData } from 'node:worker_threads';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { instrument } from './coverage.ts';
import { type FuzzResult, fuzz, type Target } from './fuzzer.ts';

/** What a worker is asked to do. */
export interface Assignment {
  target: string;
  /** URL of the module that exports `TARGETS`. */
  targets: string;
  /** Folder whose modules are instrumented. */
  folder: string;
  seconds: number | 'corpus only';
  seed: number;
  corpus: readonly Bytes[];
  /** Where it shows what it is doing: number of executions, length of the input, the input. */
  current: SharedArrayBuffer;
}

/** What it answers; an error travels as text. */
export type Report = Omit<FuzzResult, 'finding'> & {
  milliseconds: number;
  finding: { input: Uint8Array; error: string } | undefined;
};

const { target: name, targets, folder, seconds, seed, corpus, current } = workerData as Assignment;
const head = new Uint32Array(current, 0, 2);
const bytes = new Uint8Array(current, 8);

const coverage = instrument(folder);
// Only now, so that what it imports is counted.
const { TARGETS } = (await import(targets)) as { TARGETS: readonly Target[] };
const target = TARGETS.find((candidate) => candidate.name === name)!;
const given = target.seeds.length + corpus.length;
coverage.takeNew(); // what merely importing did
const from = performance.now();
const { finding, ...result } = await fuzz(target, coverage, {
  seed,
  corpus,
  goOn: (executions) =>
    seconds === 'corpus only' ? executions < given : performance.now() - from < seconds * 1000,
  before: (input, executions) => {
    bytes.set(input.subarray(0, bytes.length));
    head[1] = input.length;
    head[0] = executions;
  },
});
const report: Report = { ...result, finding: undefined, milliseconds: performance.now() - from };
if (finding !== undefined)
  report.finding = { input: finding.input, error: (finding.error as Error).stack ?? String(finding.error) };
parentPort!.postMessage(report);
