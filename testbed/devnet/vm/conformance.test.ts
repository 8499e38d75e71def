import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompiledTests, compileTests, runTests } from '@daasvader/move/test.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RULES } from './instructions/table.ts';
import { NATIVES } from './natives/table.ts';
import { arithmeticGrid } from './testing/arithmetic-grid.ts';
import { withFault, withNativeFault } from './testing/fault.ts';
import { type Outcomes, ownOutcomes, realOutcomes } from './testing/outcomes.ts';

const PACKAGE = join(import.meta.dirname, 'conformance');
/** Enough for every case; a fault may make one run for ever. */
const GAS_LIMIT = 1_000_000;

/** One package as compiled for this VM, and how its cases end on the real one. */
interface Suite {
  real: Outcomes;
  compiled: CompiledTests;
}

let directory: string;
let suites: { cases: Suite; arithmetic: Suite };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'arithmetic-grid-'));
  await mkdir(join(directory, 'sources'));
  await cp(join(PACKAGE, 'Move.toml'), join(directory, 'Move.toml'));
  await writeFile(join(directory, 'sources/grid.move'), arithmeticGrid('conformance'));
  suites = { cases: await load(PACKAGE), arithmetic: await load(directory) };
});

afterAll(() => rm(directory, { recursive: true }));

async function load(path: string): Promise<Suite> {
  const real = realOutcomes(await runTests(path));
  return { real, compiled: await compileTests(path, 'conformance') };
}

function disagreements({ real, compiled }: Suite): string[] {
  const own = ownOutcomes(compiled, { gasLimit: GAS_LIMIT });
  return [...real].filter(([name, outcome]) => own.get(name) !== outcome).map(([name]) => name);
}

test('every case ends on this VM as on the real one', () => {
  const { real, compiled } = suites.cases;
  expect(Object.fromEntries(ownOutcomes(compiled))).toEqual(Object.fromEntries(real));
});

test('arithmetic gives what the real VM gives at the edges of every width', () => {
  const { real, compiled } = suites.arithmetic;
  expect(Object.fromEntries(ownOutcomes(compiled))).toEqual(Object.fromEntries(real));
  const sizes = Object.entries(suites).map(([name, { real }]) => `${real.size} ${name}`);
  console.log(`conformance: run on both VMs and compared: ${sizes.join(', ')}`);
});

/** The compiler has no use for them; `uncompiled.test.ts` runs them in bytecode written by hand. */
const NEVER_COMPILED = ['And', 'BrTrue', 'Nop', 'Or'];
const COMPILED = Object.keys(RULES).filter((name) => !NEVER_COMPILED.includes(name));

const isFound = () => Object.values(suites).some((suite) => disagreements(suite).length > 0);

test.each(COMPILED)('a fault planted in %s makes the comparison fail', (instruction) => {
  expect(withFault(instruction, isFound)).toBe(true);
});

/**
 * What no Move test can call or see: receiving takes something sent before (`rules.test.ts`), attestations have a private
 * entry (`test/nitro`), ids of fields stay inside the framework (`devnet.test.ts`), and one is a mark for compilers.
 */
const UNSEEN = /::(?:receive_impl|load_nitro_attestation_internal|hash_type_and_key|poison)$/;
const SEEN = [...NATIVES.keys()].filter((path) => !UNSEEN.test(path));

test.each(SEEN)('a fault planted in the native %s makes the comparison fail', (path) => {
  expect(withNativeFault(path, isFound)).toBe(true);
});

test('without a fault nothing disagrees', () => {
  expect(Object.values(suites).flatMap(disagreements)).toEqual([]);
});
