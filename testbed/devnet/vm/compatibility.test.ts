import { expect, test } from 'vitest';
import { compilePackage } from '../testing/upgrade.ts';
import { policyOf } from './compatibility.ts';
import { summarizeModule } from './publish.ts';

const SOURCE = `
const LIMIT: u64 = 5;
const NAME: vector<u8> = b"name";

public struct Item has key, store { id: UID, n: u64, on: bool }
public struct Plain has copy, drop { n: u64 }
public struct Marker<phantom T> has copy, drop { n: u64 }
public struct Box<T: store> has store { value: T }
public enum Choice has copy, drop { None, Some(u64), Both { a: u64, b: bool } }

public fun make(n: u64, ctx: &mut TxContext): Item { Item { id: object::new(ctx), n, on: true } }
public fun open<T: copy + drop>(value: &T): T { *value }
public fun choose(n: u64): Choice { if (n > LIMIT) Choice::Some(n) else Choice::None }
public fun weigh(choice: &Choice): u64 { match (choice) { Choice::Some(n) => *n, _ => 0 } }
public fun name(): vector<u8> { NAME }
public fun boxed(n: u64): Box<u64> { Box { value: n } }
public fun opened(box: &Box<u64>): u64 { box.value }
public fun list(): vector<u64> { vector[1, 2, hidden()] }
public(package) fun inner(n: u64): u64 { n + 1 }
public entry fun both(n: u64) { assert!(n > 0) }
entry fun run(n: u64) { assert!(n > 1) }
fun hidden(): u64 { 2 }
#[allow(unused)] fun unused(n: u64): u64 { n }
`;
const OTHER = 'public fun two(): u64 { 2 }\npublic struct Two has drop { n: u64 }\n';

const compiled = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();

function modulesOf(sources: Record<string, string>) {
  const key = JSON.stringify(sources);
  const known = compiled.get(key) ?? compilePackage(sources).then(({ modules }) => byName(modules));
  compiled.set(key, known);
  return known;
}

function byName(modules: Uint8Array[]): ReadonlyMap<string, Uint8Array> {
  return new Map(modules.map((code) => [summarizeModule(code).id.name, code]));
}

/** Which policies let the second follow the first. */
async function allowed(before: Record<string, string>, after: Record<string, string>) {
  const [old, next] = await Promise.all([modulesOf(before), modulesOf(after)]);
  const names = { compatible: 0, additive: 128, 'dep-only': 192 };
  return Object.entries(names)
    .filter(([, policy]) => policyOf(policy)!(old, next) === undefined)
    .map(([name]) => name);
}

/** The source with one place changed; a place that is not there would make a test that cannot fail. */
function edited(from: string, to: string): string {
  expect(SOURCE).toContain(from);
  return SOURCE.replaceAll(from, to);
}

const ALL = ['compatible', 'additive', 'dep-only'];
const GROWS = ['compatible', 'additive'];
const COMPATIBLE = ['compatible'];
const NONE: string[] = [];

test.each<[string, string, string, string[]]>([
  ['nothing changed', 'fun hidden()', 'fun hidden()', ALL],
  ['a function was added', 'fun hidden()', 'public fun more(): u64 { 3 }\nfun hidden()', GROWS],
  ['a private function was added', 'fun hidden()', 'fun more(): u64 { 3 }\nfun hidden()', GROWS],
  ['a struct was added', 'fun hidden()', 'public struct New has drop { n: u64 }\nfun hidden()', GROWS],
  ['an enum was added', 'fun hidden()', 'public enum New has drop { One }\nfun hidden()', GROWS],
  ['an entry function was added', 'fun hidden()', 'entry fun more() {}\nfun hidden()', GROWS],

  ['the body of a public function changed', 'on: true }', 'on: false }', COMPATIBLE],
  ['a number in a body changed', 'assert!(n > 1)', 'assert!(n > 2)', COMPATIBLE],
  ['a constant changed', 'LIMIT: u64 = 5', 'LIMIT: u64 = 6', COMPATIBLE],
  ['a constant of bytes changed', 'b"name"', 'b"other"', COMPATIBLE],
  ['a body calls another function', 'hidden()]', 'inner(1)]', COMPATIBLE],
  [
    'a body uses another local type',
    'vector[1, 2, hidden()]',
    '{ let _x = 0u8; vector[1, 2, hidden()] }',
    COMPATIBLE,
  ],
  ['an arm of a match changed', 'Choice::Some(n) => *n', 'Choice::Some(n) => *n + 1', COMPATIBLE],
  ['a private function changed its parameters', 'unused(n: u64)', 'unused(n: u64, _: u8)', COMPATIBLE],
  ['a private function was removed', '#[allow(unused)] fun unused(n: u64): u64 { n }', '', COMPATIBLE],
  ['a private function became public', '\nfun hidden()', '\npublic fun hidden()', COMPATIBLE],
  [
    'a package function changed its parameters',
    'inner(n: u64): u64 { n + 1 }',
    'inner(n: u8): u8 { n + 1 }',
    COMPATIBLE,
  ],
  ['a package function was removed', 'public(package) fun inner(n: u64): u64 { n + 1 }', '', COMPATIBLE],
  [
    'a package function became private',
    'public(package) fun inner',
    '#[allow(unused)] fun inner',
    COMPATIBLE,
  ],
  ['an entry function was removed', 'entry fun run(n: u64) { assert!(n > 1) }', '', COMPATIBLE],
  ['an entry function changed its parameters', 'run(n: u64)', 'run(n: u8)', COMPATIBLE],
  [
    'a public function is no longer an entry function',
    'public entry fun both',
    'public fun both',
    COMPATIBLE,
  ],
  ['a public function became an entry function', 'public fun list', 'public entry fun list', COMPATIBLE],
  ['a function asks less of its type parameter', 'open<T: copy + drop>', 'open<T: copy>', COMPATIBLE],

  [
    'a public function was removed',
    'public fun name(): vector<u8> { NAME }',
    'public fun name2(): vector<u8> { NAME }',
    NONE,
  ],
  ['a public function became private', 'public fun name', 'fun name', NONE],
  ['a public function became package', 'public fun name', 'public(package) fun name', NONE],
  ['a public function got a parameter', 'fun name()', 'fun name(_: u64)', NONE],
  ['a public function lost a parameter', 'choose(n: u64): Choice {', 'choose(): Choice { let n = 7;', NONE],
  ['a parameter of a public function changed', 'opened(box: &Box<u64>)', 'opened(box: &mut Box<u64>)', NONE],
  [
    'a public function returns something else',
    'name(): vector<u8> { NAME }',
    'name(): u64 { NAME.length() }',
    NONE,
  ],
  [
    'a public function asks more of its type parameter',
    'open<T: copy + drop>',
    'open<T: copy + drop + store>',
    NONE,
  ],
  ['a public function got a type parameter', 'fun name()', 'fun name<T>()', NONE],

  ['a struct was removed', 'public struct Plain has copy, drop { n: u64 }', '', NONE],
  [
    'a struct got a field',
    'Plain has copy, drop { n: u64 }',
    'Plain has copy, drop { n: u64, m: u64 }',
    NONE,
  ],
  ['a struct lost a field', 'Plain has copy, drop { n: u64 }', 'Plain has copy, drop {}', NONE],
  ['a field was renamed', 'Plain has copy, drop { n: u64 }', 'Plain has copy, drop { m: u64 }', NONE],
  ['a field changed its type', 'Plain has copy, drop { n: u64 }', 'Plain has copy, drop { n: u8 }', NONE],
  ['fields changed places', 'n: u64, on: bool }', 'on: bool, n: u64 }', NONE],
  ['a struct got an ability', 'Plain has copy, drop', 'Plain has copy, drop, store', NONE],
  ['a struct lost an ability', 'Plain has copy, drop', 'Plain has drop', NONE],
  ['a struct asks more of its type parameter', 'Box<T: store>', 'Box<T: store + drop>', NONE],
  ['a struct asks less of its type parameter', 'Box<T: store>', 'Box<T>', NONE],
  [
    'a type parameter is no longer phantom',
    'Marker<phantom T> has copy, drop { n: u64 }',
    'Marker<T> has copy, drop { n: u64 }',
    NONE,
  ],
  ['a struct got a type parameter', 'Plain has', 'Plain<phantom T> has', NONE],
  [
    'a struct became an enum',
    'struct Plain has copy, drop { n: u64 }',
    'enum Plain has copy, drop { One { n: u64 } }',
    NONE,
  ],

  ['an enum got a variant', 'b: bool } }', 'b: bool }, Last }', NONE],
  ['a variant was renamed', 'Both {', 'Two {', NONE],
  ['a variant got a field', 'Both { a: u64, b: bool }', 'Both { a: u64, b: bool, c: bool }', NONE],
  ['a field of a variant changed its type', 'b: bool } }', 'b: u8 } }', NONE],
  ['variants changed places', '{ None, Some(u64),', '{ Some(u64), None,', NONE],
  ['an enum got an ability', 'Choice has copy, drop', 'Choice has copy, drop, store', NONE],
  ['an enum lost an ability', 'Choice has copy, drop', 'Choice has drop', NONE],
])('%s', async (_, from, to, policies) => {
  expect(await allowed({ m: SOURCE }, { m: edited(from, to) })).toEqual(policies);
});

test('an enum lost a variant', async () => {
  const before = 'public enum Way has drop { Left, Right }';
  expect(await allowed({ m: before }, { m: 'public enum Way has drop { Left }' })).toEqual(NONE);
});

test('an enum was removed', async () => {
  expect(await allowed({ m: 'public enum Way has drop { Left }' }, { m: '' })).toEqual(NONE);
});

test('a module was added', async () => {
  expect(await allowed({ m: SOURCE }, { m: SOURCE, other: OTHER })).toEqual(GROWS);
});

test('a module was removed', async () => {
  expect(await allowed({ m: SOURCE, other: OTHER }, { m: SOURCE })).toEqual(NONE);
});

test('a module got a friend, by another one that uses its package functions', async () => {
  const before = { m: SOURCE, other: `${OTHER}public fun three(): u64 { 3 }` };
  const after = { m: SOURCE, other: `${OTHER}public fun three(): u64 { pkg::m::inner(2) }` };
  expect(await allowed(before, after)).toEqual(COMPATIBLE);
  const friend = { m: SOURCE, third: 'public fun three(): u64 { pkg::m::inner(2) }', other: OTHER };
  expect(await allowed({ m: SOURCE, other: OTHER }, friend)).toEqual(GROWS);
});

test('the place of things in the tables of a module does not matter', async () => {
  const before = { m: 'public fun a(): u64 { 1 }\npublic fun b(): vector<u8> { b"b" }' };
  const after = { m: 'public fun b(): vector<u8> { b"b" }\npublic fun a(): u64 { 1 }' };
  expect(await allowed(before, after)).toEqual(ALL);
});

test('there are three policies', () => {
  expect([1, 64, 127, 129, 191, 193, 255].map(policyOf)).toEqual(Array(7).fill(undefined));
});
