import type { Bytes } from '@daasvader/attestation/bytes.ts';
import type { Coverage } from './coverage.ts';
import type { Mutator } from './mutate.ts';
import { Random } from './random.ts';

/** Something that takes bytes from strangers. */
export interface Target {
  name: string;
  /** Inputs to begin with, at least one. */
  seeds: readonly Bytes[];
  mutators: readonly Mutator[];
  /** Feeds it an input. Whatever it throws is a finding, so refusals that are meant to be are caught here. */
  run(input: Bytes): void | Promise<void>;
}

/** An input that broke a property. */
export interface Finding {
  input: Bytes;
  error: unknown;
}

/** How a run is told when to end and tells what it is doing. */
export interface FuzzOptions {
  seed: number;
  corpus: readonly Bytes[];
  /** Asked before every execution. */
  goOn: (executions: number) => boolean;
  /** Called with each input before it is run: what is left of one that never returns. */
  before?: (input: Bytes, executions: number) => void;
}

/** What a run came to. */
export interface FuzzResult {
  executions: number;
  features: number;
  /** Inputs that each reached something new. */
  corpus: Bytes[];
  finding: Finding | undefined;
}

/** Above what a document may have, so that the limit itself is tried. */
export const MAX_INPUT_BYTES = 20_000;
const MAX_STACKED = 6;

/**
 * Mutates inputs, keeps those that reach code that none reached before, and mutates these further, until it is
 * told to stop or something breaks.
 */
export async function fuzz(target: Target, coverage: Coverage, options: FuzzOptions): Promise<FuzzResult> {
  const { goOn, before } = options;
  const random = new Random(options.seed);
  const corpus: Bytes[] = [];
  const given = [...target.seeds, ...options.corpus];
  let executions = 0;
  while (goOn(executions)) {
    const input = given[executions] ?? mutate(target, corpus, random);
    executions++;
    before?.(input, executions);
    try {
      await target.run(input);
    } catch (error) {
      return { executions, features: coverage.features, corpus, finding: { input, error } };
    }
    if (coverage.takeNew() > 0 || corpus.length === 0) corpus.push(input);
  }
  return { executions, features: coverage.features, corpus, finding: undefined };
}

function mutate({ mutators }: Target, corpus: readonly Bytes[], random: Random): Bytes {
  let input = random.pick(corpus);
  for (let left = random.below(MAX_STACKED); left >= 0; left--)
    input = random.pick(mutators)(input, random, random.pick(corpus));
  return input.slice(0, MAX_INPUT_BYTES);
}
