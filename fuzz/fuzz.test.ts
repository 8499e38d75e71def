import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { describe, expect, it } from 'vitest';
import { countBranches } from './coverage.ts';
import { ATTESTATION, runTarget, type Sources } from './run.ts';
import { TARGETS } from './targets.ts';

const SEED = 1;

describe('the fuzzer', () => {
  const planted: Sources = {
    folder: join(import.meta.dirname, 'planted'),
    targets: new URL('planted/targets.ts', import.meta.url).href,
  };
  const run = (target: string) => runTarget(target, planted, { seconds: 60, seed: SEED, corpus: [] });

  it('finds a bug behind four comparisons, guided by coverage', async () => {
    const { finding } = await run('crash');
    expect(new TextDecoder().decode(finding!.input.slice(0, 4))).toBe('daas');
    expect(finding!.error).toContain('Error: bug');
  });

  it('finds an input that never returns, and stops it', async () => {
    const { finding } = await run('hang');
    expect(finding).toMatchObject({ error: expect.stringContaining('does not end') });
    expect(finding!.input[0]).toBe(0x64);
  });

  it('finds an input that takes memory without bound, and stops it', async () => {
    const { finding } = await run('memory');
    expect(finding).toMatchObject({ error: expect.stringContaining('memory without bound') });
    expect(finding!.input[0]).toBe(0x64);
  });

  it('counts in every kind of branch and changes no result', () => {
    let places = 0;
    const source = `
      export const pick = (n: number): string => (n > 1 ? 'many' : n === 1 ? 'one' : 'none');
      export function sum(items: number[] | null): number {
        let total = 0;
        for (const item of items ?? []) if (item > 0 && item < 10) total += item; else total -= 1;
        switch (total) { case 0: return -1; default: return total; }
      }`;
    const counters = new Uint8Array(64);
    const counted = countBranches(source, () => places++)
      .replace('globalThis.__fuzzCounters', 'counters')
      .replaceAll('export ', '');
    const [pick, sum] = new Function('counters', `${counted}; return [pick, sum];`)(counters);
    expect([pick(2), pick(1), pick(0), sum(null), sum([1, 2, 30])]).toEqual(['many', 'one', 'none', -1, 2]);
    expect(counters.slice(0, places)).not.toContain(0);
  });
});

describe('a few seconds of fuzzing, with the corpus kept so far, break nothing in', () => {
  it.each(TARGETS.map(({ name }) => name))('%s', async (target) => {
    const report = await runTarget(target, ATTESTATION, {
      seconds: 4,
      seed: SEED,
      corpus: readCorpus(target),
    });
    expect(report.finding).toBeUndefined();
    expect(report.executions).toBeGreaterThan(report.corpus.length);
  });
});

function readCorpus(target: string): Bytes[] {
  const folder = join(import.meta.dirname, 'corpus', target);
  return readdirSync(folder).map((file) => new Uint8Array(readFileSync(join(folder, file))));
}
