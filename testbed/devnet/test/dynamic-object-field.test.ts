import { compileFiles } from '@daasvader/move/compile.ts';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';

const MANIFEST = '[package]\nname = "shelf"\nedition = "2024"\n[addresses]\nshelf = "0x0"\n';
const SOURCE = `
module shelf::shelf;

use sui::dynamic_object_field as field;

public struct Shelf has key { id: UID }
public struct Book has key, store { id: UID, page: u64 }

fun init(ctx: &mut TxContext) {
    transfer::share_object(Shelf { id: object::new(ctx) });
    transfer::transfer(Book { id: object::new(ctx), page: 1 }, ctx.sender());
}

public fun put(shelf: &mut Shelf, at: u64, book: Book) { field::add(&mut shelf.id, at, book) }
public fun turn(shelf: &mut Shelf, at: u64) {
    let book: &mut Book = field::borrow_mut(&mut shelf.id, at);
    book.page = book.page + 1;
}
public fun take(shelf: &mut Shelf, at: u64): Book { field::remove(&mut shelf.id, at) }
`;

const include = { effects: true, objectTypes: true } as const;

let devnet: Devnet;
let client: SuiGrpcClient;
let ids: { package: string; shelf: string; book: string };

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const { modules, dependencies } = await compileFiles({
    'Move.toml': MANIFEST,
    'sources/shelf.move': SOURCE,
  });
  const { changed } = await run((tx) => {
    const cap = tx.publish({ modules: modules.map((module) => [...module]), dependencies });
    tx.transferObjects([cap], devnet.accounts[0]!.toSuiAddress());
  });
  ids = { package: changed('package'), shelf: changed('::shelf::Shelf'), book: changed('::shelf::Book') };
});

afterAll(() => devnet.close());

async function run(build: (tx: Transaction) => void) {
  const transaction = new Transaction();
  build(transaction);
  const signer = devnet.accounts[0]!;
  const result = await client.signAndExecuteTransaction({ transaction, signer, include });
  if (result.$kind !== 'Transaction') throw new Error(result.FailedTransaction.status.error?.message);
  const { effects, objectTypes } = result.Transaction;
  const changed = (suffix: string) =>
    effects.changedObjects.find(({ objectId }) => objectTypes[objectId]!.endsWith(suffix))!.objectId;
  return { changed };
}

const call = (tx: Transaction, name: string, ...more: ReturnType<Transaction['object']>[]) =>
  tx.moveCall({
    target: `${ids.package}::shelf::${name}`,
    arguments: [tx.object(ids.shelf), tx.pure.u64(3), ...more],
  });

async function page(): Promise<bigint> {
  const { object } = await client.getObject({ objectId: ids.book, include: { content: true } });
  return BigInt(bcs.struct('Book', { id: bcs.Address, page: bcs.u64() }).parse(object.content).page);
}

test('an object stays an object in a field, and comes out of it as it is then', async () => {
  await run((tx) => void call(tx, 'put', tx.object(ids.book)));
  const { dynamicFields } = await client.listDynamicFields({ parentId: ids.shelf });
  expect(dynamicFields).toHaveLength(1);
  expect(dynamicFields[0]).toMatchObject({
    $kind: 'DynamicObject',
    childId: ids.book,
    name: { type: 'u64' },
  });
  const { object } = await client.getObject({ objectId: ids.book });
  expect(object.owner).toMatchObject({ $kind: 'ObjectOwner', ObjectOwner: dynamicFields[0]!.fieldId });

  await run((tx) => void call(tx, 'turn'));
  expect(await page()).toBe(2n);

  await expect(run((tx) => tx.transferObjects([tx.object(ids.book)], ids.shelf))).rejects.toThrow(
    /is owned by object/,
  );
  const owner = devnet.accounts[1]!.toSuiAddress();
  await run((tx) => tx.transferObjects([call(tx, 'take')], owner));
  expect(await page()).toBe(2n);
  const taken = await client.getObject({ objectId: ids.book });
  expect(taken.object.owner).toMatchObject({ $kind: 'AddressOwner', AddressOwner: owner });
  expect((await client.listDynamicFields({ parentId: ids.shelf })).dynamicFields).toEqual([]);
});
