import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ABORTS } from '@daasvader/chain/aborts.ts';
import { compilePackage } from '@daasvader/move/compile.ts';
import { readPackage } from '@daasvader/move/sources.ts';
import { compileTests, runTests } from '@daasvader/move/test.ts';
import { listTests } from '@daasvader/move/test-list.ts';
import { type Bytecode, parseBytecode, type SignatureToken } from '@daasvader/testbed/devnet/vm/bytecode.ts';
import { describe, expect, test } from 'vitest';
import { contractFunctions, reachableFrom } from './testing/abort-sites.ts';
import { type TestTrace, traceTests } from './testing/call-trace.ts';

const CONTRACTS = import.meta.dirname;

const { results, output } = await runTests(CONTRACTS);
const tests = listTests(await readPackage(CONTRACTS));
const { modules } = await compilePackage(CONTRACTS);
const functions = contractFunctions(modules);
const callable = [...functions.values()].filter(({ isCallable }) => isCallable).map(({ name }) => name);
const traces = traceTests(await compileTests(CONTRACTS, 'daasvader'));

/** Needs a document that the chain verified, which no Move test can make: the devnet's tests call it. */
const UNREACHABLE_BY_MOVE = 'enclave_registry::register_enclave';

/** Errors that a function's callees have and that cannot happen in it, with the reason. */
const IMPOSSIBLE = new Map([
  ['worker_registry::request_withdraw stake::ENotEnoughStake', 'it asks for all there is'],
  ['image_registry::publish_image image_registry::EUnknownName', 'it has just added a free name'],
]);

/** Of no function yet: no object is two versions behind the package's first. `gate_tests` meet it with other numbers. */
const UNREACHABLE_YET = 'gate::EMigrateFirst';

/** Each kind of wrong operator, and the right one, as `operator_tests` names the functions that make them. */
const OPERATORS = [
  'operator',
  'stranger',
  'unseated',
  'replaced',
  'retired',
  'outdated',
  'revoked',
  'foreign',
];

describe.each([...new Set(tests.map(({ module }) => module))])('%s', (module) => {
  const own = results.filter(({ test }) => test.startsWith(`${module}::`));
  test.each(own.map(({ test, passed }) => [sentence(test), passed]))('%s', (_, passed) => {
    expect(passed, output).toBe(true);
  });
});

test('every error of the contracts is met by a test', () => {
  const declared = Object.entries(ABORTS).flatMap(([module, names]) =>
    names.map((_, code) => `${module} ${code}`),
  );
  const met = new Set(
    tests.flatMap(({ expected }) => (expected ? [`${expected.module} ${expected.code}`] : [])),
  );
  expect(declared.filter((error) => !met.has(error))).toEqual([]);
});

test('every function that can be called succeeds in a test', () => {
  const completed = new Set(traces.flatMap((trace) => [...trace.completed]));
  const never = callable.filter((name) => !completed.has(name));
  expect(never).toEqual([UNREACHABLE_BY_MOVE]);
});

test('every function that can be called meets each abort that its code can reach', () => {
  const met = new Set(
    traces.flatMap(({ abort }) => (abort ? [`${outermost(abort)} ${errorOf(abort)}`] : [])),
  );
  const pairs = callable
    .filter((name) => name !== UNREACHABLE_BY_MOVE)
    .flatMap((name) => [...abortsOf(name)].map((error) => `${name} ${error}`));
  const holes = pairs.filter((pair) => !met.has(pair));
  console.log(`contracts: ${callable.length} functions, ${pairs.length} pairs of function and abort`);
  expect(pairs.length).toBeGreaterThan(200);
  expect(holes.sort()).toEqual([...IMPOSSIBLE.keys()].sort());
});

test('the document of every function that can be called names each abort of its own module and no other', async () => {
  const sources = Object.values(await readPackage(CONTRACTS));
  const wrong = callable.flatMap((name) => {
    const [module, short] = name.split('::') as [string, string];
    const source = sources.find((text) => text.includes(`module daasvader::${module};`))!;
    const document = documentOf(source, short);
    if (/those of|as `/.test(document)) return [];
    const named = [...document.matchAll(/`(?:\w+::)?(E[A-Z]\w+)`/g)].map(([, error]) => error!);
    const real = [...abortsOf(name)]
      .filter((error) => !IMPOSSIBLE.has(`${name} ${error}`))
      .map((error) => error.split('::')[1]!);
    return isSameSet(named, real) ? [] : [`${name}: names ${named}; has ${real}`];
  });
  expect(wrong).toEqual([]);
});

test('every function that asks for the operator refuses every kind of wrong operator', () => {
  const operated = callable.filter((name) =>
    reachableFrom(functions, name).some((fn) => fn.name === 'enclave_registry::assert_operator'),
  );
  const tried = new Set(
    traces.flatMap(({ called }) =>
      OPERATORS.filter((kind) => called.has(`operator_tests::${kind}`)).flatMap((kind) =>
        operated.filter((name) => called.has(name)).map((name) => `${name} by ${kind}`),
      ),
    ),
  );
  const wanted = operated.flatMap((name) => OPERATORS.map((kind) => `${name} by ${kind}`));
  expect(operated.sort()).toEqual(['lead::take_lead', 'operator::act', 'seal_policy::seal_approve']);
  expect(wanted.filter((pair) => !tried.has(pair))).toEqual([]);
});

test('every function that takes an act refuses that of another cluster', () => {
  const acted = callable.filter((name) => parametersOf(name).includes('Act'));
  const open = acted.filter((name) => !abortsOf(name).has(`${name.split('::')[0]}::EWrongCluster`));
  expect(acted.length).toBeGreaterThan(8);
  expect(open).toEqual([]);
});

test('the README names every function that can be called, every event and every error', async () => {
  const readme = await readFile(join(CONTRACTS, 'README.md'), 'utf8');
  const sources = Object.entries(await readPackage(CONTRACTS)).filter(([path]) =>
    path.startsWith('sources/'),
  );
  const declared = sources.flatMap(([, text]) =>
    [
      ...text.matchAll(
        /^(#\[test_only\]\n)?(?:public(?:\(package\) entry)? fun (\w+)|public struct (\w+Event))/gm,
      ),
    ]
      .filter(([, testOnly]) => testOnly === undefined)
      .map(([, , name, event]) => name ?? event!),
  );
  const names = [...declared, ...Object.values(ABORTS).flat()];
  expect(declared.length).toBeGreaterThan(60);
  expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

test('the README has every function of the framework that the compiled contracts call', async () => {
  const called = new Set(modules.flatMap(frameworkCalls));
  const readme = await readFile(join(CONTRACTS, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| `((?:std|sui)::\w+)` +\| (.*) \|$/gm)];
  const listed = new Set(
    rows.flatMap(([, module, text]) =>
      [...text!.matchAll(/`(\w+)(?:<[^`]*>)?\(/g)].map(([, name]) => `${module}::${name}`),
    ),
  );
  expect([...called].sort()).toEqual([...listed].sort());
});

/** Seed functions that people called with the Sui CLI. */
const SEED_CALLS = [
  'stake_and_register_worker',
  'submit_k8s_request',
  'get_active_request_count',
  'get_worker_workload',
  'restake',
  'refresh_seal_token',
];

/** What an argument of a line of the Sui CLI may look like, by the parameter's type. */
const CLI_FORMS: Record<string, RegExp> = {
  WorkerRegistry: /^\$WORKERS$/,
  StakingPool: /^\$STAKING$/,
  Scheduler: /^\$SCHEDULER$/,
  EnclaveRegistry: /^\$REGISTRY$/,
  Enclave: /^\$ENCLAVE$/,
  AdminCap: /^\$ADMIN_CAP$/,
  UpgradeCap: /^\$UPGRADE_CAP$/,
  WorkerCap: /^\$WORKER_CAP$/,
  Coin: /^\$COIN/,
  Clock: /^0x6$/,
  Address: /^\$(MY_ADDRESS|HOST|[A-Z]+_ADDRESS)$/,
  // What reads as a number, or as one in hexadecimal, has quotes inside the quotes.
  String: /^("(?!\d+"$)[^"$]*"|'"\d+"'|"\\"\$[A-Z_]+\\"")$/,
  U64: /^\d+$/,
  U8: /^\d+$/,
  Bool: /^(true|false)$/,
  Vector: /^(0x\$\w+|"\[\]")$/,
};

test('every line of the Sui CLI in the README fits the function it calls', async () => {
  const readme = await readFile(join(CONTRACTS, 'README.md'), 'utf8');
  const lines = [...readme.replaceAll('\\\n', ' ').matchAll(/^\s*sui client call .*$/gm)];
  const calls = lines.flatMap(([line]) => {
    const [, module, name, args] = /--module (\w+) --function (\w+)\s+--args (.*)$/.exec(line) ?? [];
    if (module === undefined) return [];
    return [{ module, name: name!, args: args!.match(/"(?:\\.|[^"\\])*"|'[^']*'|\S+/g)! }];
  });
  const modulesOfOwn = new Set([...functions.keys()].map((name) => name.split('::')[0]));
  const own = calls.filter(({ module }) => modulesOfOwn.has(module));
  for (const { module, name, args } of own) {
    const forms = parametersOf(`${module}::${name}`);
    const where = `${module}::${name} ${args.join(' ')}`;
    expect(args, where).toHaveLength(forms.length);
    args.forEach((argument, at) => {
      expect(argument, where).toMatch(CLI_FORMS[forms[at]!]!);
    });
  }
  expect(SEED_CALLS.filter((name) => !own.some((call) => call.name === name))).toEqual([]);
});

test('the tests that the security review names are there', async () => {
  const review = await readFile(join(CONTRACTS, 'SECURITY.md'), 'utf8');
  const claims = [...review.matchAll(/(?<!all of )`(\w+_tests)`: ([^|`]+)/g)].flatMap(([, module, text]) =>
    text!.split(';').flatMap((part) => (part.trim() === '' ? [] : [`${module} ${part.trim()}`])),
  );
  const there = new Set(tests.map(({ module, name }) => `${module} ${name.replaceAll('_', ' ')}`));
  expect(claims.length).toBeGreaterThan(25);
  expect(claims.filter((claim) => !there.has(claim))).toEqual([]);
});

/** The parameters that a caller passes, each by the name of its type. */
function parametersOf(fn: string): string[] {
  for (const module of modules.map((bytes) => parseBytecode(bytes))) {
    const { function_handles, identifiers, module_handles, self_module_handle_idx, signatures } = module;
    const self = identifiers[module_handles[self_module_handle_idx]!.name];
    const handle = function_handles.find(({ name }) => `${self}::${identifiers[name]}` === fn);
    if (handle === undefined || handle.module !== self_module_handle_idx) continue;
    const names = signatures[handle.parameters]!.map((token) => typeNameOf(module, token));
    return names.filter((name) => name !== 'TxContext');
  }
  throw new TypeError(`Cannot find ${fn}`);
}

function typeNameOf(module: Bytecode, token: SignatureToken): string {
  if (typeof token === 'string') return token;
  if ('Reference' in token) return typeNameOf(module, token.Reference);
  if ('MutableReference' in token) return typeNameOf(module, token.MutableReference);
  if ('Vector' in token) return 'Vector';
  if ('TypeParameter' in token) throw new TypeError('Cannot name a type parameter');
  const index = 'Datatype' in token ? token.Datatype : token.DatatypeInstantiation[0];
  return module.identifiers[module.datatype_handles[index]!.name]!;
}

/** The abort that a test ended in, as `module::EName`. */
function errorOf({ module, code }: NonNullable<TestTrace['abort']>): string {
  return `${module}::${ABORTS[module]?.[Number(code)] ?? code}`;
}

/** The function of the contracts that the test itself called. */
function outermost({ within }: NonNullable<TestTrace['abort']>): string | undefined {
  return within.findLast((name) => functions.has(name));
}

function abortsOf(name: string): Set<string> {
  const aborts = reachableFrom(functions, name).flatMap((fn) => fn.aborts);
  return new Set(aborts.filter((error) => error !== UNREACHABLE_YET));
}

/** The lines of comment over a function, as one. */
function documentOf(source: string, name: string): string {
  const declaration = new RegExp(`((?:^///.*\\n)*)(?:^#.*\\n)*^public.* fun ${name}\\b`, 'm');
  return declaration.exec(source)![1]!.replaceAll('\n///', '');
}

function isSameSet(a: string[], b: string[]): boolean {
  return [...new Set(a)].sort().join() === [...new Set(b)].sort().join();
}

/** Functions of 0x1 and 0x2 that a module's code may call. */
function frameworkCalls(bytes: Uint8Array): string[] {
  const { function_handles, module_handles, address_identifiers, identifiers } = parseBytecode(bytes);
  return function_handles.flatMap(({ module, name }) => {
    const handle = module_handles[module]!;
    const address = BigInt(`0x${address_identifiers[handle.address]}`);
    const root = { 1: 'std', 2: 'sui' }[Number(address)];
    return root ? [`${root}::${identifiers[handle.name]}::${identifiers[name]}`] : [];
  });
}

/** `a::nobody_may_enter` → `nobody may enter`. */
function sentence(name: string): string {
  return name.slice(name.indexOf('::') + 2).replaceAll('_', ' ');
}
