import { compileTogether } from '@daasvader/move/compile.ts';
import { deserialize, serialize } from '@mysten/move-bytecode-template';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytecode } from './bytecode.ts';
import { checkPackage, summarizeModule } from './publish.ts';
import { sourceOf } from './testing/outcomes.ts';
import { compileModule, PROBE, TEST_PACKAGE } from './testing/package.ts';
import { VmError } from './types.ts';
import { FRAMEWORK_ADDRESS, STANDARD_LIBRARY_ADDRESS } from './well-known.ts';

const modules = await compileModule(`
public struct Item has key, store { id: UID, n: u64 }
fun init(ctx: &mut TxContext) { transfer::transfer(make(1, ctx), ctx.sender()) }
public fun make(n: u64, ctx: &mut TxContext): Item { Item { id: object::new(ctx), n: n + 1 } }
public fun copies(text: std::string::String): vector<std::string::String> { vector[text, text] }
`);
const probe = modules.at(-1)!;
const framework = sourceOf(modules.slice(0, -1));

const refuses = (message: RegExp) =>
  expect.objectContaining({ code: 'PublishError', message: expect.stringMatching(message) });

const breaksRule = (message: RegExp) =>
  expect.objectContaining({
    code: 'SuiMoveVerificationError',
    message: expect.stringMatching(message),
  });

/** The probe with its bytecode changed. */
function changed(change: (module: Bytecode) => void): Uint8Array {
  const module = deserialize(probe) as Bytecode;
  change(module);
  return serialize(module);
}

function body(module: Bytecode, name: string) {
  const { identifiers, function_handles, function_defs } = module;
  const isNamed = (handle: number) => identifiers[function_handles[handle]!.name] === name;
  return function_defs.find((definition) => isNamed(definition.function))!;
}

/** Puts `instruction` in place of the first one of that name. */
function swapInstruction(module: Bytecode, fn: string, name: string, instruction: string): void {
  const { code } = body(module, fn).code!;
  const at = code.indexOf(name);
  expect(at).toBeGreaterThanOrEqual(0);
  code[at] = instruction;
}

test('checkPackage() takes a good package', () => {
  expect(() => checkPackage(framework, [probe])).not.toThrow();
});

test('summarizeModule() reads what a module is called and needs', () => {
  expect(summarizeModule(probe)).toEqual({
    id: PROBE,
    dependencies: expect.arrayContaining([STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS]),
    hasInit: true,
  });
});

test('the framework itself is a good package', () => {
  for (const address of [STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS]) {
    const own = modules.filter((bytes) => selfAddress(bytes) === address);
    expect(own.length).toBeGreaterThan(0);
    expect(() => checkPackage(framework, own)).not.toThrow();
  }
});

test('checkPackage() refuses bytes that are no module', () => {
  expect(() => checkPackage(framework, [Uint8Array.of(1, 2, 3)])).toThrow(refuses(/Cannot read module/));
  expect(() => checkPackage(framework, [probe.subarray(0, -20)])).toThrow(refuses(/Cannot read module/));
});

test('checkPackage() refuses two modules of one name', () => {
  expect(() => checkPackage(framework, [probe, probe])).toThrow(refuses(/share a name/));
});

test('checkPackage() refuses modules whose dependencies are missing', () => {
  expect(() => checkPackage(sourceOf([]), [probe])).toThrow(refuses(/does not exist/));
});

test('checkPackage() refuses native functions', () => {
  const native = changed((module) => {
    delete body(module, 'copies').code;
  });
  expect(() => checkPackage(framework, [native])).toThrow(refuses(/copies is native/));
});

test('checkPackage() refuses code whose types do not fit', () => {
  const wrong = changed((module) => swapInstruction(module, 'make', 'Add', 'And'));
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/found u64, expected bool/));
});

test('checkPackage() refuses code that leaves values behind', () => {
  const wrong = changed((module) => swapInstruction(module, 'make', 'Add', 'Nop'));
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/make/));
});

test('checkPackage() refuses to copy what cannot be copied', () => {
  const wrong = changed((module) => {
    module.datatype_handles[module.struct_defs[0]!.struct_handle]!.abilities = 8;
    body(module, 'make').code!.code.splice(-1, 0, { StLoc: 2 }, { CopyLoc: 2 });
    module.signatures.push([{ Datatype: module.struct_defs[0]!.struct_handle }]);
    body(module, 'make').code!.locals = module.signatures.length - 1;
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/lacks a required ability/));
});

test('checkPackage() refuses objects without an id', async () => {
  const [compiled] = (await compileModule('public struct Item { id: UID, n: u64 }')).slice(-1);
  const module = deserialize(compiled!) as Bytecode;
  const handle = module.datatype_handles[module.struct_defs[0]!.struct_handle]!;
  handle.abilities = 8;
  expect(() => checkPackage(framework, [serialize(module)])).not.toThrow();
  module.identifiers[module.identifiers.indexOf('id')] = 'uid';
  expect(() => checkPackage(framework, [serialize(module)])).toThrow(
    breaksRule(/does not begin with id: UID/),
  );
});

test('checkPackage() refuses a public init', () => {
  const wrong = changed((module) => {
    body(module, 'init').visibility = 'Public';
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(breaksRule(/init must be private/));
});

test('checkPackage() refuses calls of functions that are not visible', () => {
  const wrong = changed((module) => {
    const transfer = module.identifiers.indexOf('transfer');
    module.identifiers.push('transfer_impl');
    const handle = module.function_handles.find(
      ({ name, type_parameters }) => name === transfer && type_parameters.length === 1,
    )!;
    handle.name = module.identifiers.length - 1;
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/transfer_impl is not visible/));
});

describe('private generics', () => {
  const OWNER = `module test::owner;
public struct Item has key, store { id: UID }
public struct Happened has copy, drop { n: u64 }
public fun emit<T: copy + drop>(_: T) {}
`;
  const CALLER = `module test::caller;
use test::owner::{Self, Item, Happened};
public struct Own has copy, drop { n: u64 }
public fun send(item: Item) { transfer::public_transfer(item, @0x1) }
public fun share(item: Item) { transfer::public_share_object(item) }
public fun freeze_it(item: Item) { transfer::public_freeze_object(item) }
public fun take(id: &mut UID, sent: transfer::Receiving<Item>): Item { transfer::public_receive(id, sent) }
public fun generic<T: key + store>(value: T) { transfer::public_transfer(value, @0x1) }
public fun tell(event: Happened) { owner::emit(event) }
public fun tell_own() { sui::event::emit(Own { n: 1 }) }
`;
  let caller: Uint8Array;
  let owner: Uint8Array;

  beforeAll(async () => {
    const sources = { 'owner.move': OWNER, 'caller.move': CALLER };
    const { modules: compiled } = await compileTogether(sources, { test: TEST_PACKAGE });
    const named = (name: string) => compiled.find((bytes) => summarizeModule(bytes).id.name === name)!;
    [owner, caller] = [named('owner'), named('caller')];
  });

  /** The caller calling `to` where it called `from`: what no compiler lets pass. */
  function calling(from: string, to: string): Uint8Array {
    const module = deserialize(caller) as Bytecode;
    const { function_handles, identifiers, module_handles } = module;
    const handle = function_handles.find(
      ({ name, module: index }) =>
        identifiers[name] === from && identifiers[module_handles[index]!.name] !== 'event',
    )!;
    identifiers.push(to);
    handle.name = identifiers.length - 1;
    if (to === 'emit') handle.module = module_handles.findIndex(({ name }) => identifiers[name] === 'event');
    return serialize(module);
  }

  test('are open to the module that defines the type', () => {
    expect(() => checkPackage(framework, [owner, caller])).not.toThrow();
  });

  test.each([
    ['public_transfer', 'transfer'],
    ['public_share_object', 'share_object'],
    ['public_freeze_object', 'freeze_object'],
    ['public_receive', 'receive'],
    ['emit', 'emit'],
  ])('are closed to others: %s turned into %s', (from, to) => {
    expect(() => checkPackage(framework, [owner, calling(from, to)])).toThrow(
      breaksRule(/defined elsewhere/),
    );
  });
});

describe('bytes that no compiler made', () => {
  let rich: Uint8Array;

  beforeAll(async () => {
    rich = (await compileModule(RICH)).at(-1)!;
    expect(() => checkPackage(framework, [rich])).not.toThrow();
  });

  test.each(['bytes', 'tables'] as const)(
    'never break the check: changed %s are a package or are refused',
    (what) => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
          const mutant = what === 'bytes' ? changedBytes(changes) : changedTables(changes);
          if (mutant === undefined) return;
          try {
            checkPackage(framework, [mutant]);
          } catch (error) {
            expect(error).toBeInstanceOf(VmError);
          }
        }),
        { numRuns: 3_000 },
      );
    },
  );

  function changedBytes(changes: [number, number][]): Uint8Array {
    const mutant = Uint8Array.from(rich);
    for (const [at, value] of changes) mutant[at % mutant.length] = value;
    return mutant;
  }

  /** Puts small numbers into places of the decoded tables; undefined where that is no module any more. */
  function changedTables(changes: [number, number][]): Uint8Array | undefined {
    const module = deserialize(rich) as Bytecode;
    const places = numbersIn(module);
    for (const [at, value] of changes) {
      const [holder, key] = places[at % places.length]!;
      holder[key] = value % 32;
    }
    try {
      return serialize(module);
    } catch {
      return undefined;
    }
  }
});

const RICH = `
public struct Item has key, store { id: UID, n: u64 }
public struct Box<T: store> has store { value: T, more: vector<T> }
public enum Choice has copy, drop { None, Some(u64), Both { a: u64, b: bool } }
fun init(ctx: &mut TxContext) { transfer::transfer(make(1, ctx), ctx.sender()) }
public fun make(n: u64, ctx: &mut TxContext): Item { Item { id: object::new(ctx), n: n + 1 } }
public fun copies(text: std::string::String): vector<std::string::String> { vector[text, text] }
public fun boxed<T: store>(value: T): Box<T> { Box { value, more: vector[] } }
public fun open<T: copy + drop + store>(box: &mut Box<T>): T { box.more.push_back(box.value); let first = &box.more[0]; *first }
public fun weigh(choice: &Choice): u64 { match (choice) { Choice::Some(n) => *n, Choice::Both { a, .. } => *a, _ => 0 } }
public fun text(): vector<u8> { b"text" }
public fun count(n: u64): u64 { let mut i = 0; while (i < n) { i = i + 1; if (i > 5) break }; i }
`;

/** Every place of a number inside a value. */
function numbersIn(value: object): [Record<string, unknown>, string][] {
  return Object.entries(value).flatMap(([key, inner]): [Record<string, unknown>, string][] => {
    if (typeof inner === 'number') return [[value as Record<string, unknown>, key]];
    return typeof inner === 'object' && inner !== null ? numbersIn(inner) : [];
  });
}

function selfAddress(bytes: Uint8Array): string {
  const { module_handles, self_module_handle_idx, address_identifiers } = deserialize(bytes) as Bytecode;
  return `0x${address_identifiers[module_handles[self_module_handle_idx]!.address]}`;
}
