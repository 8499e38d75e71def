import { testMovePackage } from '@zktx.io/sui-move-builder/full';
import { type CompiledPackage, compileTogether } from './compile.ts';
import { resolvePackage } from './compiler.ts';
import { MoveError } from './error.ts';
import { readPackage } from './sources.ts';
import { listTests, type MoveTest } from './test-list.ts';

/** What became of one test on the real VM. */
export interface MoveTestResult {
  /** `module::name`. */
  test: string;
  passed: boolean;
}

export interface MoveTestRun {
  results: MoveTestResult[];
  /** What the runner prints, with the reasons of failures. */
  output: string;
}

const RESULT = /^\[ (PASS|FAIL|TIMEOUT)\s*\] \w+::(\w+::\w+)$/gm;

/**
 * Runs the unit tests of a package on Sui's own Move VM with its own natives.
 *
 * @param directory - the folder of `Move.toml`
 * @throws MoveError `dependency`, `test` when the tests do not compile or not all of them were run
 */
export async function runTests(directory: string): Promise<MoveTestRun> {
  const files = await readPackage(directory);
  const resolvedDependencies = await resolvePackage(files, ['test']);
  const run = await testMovePackage({ files, resolvedDependencies, ansiColor: false });
  if ('error' in run) throw new MoveError('test', `Cannot run the tests: ${run.error}`);
  const results = [...run.output.matchAll(RESULT)].map(([, verdict, test]) => ({
    test: test!,
    passed: verdict === 'PASS',
  }));
  const declared = listTests(files).length;
  if (results.length !== declared)
    throw new MoveError('test', `Cannot run the tests: ${results.length} of ${declared} ran\n${run.output}`);
  return { results, output: run.output };
}

/** Bytecode that contains tests, with the framework it needs, and the list of them. */
export interface CompiledTests extends CompiledPackage {
  /** The framework with its test functions and the package at address 0x0, in order of dependency. */
  modules: Uint8Array[];
  tests: MoveTest[];
}

/**
 * Compiles the unit tests of a package to bytecode for another VM. Test mode itself poisons every module against
 * being loaded, so the attributes that mark tests are taken away and all is compiled as ordinary code.
 *
 * @param directory - the folder of `Move.toml`
 * @param name - the package's named address
 * @throws MoveError `compile`
 */
export async function compileTests(directory: string, name: string): Promise<CompiledTests> {
  const files = await readPackage(directory);
  const compiled = await compileTogether(files, { [name]: '0x0' }, withoutTestAttributes);
  return { ...compiled, tests: listTests(files) };
}

function withoutTestAttributes(text: string): string {
  return text.replaceAll('#[test_only]', '').replaceAll(/#\[test\b[^\]]*\]/g, '#[allow(unused_function)]');
}
