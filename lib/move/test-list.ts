import type { PackageFiles } from './sources.ts';

/** A Move unit test as its source declares it. */
export interface MoveTest {
  module: string;
  name: string;
  /** The abort that it expects; undefined when it must end well. */
  expected: { module: string; code: bigint } | undefined;
}

const MODULE = /^module \w+::(\w+);/m;
const CONSTANT = /^const (E\w+): u64 = (\d+);/gm;
const TEST = /#\[test(?:, expected_failure\(abort_code = (?:\w+::)*(\w+)::(E\w+)\))?\]\s*fun (\w+)/g;
const ANY_TEST = /#\[(test\b|test,|expected_failure)/g;

/**
 * Lists the tests of a package. Tests are `#[test]` or `#[test, expected_failure(abort_code = module::EName)]`.
 *
 * @throws TypeError for a test of another form, which would be left out otherwise
 */
export function listTests(files: PackageFiles): MoveTest[] {
  const sources = Object.values(files).filter((text) => MODULE.test(text));
  const codes = new Map(sources.flatMap(constantsOf));
  return sources.flatMap((text) => testsOf(text, codes));
}

function testsOf(text: string, codes: ReadonlyMap<string, bigint>): MoveTest[] {
  const module = moduleOf(text);
  const found = [...text.matchAll(TEST)];
  if (found.length !== [...text.matchAll(ANY_TEST)].length)
    throw new TypeError(`Cannot list tests of ${module}: one is declared in another form`);
  return found.map(([, abortModule, constant, name]) => ({
    module,
    name: name!,
    expected: abortModule === undefined ? undefined : abortOf(abortModule, constant!, codes),
  }));
}

function abortOf(module: string, constant: string, codes: ReadonlyMap<string, bigint>) {
  const code = codes.get(`${module}::${constant}`);
  if (code === undefined) throw new TypeError(`Cannot list tests: ${module}::${constant} is not defined`);
  return { module, code };
}

function constantsOf(text: string): [string, bigint][] {
  const module = moduleOf(text);
  return [...text.matchAll(CONSTANT)].map(([, name, code]) => [`${module}::${name}`, BigInt(code!)]);
}

function moduleOf(text: string): string {
  return MODULE.exec(text)![1]!;
}
