/** What small programs cost, added up by hand from Sui's tables; each sum is that of its lines of bytecode. */
import { bcs } from '@mysten/sui/bcs';
import { expect, test } from 'vitest';
import { testSession } from '../testing/outcomes.ts';
import { PROBE, vmWith } from '../testing/package.ts';
import type { ObjectReader } from '../types.ts';

const vm = await vmWith(`
use sui::dynamic_field as field;

public struct Pair has copy, drop, store { left: u64, right: u128 }
public struct Spoken has copy, drop { n: u64 }
public struct Shelf has key { id: UID }

public fun add(a: u64, b: u64): u64 { a + b }
public fun pair(n: u64): vector<u64> { vector[n, n] }
public fun make(left: u64, right: u128): Pair { Pair { left, right } }
public fun read(v: &vector<u64>): vector<u64> { *v }
public fun same(a: &vector<u8>, b: &vector<u8>): bool { a == b }
public fun constant(): vector<u8> { b"ten bytes." }
public fun copied<T: copy>(value: &T): T { *value }
public fun digest(data: vector<u8>): vector<u8> { std::hash::sha2_256(data) }
public fun blake(data: vector<u8>): vector<u8> { sui::hash::blake2b256(&data) }
public fun encode(n: u64): vector<u8> { std::bcs::to_bytes(&n) }
public fun verify(signature: vector<u8>, key: vector<u8>, message: vector<u8>): bool {
    sui::ed25519::ed25519_verify(&signature, &key, &message)
}
public fun speak(n: u64) { sui::event::emit(Spoken { n }) }
public fun refuse(bytes: vector<u8>): address { sui::address::from_bytes(bytes) }
public fun has(shelf: &Shelf): bool { field::exists_(&shelf.id, 7u64) }
public fun has_twice(shelf: &Shelf): bool { field::exists_(&shelf.id, 7u64); field::exists_(&shelf.id, 7u64) }
`);

const LIMIT = 1_000_000;
const u64 = (value: number) => bcs.u64().serialize(value).toBytes();
const bytes = (length: number) => bcs.byteVector().serialize(new Uint8Array(length)).toBytes();
const numbers = (length: number) => bcs.vector(bcs.u64()).serialize(Array(length).fill(1)).toBytes();

/** @returns internal units */
function cost(
  name: string,
  args: Uint8Array[],
  typeArguments: string[] = [],
  objects?: ObjectReader,
): number {
  const session = testSession({ gasLimit: LIMIT, ...(objects && { objects }) });
  try {
    vm.call(session, { module: PROBE, function: name, typeArguments, arguments: args });
  } catch (error) {
    expect(error).toMatchObject({ code: 'MoveAbort' });
  }
  return LIMIT * 1_000 - session.meter.left;
}

/** An argument, a `MoveLoc` or a borrow: one instruction, one value of 8. */
const MOVE = 1 + 1 + 8;
/** `Ret`, and the end of the command. */
const END = 1 + 1;
/** The call instruction, once for itself and once for the native. */
const NATIVE = 1 + 1;

test.each<[string, number, () => number]>([
  // MoveLoc, MoveLoc, Add, Ret
  ['two numbers added', 2 * MOVE + 2 * MOVE + (1 + 1 + 1) + END, () => cost('add', [u64(1), u64(2)])],
  // CopyLoc, MoveLoc, VecPack, Ret
  ['a vector made', MOVE + 2 * MOVE + (1 + 1 + 8) + END, () => cost('pair', [u64(1)])],
  // MoveLoc, MoveLoc, Pack, Ret
  [
    'a struct made',
    2 * MOVE + 2 * MOVE + (1 + 1 + 2) + END,
    () => cost('make', [u64(1), bcs.u128().serialize(1).toBytes()]),
  ],
  // MoveLoc, ReadRef of 8 for the reference, 2 for the vector and 8 for each number, Ret
  ['a vector read', MOVE + MOVE + (1 + 1 + 8 + 2 + 3 * 8) + END, () => cost('read', [numbers(3)])],
  // MoveLoc, MoveLoc, Eq of a truth value and two references to vectors, Ret
  [
    'two vectors compared',
    2 * MOVE + 2 * MOVE + (1 + 1 + 1 + 2 * (8 + 2 + 4)) + END,
    () => cost('same', [bytes(4), bytes(4)]),
  ],
  // LdConst, Ret
  ['a constant', 1 + 1 + (2 + 10) + END, () => cost('constant', [])],
  // MoveLoc, ReadRef of whatever type the caller names, Ret
  [
    'a value of a type argument read',
    MOVE + MOVE + (1 + 1 + 8 + (2 + 8 + 16)) + END,
    () => cost('copied', [new Uint8Array(24)], [`${PROBE.address}::probe::Pair`]),
  ],
  // MoveLoc, Call, Ret
  ['SHA-256', MOVE + MOVE + NATIVE + (1 + 34 + 52 + 2 * 100) + END, () => cost('digest', [bytes(100)])],
  // ImmBorrowLoc, Call, Ret; 129 bytes are two blocks
  [
    'Blake2b',
    MOVE + MOVE + NATIVE + (1 + 34 + 10 + 2 * 129 + 2 * 2) + END,
    () => cost('blake', [bytes(129)]),
  ],
  // ImmBorrowLoc, CallGeneric, Ret
  ['BCS', MOVE + MOVE + NATIVE + (1 + (2 + 8) + 2 * 8) + END, () => cost('encode', [u64(1)])],
  // ImmBorrowLoc three times, Call, Ret
  [
    'an Ed25519 signature',
    3 * MOVE + 3 * MOVE + NATIVE + (1 + 8 + 1_802 + 2 * 200 + 2 * 2) + END,
    () => cost('verify', [bytes(64), bytes(32), bytes(200)]),
  ],
  // MoveLoc, Pack, Call emit of a value of 10 and a type of 32 + "probe" + "Spoken", Ret, Ret
  [
    'an event',
    MOVE + MOVE + (1 + 1 + 2) + NATIVE + (52 + 2 * 10 + 5 * 43 + 10 * 53) + END,
    () => cost('speak', [u64(1)]),
  ],
  // MoveLoc, Call; the abort of a native costs what it had cost
  ['a native that aborts', MOVE + MOVE + NATIVE + 52, () => cost('refuse', [bytes(3)])],
])('%s', (_, expected, actual) => {
  expect(actual()).toBe(expected);
});

test('a field that is looked for in the store costs what is read, and no more the next time', () => {
  const shelf = new Uint8Array(32).fill(7);
  const stored = { type: 'u64', bcs: new Uint8Array(100) };
  const reader = (object: typeof stored | undefined): ObjectReader => ({
    child: () => object,
    receivable: () => undefined,
    inputOwner: () => undefined,
  });
  const found = cost('has', [shelf], [], reader(stored));
  const missing = cost('has', [shelf], [], reader(undefined));
  expect(found - missing).toBe(15 * (100 - 32));
  const again = (object: typeof stored | undefined) => cost('has_twice', [shelf], [], reader(object));
  expect(again(stored) - again(undefined)).toBe(15 * (100 - 32));
});
