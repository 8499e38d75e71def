import type { CompiledTests, MoveTestRun } from '@daasvader/move/test.ts';
import { parseBytecode } from '../bytecode.ts';
import { createSession } from '../session.ts';
import { type ModuleId, type ModuleSource, type SessionOptions, VmError } from '../types.ts';
import { Vm } from '../vm.ts';

/** How a test ended: `ok`, `abort 7 in vectors`, `ARITHMETIC_ERROR in vectors` …, by `module::name`. */
export type Outcomes = Map<string, string>;

const ZERO = `0x${'0'.repeat(64)}`;

/** Abort codes made by the compiler from source positions; their top bit is set, and the real runner prints no number. */
const isMadeByCompiler = (code: bigint) => code >> 63n === 1n;

/** A transaction that no object and no limit gets in the way of. */
export function testSession(overrides: Partial<SessionOptions> = {}) {
  return createSession({
    sender: ZERO,
    transactionDigest: new Uint8Array(32),
    epoch: 0n,
    epochTimestampMs: 0n,
    gasPrice: 1_000n,
    referenceGasPrice: 1_000n,
    gasBudget: 50_000_000_000n,
    gasLimit: 100_000_000,
    objects: { child: () => undefined, receivable: () => undefined, inputOwner: () => undefined },
    nitro: () => 'parse',
    ...overrides,
  });
}

/** A VM over these modules alone. */
export function vmOf(modules: Uint8Array[]): Vm {
  return new Vm(sourceOf(modules));
}

/** Finds these modules alone. */
export function sourceOf(modules: Uint8Array[]): ModuleSource {
  const byId = new Map(modules.map((bytes) => [keyOf(idOf(bytes)), bytes]));
  return { module: (id) => byId.get(keyOf(id)) };
}

/** Runs tests on this VM. */
export function ownOutcomes(
  { modules, tests }: CompiledTests,
  overrides: Partial<SessionOptions> = {},
): Outcomes {
  const vm = vmOf(modules);
  return new Map(
    tests.map((test) => [`${test.module}::${test.name}`, outcomeOf(vm, test.module, test.name, overrides)]),
  );
}

function outcomeOf(vm: Vm, module: string, name: string, overrides: Partial<SessionOptions>): string {
  try {
    vm.call(testSession(overrides), {
      module: { address: ZERO, name: module },
      function: name,
      typeArguments: [],
      arguments: [],
    });
    return 'ok';
  } catch (error) {
    if (!(error instanceof VmError)) throw error;
    return describe(error);
  }
}

function describe({ code, abortCode, status, location, message }: VmError): string {
  const place = `in ${location?.module.name}`;
  if (code === 'MovePrimitiveRuntimeError') return `${status} ${place}`;
  if (code !== 'MoveAbort') return message;
  return isMadeByCompiler(abortCode!) ? `abort ${place}` : `abort ${abortCode} ${place}`;
}

const FAILURE = /^┌── (\w+) ──────$([\s\S]*?)^└─/gm;
const REASON =
  /but it (?:aborted with code (?<code>\d+)|(?<made>aborted)(?: with error constant '\w+')?|gave an? (?<fault>.+?)(?: error)?(?: with sub-status \d+)?) originating in the module \w+::(?<module>\w+)/;

const FAULTS: Record<string, string> = {
  arithmetic: 'ARITHMETIC_ERROR',
  'vector operation': 'VECTOR_OPERATION_ERROR',
  'CALL_STACK_OVERFLOW (code 4021)': 'CALL_STACK_OVERFLOW',
};

/** Reads outcomes from what the real VM's runner printed. */
export function realOutcomes({ results, output }: MoveTestRun): Outcomes {
  const outcomes: Outcomes = new Map(results.filter(({ passed }) => passed).map(({ test }) => [test, 'ok']));
  for (const section of output.split(/^Failures in \w+::/m).slice(1)) {
    const module = /^\w+/.exec(section)![0];
    for (const [, name, text] of section.matchAll(FAILURE))
      outcomes.set(`${module}::${name}`, reasonOf(text!));
  }
  return outcomes;
}

function reasonOf(text: string): string {
  const found = REASON.exec(text)?.groups;
  if (!found) throw new TypeError(`Cannot read the outcome of a test: ${text}`);
  const { code, made, fault, module } = found;
  if (made) return `abort in ${module}`;
  return code ? `abort ${code} in ${module}` : `${FAULTS[fault!] ?? fault} in ${module}`;
}

function idOf(bytes: Uint8Array): ModuleId {
  const { module_handles, self_module_handle_idx, address_identifiers, identifiers } = parseBytecode(bytes);
  const { address, name } = module_handles[self_module_handle_idx]!;
  return { address: `0x${address_identifiers[address]}`, name: identifiers[name]! };
}

function keyOf({ address, name }: ModuleId): string {
  return `${address}::${name}`;
}
