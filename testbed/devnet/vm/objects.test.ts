import { bcs } from '@mysten/sui/bcs';
import { expect, test } from 'vitest';
import { testSession } from './testing/outcomes.ts';
import { PROBE, probeType, vmWith } from './testing/package.ts';
import type { Address, ObjectReader, SessionOutputs, TypedBytes } from './types.ts';

const vm = await vmWith(`
use sui::dynamic_field as field;
use sui::table::{Self, Table};
use sui::transfer::Receiving;

public struct Shelf has key { id: UID, entries: Table<u64, vector<u8>> }
public struct Item has key, store { id: UID, n: u64 }
public struct Wrapper has key { id: UID, item: Item }

public fun make(ctx: &mut TxContext): Shelf { Shelf { id: object::new(ctx), entries: table::new(ctx) } }
public fun add(shelf: &mut Shelf, key: u64, value: vector<u8>) { shelf.entries.add(key, value) }
public fun append(shelf: &mut Shelf, key: u64, value: vector<u8>) { shelf.entries[key].append(value) }
public fun read(shelf: &Shelf, key: u64): vector<u8> { shelf.entries[key] }
public fun touch(shelf: &mut Shelf, key: u64) { let _ = &mut shelf.entries[key]; }
public fun remove(shelf: &mut Shelf, key: u64): vector<u8> { shelf.entries.remove(key) }
public fun replace(shelf: &mut Shelf, key: u64, value: vector<u8>) {
    shelf.entries.remove(key);
    shelf.entries.add(key, value);
}
public fun item(n: u64, ctx: &mut TxContext): Item { Item { id: object::new(ctx), n } }
public fun wrap(item: Item, to: address, ctx: &mut TxContext) {
    transfer::transfer(Wrapper { id: object::new(ctx), item }, to)
}
public fun unwrap(wrapper: Wrapper, to: address) {
    let Wrapper { id, item } = wrapper;
    id.delete();
    transfer::public_transfer(item, to)
}
public fun take(shelf: &mut Shelf, receiving: Receiving<Item>): u64 {
    let Item { id, n } = transfer::public_receive(&mut shelf.id, receiving);
    id.delete();
    n
}
public fun attach(shelf: &mut Shelf, item: Item) { field::add(&mut shelf.id, true, item) }
public fun detach(shelf: &mut Shelf, to: address) {
    let item: Item = field::remove(&mut shelf.id, true);
    transfer::public_transfer(item, to)
}
`);

const OTHER: Address = `0x${'0b'.repeat(32)}`;
const u64 = (value: number | bigint) => bcs.u64().serialize(value).toBytes();
const bytes = (text: string) => bcs.string().serialize(text).toBytes();
const address = (value: Address) => bcs.Address.serialize(value).toBytes();
const idOf = (contents: Uint8Array) => bcs.Address.parse(contents.subarray(0, 32));

/** Objects as a node would keep them; each transaction has a digest of its own. */
class Ledger {
  readonly children = new Map<string, TypedBytes>();
  readonly received = new Map<string, TypedBytes>();
  #transactions = 0;

  readonly #reader: ObjectReader = {
    child: (parent, id) => this.children.get(`${parent}/${id}`),
    receivable: (parent, id, version) => this.received.get(`${parent}/${id}/${version}`),
    inputOwner: () => undefined,
  };

  session() {
    const transactionDigest = new Uint8Array(32).fill(++this.#transactions);
    return testSession({ objects: this.#reader, transactionDigest });
  }

  /** Runs one function in a transaction of its own. */
  run(name: string, ...args: Uint8Array[]) {
    const session = this.session();
    const result = call(session, name, ...args);
    return { ...result, outputs: this.#settle(session.finish()) };
  }

  #settle(outputs: SessionOutputs): SessionOutputs {
    for (const id of outputs.removedChildren) {
      for (const key of this.children.keys()) if (key.endsWith(`/${id}`)) this.children.delete(key);
    }
    for (const { id, owner, type, bcs: contents } of outputs.writes) {
      if (owner.kind === 'object') this.children.set(`${owner.parent}/${id}`, { type, bcs: contents });
    }
    return outputs;
  }
}

function call(session: ReturnType<typeof testSession>, name: string, ...args: Uint8Array[]) {
  return vm.call(session, { module: PROBE, function: name, typeArguments: [], arguments: args });
}

/** A ledger and a shelf with one entry, 1 → "one". */
function shelfWithEntry() {
  const ledger = new Ledger();
  const empty = ledger.run('make').returns[0]!.bcs;
  const { mutated, outputs } = ledger.run('add', empty, u64(1), bytes('one'));
  return { ledger, shelf: mutated[0]!.bcs, entry: outputs.writes[0]!.id };
}

test('a new dynamic field is a created object owned by its parent', () => {
  const ledger = new Ledger();
  const shelf = ledger.run('make').returns[0]!.bcs;
  const { outputs } = ledger.run('add', shelf, u64(1), bytes('one'));
  const [write] = outputs.writes;
  expect(write!.type).toMatch(/dynamic_field::Field<u64, vector<u8>>$/);
  expect(write!.owner).toEqual({ kind: 'object', parent: idOf(shelf.subarray(32)) });
  expect([...outputs.created]).toEqual([write!.id]);
});

test('later transactions find, change and remove a field', () => {
  const { ledger, shelf, entry } = shelfWithEntry();
  const { outputs } = ledger.run('append', shelf, u64(1), bytes('!'));
  expect(outputs.writes.map(({ id }) => id)).toEqual([entry]);
  expect(outputs.created.size).toBe(0);
  expect(ledger.run('read', shelf, u64(1)).returns[0]!.bcs).toEqual(bytes('one!'));

  const removal = ledger.run('remove', shelf, u64(1));
  expect(removal.returns[0]!.bcs).toEqual(bytes('one!'));
  expect(removal.outputs).toMatchObject({
    writes: [],
    deleted: new Set([entry]),
    removedChildren: new Set([entry]),
  });
});

test('a field that is only read or left as it was is not written', () => {
  const { ledger, shelf, entry } = shelfWithEntry();
  for (const name of ['read', 'touch']) {
    const { outputs } = ledger.run(name, shelf, u64(1));
    expect(outputs.writes).toEqual([]);
    expect([...outputs.loadedChildren]).toEqual([entry]);
  }
});

test('a field that is removed and added again is a change of the same object', () => {
  const { ledger, shelf, entry } = shelfWithEntry();
  const { outputs } = ledger.run('replace', shelf, u64(1), bytes('uno'));
  expect(outputs.writes.map(({ id }) => id)).toEqual([entry]);
  expect([outputs.created.size, outputs.deleted.size, outputs.removedChildren.size]).toEqual([0, 0, 0]);
});

test('a field that comes and goes in one transaction leaves no trace', () => {
  const ledger = new Ledger();
  const session = ledger.session();
  const shelf = call(session, 'make').returns[0]!.bcs;
  const added = call(session, 'add', shelf, u64(1), bytes('one')).mutated[0]!.bcs;
  call(session, 'remove', added, u64(1));
  const outputs = session.finish();
  expect(outputs).toMatchObject({ writes: [], deleted: new Set() });
  expect(outputs.created.size).toBe(2);
});

test('calls of one transaction see the fields of earlier ones', () => {
  const ledger = new Ledger();
  const session = ledger.session();
  const shelf = call(session, 'make').returns[0]!.bcs;
  const added = call(session, 'add', shelf, u64(1), bytes('one')).mutated[0]!.bcs;
  call(session, 'append', added, u64(1), bytes('two'));
  expect(call(session, 'read', added, u64(1)).returns[0]!.bcs).toEqual(bytes('onetwo'));
});

test('a field of another parent is not found', () => {
  const { ledger } = shelfWithEntry();
  const other = ledger.run('make').returns[0]!.bcs;
  expect(() => ledger.run('read', other, u64(1))).toThrow(
    expect.objectContaining({ code: 'MoveAbort', abortCode: 1n }),
  );
});

test('wrapping reports the wrapper alone, unwrapping the object again', () => {
  const ledger = new Ledger();
  const item = ledger.run('item', u64(5)).returns[0]!.bcs;
  const wrapped = ledger.run('wrap', item, address(OTHER)).outputs;
  expect(wrapped.writes).toMatchObject([
    { type: probeType('Wrapper'), owner: { kind: 'address', address: OTHER } },
  ]);
  const unwrapped = ledger.run('unwrap', wrapped.writes[0]!.bcs, address(OTHER)).outputs;
  expect(unwrapped.writes).toMatchObject([{ type: probeType('Item'), bcs: item }]);
  expect([...unwrapped.deleted]).toEqual([wrapped.writes[0]!.id]);
});

test('an object kept in a field comes out as it went in', () => {
  const ledger = new Ledger();
  const shelf = ledger.run('make').returns[0]!.bcs;
  const item = ledger.run('item', u64(5)).returns[0]!.bcs;
  const attached = ledger.run('attach', shelf, item);
  expect(attached.outputs.writes).toHaveLength(1);
  const { outputs } = ledger.run('detach', attached.mutated[0]!.bcs, address(OTHER));
  expect(outputs.writes).toMatchObject([{ id: idOf(item), bcs: item }]);
  expect([...outputs.deleted]).toEqual([attached.outputs.writes[0]!.id]);
});

test('an object sent to an object is received once, as its own type', () => {
  const ledger = new Ledger();
  const shelf = ledger.run('make').returns[0]!.bcs;
  const item = ledger.run('item', u64(5)).returns[0]!.bcs;
  const place = `${idOf(shelf)}/${idOf(item)}/3`;
  const receiving = Buffer.concat([item.subarray(0, 32), u64(3)]);
  const failsWith = (abortCode: bigint) => expect.objectContaining({ code: 'MoveAbort', abortCode });

  expect(() => ledger.run('take', shelf, receiving)).toThrow(failsWith(3n));
  ledger.received.set(place, { type: probeType('Wrapper'), bcs: item });
  expect(() => ledger.run('take', shelf, receiving)).toThrow(failsWith(2n));
  ledger.received.set(place, { type: probeType('Item'), bcs: item });

  const session = ledger.session();
  expect(call(session, 'take', shelf, receiving).returns[0]!.bcs).toEqual(u64(5));
  expect(() => call(session, 'take', shelf, receiving)).toThrow(failsWith(3n));
  expect(session.finish()).toMatchObject({
    received: new Set([idOf(item)]),
    deleted: new Set([idOf(item)]),
  });
});
