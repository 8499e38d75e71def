import { bcs } from '@mysten/sui/bcs';
import { expect, test } from 'vitest';
import { testSession } from './testing/outcomes.ts';
import { PROBE, probeType, TEST_PACKAGE, vmWith } from './testing/package.ts';
import { type TypeName, VmError } from './types.ts';
import { FRAMEWORK_ADDRESS, TYPE_PATH } from './well-known.ts';

const vm = await vmWith(`
use std::string::String;

public struct PROBE has drop {}
public struct Item has key, store { id: UID, n: u64 }
public struct Plain has copy, drop { n: u64 }
public struct Made has copy, drop { is_witness: bool, sender: address }

fun init(witness: PROBE, ctx: &mut TxContext) {
    let is_witness = sui::types::is_one_time_witness(&witness);
    sui::event::emit(Made { is_witness, sender: ctx.sender() });
}

public fun add(a: u64, b: u64): (u64, u64) { (a + b, a) }
entry fun set(item: &mut Item, plain: &Plain, name: String, ctx: &TxContext) {
    item.n = plain.n + name.length() + ctx.epoch();
}
public(package) fun keep<T: store, U: drop>(value: vector<T>): vector<T> { value }
public fun first(items: &mut vector<u64>): &mut u64 { &mut items[0] }
public fun fail(at: u64) { if (at == 0) abort 9; fail(at - 1) }
public fun spin() { loop {} }
public fun now(ctx: &TxContext): (address, u64, u64, vector<u8>, Option<address>) {
    (ctx.sender(), ctx.epoch(), ctx.epoch_timestamp_ms(), *ctx.digest(), ctx.sponsor())
}
`);

const u64 = (value: number) => bcs.u64().serialize(value).toBytes();

function call(name: string, args: Uint8Array[], typeArguments: TypeName[] = [], session = testSession()) {
  return vm.call(session, { module: PROBE, function: name, typeArguments, arguments: args });
}

function failure(action: () => unknown): VmError {
  try {
    action();
  } catch (error) {
    if (error instanceof VmError) return error;
    throw error;
  }
  throw new Error('expected a VmError');
}

test('signature() lists parameters without the context', () => {
  const signature = vm.signature(PROBE, 'set', []);
  expect(signature).toMatchObject({ visibility: 'private', isEntry: true, returns: [] });
  expect(signature.parameters.map(({ type, passing }) => [type, passing])).toEqual([
    [probeType('Item'), 'mutable'],
    [probeType('Plain'), 'reference'],
    [TYPE_PATH.string, 'value'],
  ]);
  expect(signature.parameters[0]!.abilities).toEqual({ copy: false, drop: false, store: true, key: true });
});

test('signature() fills in type arguments', () => {
  const { parameters, returns, visibility } = vm.signature(PROBE, 'keep', ['u8', probeType('PROBE')]);
  expect(visibility).toBe('friend');
  expect(parameters[0]!.type).toBe('vector<u8>');
  expect(returns[0]!.abilities).toEqual({ copy: true, drop: true, store: true, key: false });
});

test('signature() shows which returns are references', () => {
  expect(vm.signature(PROBE, 'first', []).returns[0]!.type).toBe('&mut u64');
});

test.each([
  ['a function that does not exist', () => vm.signature(PROBE, 'absent', []), 'FunctionNotFound'],
  [
    'a module that does not exist',
    () => vm.signature({ ...PROBE, name: 'absent' }, 'add', []),
    'FunctionNotFound',
  ],
  [
    'a type that does not exist',
    () => vm.signature(PROBE, 'keep', ['u8', probeType('Absent')]),
    'TypeNotFound',
  ],
  ['too few type arguments', () => vm.signature(PROBE, 'keep', ['u8']), 'TypeArgumentError'],
  [
    'a type argument that lacks an ability',
    () => vm.signature(PROBE, 'keep', [probeType('Plain'), 'u8']),
    'TypeArgumentError',
  ],
  ['too few arguments', () => call('add', [u64(1)]), 'ArityMismatch'],
  ['bytes that do not fit', () => call('add', [u64(1), Uint8Array.of(1)]), 'InvalidArgument'],
  ['a function that returns a reference', () => call('first', [Uint8Array.of(0)]), 'InvalidArgument'],
])('refuses %s', (_, action, code) => {
  expect(failure(action).code).toBe(code);
});

test('errors about arguments say which', () => {
  expect(failure(() => call('add', [u64(1), Uint8Array.of(1)])).index).toBe(1);
  expect(failure(() => vm.signature(PROBE, 'keep', ['u8', probeType('Item')])).index).toBe(1);
});

test('call() gives back all results', () => {
  expect(call('add', [u64(2), u64(3)]).returns).toEqual([
    { type: 'u64', bcs: u64(5) },
    { type: 'u64', bcs: u64(2) },
  ]);
});

test('call() gives back what &mut parameters hold afterwards', () => {
  const id = new Uint8Array(32).fill(1);
  const name = bcs.string().serialize('abc').toBytes();
  const { mutated } = call(
    'set',
    [Buffer.concat([id, u64(0)]), u64(10), name],
    [],
    testSession({ epoch: 100n }),
  );
  expect(mutated).toEqual([{ argument: 0, bcs: new Uint8Array(Buffer.concat([id, u64(113)])) }]);
});

test('an abort carries its code and its place', () => {
  expect(failure(() => call('fail', [u64(3)]))).toMatchObject({
    code: 'MoveAbort',
    abortCode: 9n,
    location: { module: PROBE, functionName: 'fail' },
  });
});

test('a fault carries its status and its place', () => {
  const max = bcs
    .u64()
    .serialize(2n ** 64n - 1n)
    .toBytes();
  expect(failure(() => call('add', [max, u64(1)]))).toMatchObject({
    code: 'MovePrimitiveRuntimeError',
    status: 'ARITHMETIC_ERROR',
    location: { module: PROBE, functionName: 'add' },
  });
});

test('an endless loop ends with its gas', () => {
  const session = testSession({ gasLimit: 10_000 });
  expect(failure(() => call('spin', [], [], session)).code).toBe('InsufficientGas');
  expect(session.meter.units).toBe(10_000);
});

test('functions see the transaction', () => {
  const session = testSession({
    sender: TEST_PACKAGE,
    sponsor: FRAMEWORK_ADDRESS,
    epoch: 4n,
    epochTimestampMs: 5n,
    transactionDigest: new Uint8Array(32).fill(6),
  });
  const [sender, epoch, time, digest, sponsor] = call('now', [], [], session).returns.map((item) => item.bcs);
  expect(bcs.Address.parse(sender!)).toBe(TEST_PACKAGE);
  expect([epoch, time]).toEqual([u64(4), u64(5)]);
  expect(digest).toEqual(Uint8Array.from([32, ...Array(32).fill(6)]));
  expect(bcs.option(bcs.Address).parse(sponsor!)).toBe(FRAMEWORK_ADDRESS);
});

test('init() passes the one-time witness and the context', () => {
  const session = testSession({ sender: TEST_PACKAGE });
  vm.init(session, PROBE);
  const made = bcs.struct('Made', { is_witness: bcs.bool(), sender: bcs.Address });
  const [event] = session.finish().events;
  expect(event!.type).toBe(probeType('Made'));
  expect(made.parse(event!.bcs)).toEqual({ is_witness: true, sender: TEST_PACKAGE });
});

test.each([
  ['u8', [1]],
  ['vector<vector<u8>>', [1, 1, 5]],
  ['address', Array(32).fill(0)],
  [TYPE_PATH.id, Array(32).fill(0)],
  [TYPE_PATH.string, [2, 0xc3, 0xa9]],
  [TYPE_PATH.ascii, [1, 0x7f]],
  [`${TYPE_PATH.option}<u8>`, [1, 5]],
  [`vector<${TYPE_PATH.option}<${TYPE_PATH.string}>>`, [2, 0, 1, 1, 0x61]],
])('checkPure() accepts %s', (type, bytes) => {
  expect(() => vm.checkPure(type, Uint8Array.from(bytes))).not.toThrow();
});

test.each([
  ['u8', [1, 2]],
  ['u8', []],
  ['bool', [2]],
  ['signer', Array(32).fill(0)],
  [TYPE_PATH.string, [1, 0xff]],
  [TYPE_PATH.ascii, [1, 0x80]],
  [`${TYPE_PATH.option}<u8>`, [2, 5, 5]],
  [`vector<${TYPE_PATH.option}<u8>>`, [1, 2, 5, 5]],
  [probeType('Plain'), Array(8).fill(0)],
  [TYPE_PATH.uid, Array(32).fill(0)],
  [`vector<${probeType('Item')}>`, [0]],
  [`${TYPE_PATH.option}<${probeType('Plain')}>`, [0]],
])('checkPure() refuses %s of %j', (type, bytes) => {
  expect(failure(() => vm.checkPure(type, Uint8Array.from(bytes))).code).toBe('InvalidPureArgument');
});

test('abilities() depend on type arguments', () => {
  expect(vm.abilities(`vector<${probeType('Item')}>`)).toEqual({
    copy: false,
    drop: false,
    store: true,
    key: false,
  });
  expect(vm.abilities(`${FRAMEWORK_ADDRESS}::coin::Coin<${FRAMEWORK_ADDRESS}::sui::SUI>`).key).toBe(true);
});
