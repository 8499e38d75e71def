import { compileFiles, compileTogether } from '@daasvader/move/compile.ts';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import {
  Inputs,
  Transaction,
  type TransactionArgument,
  type TransactionObjectArgument,
} from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import type { TransactionData } from '../transaction/inputs.ts';

const MANIFEST = '[package]\nname = "rules"\nedition = "2024"\n[addresses]\nrules = "0x0"\n';
const SOURCE = `module rules::rules;

use std::ascii;
use std::string::String;
use sui::coin::Coin;
use sui::dynamic_field;
use sui::dynamic_object_field;
use sui::event;
use sui::sui::SUI;
use sui::transfer::Receiving;

public struct Thing has key, store { id: UID, value: u64 }
public struct Blob has key, store { id: UID, bytes: vector<u8> }
public struct Bound has key { id: UID }
public struct Box has key, store { id: UID, thing: Option<Thing> }
public struct Promise {}
public struct Kept has copy {}
public struct Spoken has copy, drop {}
public struct Shouted has copy, drop { bytes: vector<u8> }

public fun thing(ctx: &mut TxContext): Thing { Thing { id: object::new(ctx), value: 0 } }
public fun bound(ctx: &mut TxContext): Bound { Bound { id: object::new(ctx) } }
public fun drop_bound(bound: Bound) { let Bound { id } = bound; id.delete(); }
public fun set(thing: &mut Thing, value: u64) { thing.value = value; }
public fun read(thing: &Thing): u64 { thing.value }
public fun number(): u64 { 7 }
public fun reference(thing: &Thing): &u64 { &thing.value }
public fun pair(ctx: &mut TxContext): (Thing, Thing) { (thing(ctx), thing(ctx)) }
public fun destroy_beside(thing: Thing, _: &Thing) { thing.destroy() }
public fun destroy(thing: Thing) { let Thing { id, .. } = thing; id.delete(); }
public fun destroy_all(mut things: vector<Thing>) {
    while (!things.is_empty()) things.pop_back().destroy();
    things.destroy_empty();
}
public fun share(thing: Thing) { transfer::share_object(thing) }
public fun freeze_thing(thing: Thing) { transfer::freeze_object(thing) }
public fun give(thing: Thing, to: address) { transfer::transfer(thing, to) }

public fun wrap(thing: Thing, ctx: &mut TxContext): Box { Box { id: object::new(ctx), thing: option::some(thing) } }
public fun unwrap(box: Box): Thing { let Box { id, thing } = box; id.delete(); thing.destroy_some() }
public fun attach(box: &mut Box, thing: Thing) { dynamic_object_field::add(&mut box.id, 0u8, thing) }
public fun detach(box: &mut Box): Thing { dynamic_object_field::remove(&mut box.id, 0u8) }
public fun receive(box: &mut Box, thing: Receiving<Thing>): Thing { transfer::receive(&mut box.id, thing) }
public fun receive_coin(box: &mut Box, coin: Receiving<Coin<SUI>>): Coin<SUI> {
    transfer::public_receive(&mut box.id, coin)
}

public fun promise(_: &Thing): Promise { Promise {} }
public fun fulfil(promise: Promise) { let Promise {} = promise; }
public fun kept(): Kept { Kept {} }
public fun look(_: &Kept) {}
public fun swallow(kept: Kept) { let Kept {} = kept; }
entry fun secret(_: &Thing) {}
entry fun fulfil_secretly(promise: Promise) { let Promise {} = promise; }

public fun text(_: String) {}
public fun plain(_: ascii::String) {}
public fun maybe(_: Option<u64>) {}
public fun lists(_: vector<vector<u8>>) {}
public fun id(_: ID) {}
public fun flag(_: bool) {}
public fun generic<T: store>(_: u64) {}

public fun blob(size: u64, ctx: &mut TxContext): Blob { Blob { id: object::new(ctx), bytes: zeros(size) } }
public fun shout(size: u64) { event::emit(Shouted { bytes: zeros(size) }) }
fun zeros(size: u64): vector<u8> {
    let mut bytes = vector[0u8];
    while (bytes.length() * 2 <= size) { let again = bytes; bytes.append(again) };
    while (bytes.length() < size) bytes.push_back(0);
    bytes
}
public fun many(count: u64, ctx: &mut TxContext) {
    let mut made = 0;
    while (made < count) { transfer::public_transfer(thing(ctx), ctx.sender()); made = made + 1 };
}
public fun say() { event::emit(Spoken {}) }
public fun say_often(count: u64) {
    let mut said = 0;
    while (said < count) { say(); said = said + 1 };
}
public fun change_and_abort(thing: &mut Thing) { thing.value = 9; event::emit(Spoken {}); abort 3 }
public fun seek(box: &Box, count: u64): bool {
    let mut sought = 0;
    while (sought < count) { dynamic_field::exists_(&box.id, sought); sought = sought + 1 };
    true
}
public fun count_to(end: u64) {
    let mut counted = 0;
    while (counted < end) counted = counted + 1;
}
public fun spin() { loop {} }
`;
/** Another package whose function makes the first one speak. */
const CALLER = `module caller::caller;
public fun ask() { rules::rules::say() }
`;

const BUDGET = 1_000_000_000n;
const PRICE = 1_000n;

let devnet: Devnet;
let client: SuiGrpcClient;
let packageId: string;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const { modules, dependencies } = await compileFiles({
    'Move.toml': MANIFEST,
    'sources/rules.move': SOURCE,
  });
  const effects = await succeed(devnet.accounts[0]!, (tx) => {
    const cap = tx.publish({ modules: modules.map((module) => [...module]), dependencies });
    tx.transferObjects([cap], devnet.accounts[0]!.toSuiAddress());
  });
  packageId = effects.changedObjects.find(([, { outputState }]) => outputState.PackageWrite)![0];
});

afterAll(() => devnet.close());

type Effects = NonNullable<(typeof bcs.TransactionEffects.$inferType)['V2']>;
type Fill = (tx: Transaction, me: string) => void;
type Edit = (data: TransactionData) => unknown;

/** An account with one coin of 10 SUI. */
async function account(): Promise<Ed25519Keypair> {
  const keypair = new Ed25519Keypair();
  await devnet.faucet(keypair.toSuiAddress(), 10_000_000_000n);
  return keypair;
}

/** Executes without simulating first, as an attacker would, and returns the effects. @throws when it is refused */
async function execute(signer: Ed25519Keypair, fill: Fill, edit: Edit = () => undefined): Promise<Effects> {
  const owner = signer.toSuiAddress();
  const filled = new Transaction();
  filled.setSender(owner);
  fill(filled, owner);
  const transaction = Transaction.fromKind(await filled.build({ client, onlyTransactionKind: true }));
  transaction.setSender(owner);
  transaction.setGasBudget(BUDGET);
  transaction.setGasPrice(PRICE);
  const { objects } = await client.listCoins({ owner });
  const [richest] = objects.toSorted((a, b) => Number(BigInt(b.balance) - BigInt(a.balance)));
  transaction.setGasPayment([richest!]);
  const data = bcs.TransactionData.parse(await transaction.build());
  edit(data.V1);
  const bytes = bcs.TransactionData.serialize(data).toBytes();
  const { signature } = await signer.signTransaction(bytes);
  const include = { effects: true } as const;
  const result = await client.executeTransaction({ transaction: bytes, signatures: [signature], include });
  return bcs.TransactionEffects.parse((result.Transaction ?? result.FailedTransaction)!.effects.bcs!).V2!;
}

async function succeed(signer: Ed25519Keypair, fill: Fill): Promise<Effects> {
  const effects = await execute(signer, fill);
  expect(effects.status).toEqual({ $kind: 'Success', Success: true });
  return effects;
}

/** @returns the names in the status, such as `CommandArgumentError TypeMismatch`, `success` if there is none */
function statusOf({ status }: Effects): string {
  if (status.$kind === 'Success') return 'success';
  const names: string[] = [];
  let part: unknown = status.Failure!.error;
  while (typeof part === 'object' && part !== null && '$kind' in part) {
    const name = part.$kind as string;
    names.push(name);
    const value = (part as unknown as Record<string, unknown>)[name] as Record<string, unknown>;
    part = value?.kind ?? value;
  }
  return names.join(' ');
}

function call(tx: Transaction, name: string, ...args: TransactionArgument[]) {
  return tx.moveCall({ target: `${packageId}::rules::${name}`, arguments: args });
}

/** Makes something by a call, keeps it, and returns its id. */
async function make(signer: Ed25519Keypair, fill: Fill): Promise<string> {
  const { changedObjects } = await succeed(signer, fill);
  return changedObjects.find(([, { idOperation }]) => idOperation.$kind === 'Created')![0];
}

const owned: Fill = (tx, me) => tx.transferObjects([call(tx, 'thing')], me);
const shared: Fill = (tx) => void call(tx, 'share', call(tx, 'thing'));
const frozen: Fill = (tx) => void call(tx, 'freeze_thing', call(tx, 'thing'));
const box: Fill = (tx, me) => tx.transferObjects([call(tx, 'wrap', call(tx, 'thing'))], me);

async function reference(objectId: string) {
  const { object } = await client.getObject({ objectId });
  return { objectId, version: object.version, digest: object.digest, owner: object.owner };
}

async function sharedRef(
  objectId: string,
  mutable = true,
): Promise<ReturnType<typeof Inputs.SharedObjectRef>> {
  const { owner } = await reference(objectId);
  return Inputs.SharedObjectRef({
    objectId,
    initialSharedVersion: owner.Shared!.initialSharedVersion,
    mutable,
  });
}

describe('refused before it runs, at no cost', () => {
  let me: Ed25519Keypair;
  let stranger: Ed25519Keypair;
  beforeAll(async () => {
    [me, stranger] = [await account(), await account()];
  });

  async function refused(fill: Fill, message: RegExp, edit?: Edit, by = me): Promise<void> {
    const { balance: before } = await client.getBalance({ owner: by.toSuiAddress() });
    await expect(execute(by, fill, edit)).rejects.toThrow(message);
    const { balance: after } = await client.getBalance({ owner: by.toSuiAddress() });
    expect(after).toEqual(before);
  }

  const nothing: Fill = (tx) => void call(tx, 'number');

  test("a stranger's object", async () => {
    const ref = await reference(await make(stranger, owned));
    await refused(
      (tx) => void call(tx, 'read', tx.objectRef(ref)),
      /owned by account address .*signer address/,
    );
  });

  test('a shared object as an owned one, an owned and a frozen one as shared', async () => {
    const common = await reference(await make(me, shared));
    await refused((tx) => void call(tx, 'read', tx.objectRef(common)), /is shared and was passed as owned/);
    for (const kind of [owned, frozen]) {
      const objectId = await make(me, kind);
      const wrong = Inputs.SharedObjectRef({ objectId, initialSharedVersion: 1, mutable: true });
      await refused((tx) => void call(tx, 'read', tx.object(wrong)), /is not shared/);
    }
  });

  test('a shared object with another version of its sharing', async () => {
    const objectId = await make(me, shared);
    const wrong = Inputs.SharedObjectRef({ objectId, initialSharedVersion: 1, mutable: true });
    await refused((tx) => void call(tx, 'read', tx.object(wrong)), /was shared at version/);
  });

  test('a child object', async () => {
    const [boxId, thingId] = [await make(me, box), await make(me, owned)];
    await succeed(me, (tx) => void call(tx, 'attach', tx.object(boxId), tx.object(thingId)));
    const ref = await reference(thingId);
    await refused((tx) => void call(tx, 'read', tx.objectRef(ref)), /is owned by object/);
    await refused((tx) => {
      call(tx, 'receive', tx.object(boxId), tx.object(Inputs.ReceivingRef(ref)));
    }, /cannot be received/);
  });

  test('a package as an object, an object as a package, a package that is not there', async () => {
    const { version, digest } = await reference(packageId);
    const ref = { objectId: packageId, version, digest };
    await refused((tx) => void call(tx, 'read', tx.objectRef(ref)), /Package .* used as an object/);
    const thingId = await make(me, owned);
    await refused((tx) => void tx.moveCall({ target: `${thingId}::rules::number` }), /used as a package/);
    const absent = `0x${'ab'.repeat(32)}`;
    await refused(
      (tx) => void tx.moveCall({ target: `${absent}::rules::number` }),
      /package not found on-chain/,
    );
    const typeArguments = [`vector<${absent}::a::A>`];
    await refused((tx) => {
      tx.moveCall({ target: `${packageId}::rules::generic`, typeArguments, arguments: [tx.pure.u64(1)] });
    }, /package not found on-chain/);
    await refused((tx) => void tx.publish({ modules: [[1]], dependencies: [absent] }), /package not found/);
  });

  test('an old version, a version to come and a wrong digest', async () => {
    const thingId = await make(me, owned);
    const old = await reference(thingId);
    await succeed(me, (tx) => void call(tx, 'set', tx.object(thingId), tx.pure.u64(1)));
    const read = (ref: typeof old) => (tx: Transaction) => void call(tx, 'read', tx.objectRef(ref));
    await refused(read(old), /unavailable for consumption, current version/);
    const present = await reference(thingId);
    await refused(
      read({ ...present, version: `${BigInt(present.version) + 1n}` }),
      /unavailable for consumption/,
    );
    await refused(read({ ...present, digest: old.digest }), /Invalid object digest/);
  });

  test('a deleted and a wrapped object', async () => {
    for (const act of ['destroy', 'wrap']) {
      const ref = await reference(await make(me, owned));
      await succeed(me, (tx, owner) => {
        const result = call(tx, act, tx.objectRef(ref));
        if (act === 'wrap') tx.transferObjects([result], owner);
      });
      await refused((tx) => void call(tx, 'read', tx.objectRef(ref)), /was deleted or wrapped after version/);
    }
  });

  test('the same object twice, even if it is immutable, and a gas coin as an input', async () => {
    for (const kind of [owned, frozen, shared]) {
      const thingId = await make(me, kind);
      const twice: Edit = ({ kind: { ProgrammableTransaction: tx } }) => void tx!.inputs.push(tx!.inputs[0]!);
      await refused((tx) => void call(tx, 'read', tx.object(thingId)), /more than once/, twice);
    }
    const { objects } = await client.listCoins({ owner: me.toSuiAddress() });
    const asInput: Fill = (tx, owner) => tx.transferObjects([tx.objectRef(objects[0]!)], owner);
    await refused(asInput, /more than once/, ({ gasData }) => {
      gasData.payment = [objects[0]!];
    });
    await refused(nothing, /more than once/, ({ gasData }) => void gasData.payment.push(gasData.payment[0]!));
  });

  test('gas that is not money of the one who pays', async () => {
    const pay = (ref: Awaited<ReturnType<typeof reference>>): Edit => {
      return ({ gasData }) => {
        gasData.payment = [ref];
      };
    };
    const { objects } = await client.listCoins({ owner: stranger.toSuiAddress() });
    await refused(nothing, /not owned by the gas owner/, pay(await reference(objects[0]!.objectId)));
    await refused(nothing, /not a SUI coin/, pay(await reference(await make(me, owned))));
    await refused(nothing, /not owned by the gas owner/, pay(await reference(await make(me, shared))));
    await refused(nothing, /not owned by the gas owner/, pay(await reference(await make(me, frozen))));
    await refused(nothing, /Package .* used as an object/, pay({ ...(await reference(packageId)) }));
  });

  test("a sponsor's objects as the sender's, and a sponsor who did not sign", async () => {
    const ref = await reference(await make(stranger, owned));
    const { objects } = await client.listCoins({ owner: stranger.toSuiAddress() });
    const sponsored: Edit = ({ gasData }) => {
      gasData.owner = stranger.toSuiAddress();
      gasData.payment = [objects[0]!];
    };
    await refused(nothing, /Expect 2 signer signatures but got 1/, sponsored);
    const take: Fill = (tx) => void call(tx, 'read', tx.objectRef(ref));
    await refused(take, /Expect 2 signer signatures but got 1/, sponsored);
  });

  test.each<[string, RegExp, (gas: TransactionData['gasData']) => void]>([
    [
      'a price under the reference',
      /under reference gas price/,
      (gas) => Object.assign(gas, { price: '999' }),
    ],
    [
      'a price at the limit',
      /Gas price cannot exceed/,
      (gas) => Object.assign(gas, { price: '50000000000' }),
    ],
    [
      'a budget above the limit',
      /higher than max: 50000000000000/,
      (gas) => Object.assign(gas, { budget: '50000000000001' }),
    ],
    [
      'a budget below the least',
      /lower than min: 1000000/,
      (gas) => Object.assign(gas, { budget: '999999' }),
    ],
    [
      'a least budget that grows with the price',
      /lower than min: 2000000/,
      (gas) => {
        Object.assign(gas, { price: '2000', budget: '1999999' });
      },
    ],
    [
      'a budget above the balance',
      /lower than the needed amount/,
      (gas) => Object.assign(gas, { budget: '20000000000' }),
    ],
  ])('%s', async (_, message, change) => {
    await refused(nothing, message, ({ gasData }) => change(gasData));
  });

  test.each<[string, RegExp, Fill, Edit?]>([
    ['no objects to transfer', /Empty input/, (tx, owner) => tx.transferObjects([], owner)],
    ['nothing to split off', /Empty input/, (tx) => void tx.splitCoins(tx.gas, [])],
    ['nothing to merge', /Empty input/, (tx) => tx.mergeCoins(tx.gas, [])],
    ['an empty vector of no type', /Empty input/, (tx) => void tx.makeMoveVec({ elements: [] })],
    ['a package without modules', /Empty input/, (tx) => void tx.publish({ modules: [], dependencies: [] })],
    [
      'a name that is none',
      /not a valid identifier/,
      (tx) => {
        tx.moveCall({ target: `${packageId}::rules::not a name` });
      },
    ],
    [
      '512 arguments',
      /maximum arguments/,
      (tx) => {
        call(tx, 'read', ...Array.from({ length: 512 }, () => tx.gas));
      },
    ],
    [
      'six packages',
      /at most 5 may be/,
      (tx) => {
        for (let count = 0; count < 6; count += 1) tx.publish({ modules: [[1]], dependencies: [] });
      },
    ],
    [
      '16 type arguments',
      /maximum type arguments/,
      (tx) => {
        const typeArguments = Array.from({ length: 16 }, () => 'u8');
        tx.moveCall({ target: `${packageId}::rules::generic`, typeArguments, arguments: [tx.pure.u64(1)] });
      },
    ],
    [
      'randomness, which this chain has not',
      /Could not find the referenced object/,
      (tx) => {
        const random = { objectId: '0x8', initialSharedVersion: 1, mutable: false };
        call(tx, 'read', tx.object(Inputs.SharedObjectRef(random)));
      },
    ],
  ])('%s', (_, message, fill, edit) => refused(fill, message, edit));

  test('257 gas coins', async () => {
    const { objects } = await client.listCoins({ owner: me.toSuiAddress() });
    await refused(nothing, /more than 256 gas coins|more than once/, ({ gasData }) => {
      gasData.payment = Array.from({ length: 257 }, () => objects[0]!);
    });
  });

  test('a transaction of an epoch that is over', async () => {
    devnet.endEpoch();
    const expired: Edit = (data) => {
      data.expiration = { $kind: 'Epoch', Epoch: 0 };
    };
    await refused(nothing, /Transaction Expired/, expired);
    const valid: Edit = (data) => {
      data.expiration = { $kind: 'Epoch', Epoch: 1 };
    };
    expect(statusOf(await execute(me, nothing, valid))).toBe('success');
  });
});

describe('fails while it runs', () => {
  let me: Ed25519Keypair;
  beforeAll(async () => {
    me = await account();
  });

  test.each<[string, string, Fill, Edit?]>([
    [
      'a reference comes back',
      'InvalidPublicFunctionReturnType',
      (tx, owner) => {
        const thing = call(tx, 'thing');
        call(tx, 'reference', thing);
        tx.transferObjects([thing], owner);
      },
    ],
    [
      'a promise is left',
      'UnusedValueWithoutDrop',
      (tx) => {
        const thing = call(tx, 'thing');
        call(tx, 'promise', thing);
        call(tx, 'destroy', thing);
      },
    ],
    ['an object is left', 'UnusedValueWithoutDrop', (tx) => void call(tx, 'thing')],
    [
      'a value that can be copied and not dropped is only looked at',
      'UnusedValueWithoutDrop',
      (tx) => {
        call(tx, 'look', call(tx, 'kept'));
      },
    ],
    [
      'it is looked at last',
      'UnusedValueWithoutDrop',
      (tx) => {
        const kept = call(tx, 'kept');
        call(tx, 'swallow', kept);
        call(tx, 'look', kept);
      },
    ],
    [
      'a value is used after it was moved',
      'CommandArgumentError InvalidValueUsage',
      (tx) => {
        const thing = call(tx, 'thing');
        call(tx, 'destroy', thing);
        call(tx, 'read', thing);
      },
    ],
    [
      'a pair is used as one',
      'CommandArgumentError InvalidResultArity',
      (tx) => void call(tx, 'read', call(tx, 'pair')),
    ],
    [
      'a result beyond the last',
      'CommandArgumentError SecondaryIndexOutOfBounds',
      (tx) => {
        call(tx, 'read', call(tx, 'pair')[2]!);
      },
    ],
    [
      'a result of a later command',
      'CommandArgumentError IndexOutOfBounds',
      (tx) => void call(tx, 'read', tx.gas),
      ({ kind }) => {
        kind.ProgrammableTransaction!.commands[0]!.MoveCall!.arguments = [{ $kind: 'Result', Result: 5 }];
      },
    ],
    ['an object of another type', 'CommandArgumentError TypeMismatch', (tx) => void call(tx, 'read', tx.gas)],
    [
      'bytes for an object',
      'CommandArgumentError InvalidUsageOfPureArg',
      (tx) => {
        call(tx, 'read', tx.pure.vector('u8', Array(39).fill(0)));
      },
    ],
    ['too few arguments', 'ArityMismatch', (tx) => void call(tx, 'set', tx.gas)],
    [
      'a type argument without the ability',
      'TypeArgumentError ConstraintNotSatisfied',
      (tx) => {
        const typeArguments = [`${packageId}::rules::Promise`];
        tx.moveCall({ target: `${packageId}::rules::generic`, typeArguments, arguments: [tx.pure.u64(1)] });
      },
    ],
    [
      'an object without store is transferred',
      'InvalidTransferObject',
      (tx, owner) => {
        tx.transferObjects([call(tx, 'bound')], owner);
      },
    ],
    [
      'a number is transferred',
      'InvalidTransferObject',
      (tx, owner) => {
        tx.transferObjects([call(tx, 'number') as TransactionObjectArgument], owner);
      },
    ],
    [
      'the gas coin is moved into a call',
      'CommandArgumentError InvalidGasCoinUsage',
      (tx, owner) => {
        const typeArguments = ['0x2::coin::Coin<0x2::sui::SUI>'];
        tx.moveCall({
          target: '0x2::transfer::public_transfer',
          typeArguments,
          arguments: [tx.gas, tx.pure.address(owner)],
        });
      },
    ],
    [
      'the gas coin is merged away',
      'CommandArgumentError InvalidGasCoinUsage',
      (tx, owner) => {
        const [coin] = tx.splitCoins(tx.gas, [1]);
        tx.mergeCoins(coin!, [tx.gas]);
        tx.transferObjects([coin!], owner);
      },
    ],
    [
      'the gas coin is put into a vector',
      'CommandArgumentError InvalidGasCoinUsage',
      (tx) => {
        tx.makeMoveVec({ elements: [tx.gas] });
      },
    ],
    [
      'a coin is merged with itself',
      'CommandArgumentError InvalidValueUsage',
      (tx) => tx.mergeCoins(tx.gas, [tx.gas]),
    ],
    [
      'more is split off than there is',
      'InsufficientCoinBalance',
      (tx, owner) => {
        tx.transferObjects([tx.splitCoins(tx.gas, [1n << 60n])], owner);
      },
    ],
    [
      'something that is no coin is split',
      'CommandArgumentError TypeMismatch',
      (tx) => {
        tx.splitCoins(call(tx, 'thing') as TransactionObjectArgument, [1]);
      },
    ],
    [
      'a vector of numbers has no type',
      'CommandArgumentError InvalidMakeMoveVecNonObjectArgument',
      (tx) => {
        tx.makeMoveVec({ elements: [call(tx, 'number') as TransactionObjectArgument] });
      },
    ],
    [
      'a vector of two types',
      'CommandArgumentError TypeMismatch',
      (tx) => {
        tx.makeMoveVec({
          elements: [call(tx, 'thing'), call(tx, 'wrap', call(tx, 'thing'))] as TransactionObjectArgument[],
        });
      },
    ],
    [
      'an object above 250 KiB',
      'MoveObjectTooBig',
      (tx, owner) => {
        tx.transferObjects([call(tx, 'blob', tx.pure.u64(256_000 - 34))], owner);
      },
      ({ gasData }) => Object.assign(gasData, { budget: '5000000000' }),
    ],
    ['2,049 new objects', 'MovePrimitiveRuntimeError', (tx) => void call(tx, 'many', tx.pure.u64(2_049))],
    ['1,025 events', 'MovePrimitiveRuntimeError', (tx) => void call(tx, 'say_often', tx.pure.u64(1_025))],
    [
      'an event that weighs more than 256,000, with 2 for each struct and vector, and its type',
      'MovePrimitiveRuntimeError',
      (tx) => void call(tx, 'shout', tx.pure.u64(256_000 - 2 - 2 - (32 + 5 + 7) + 1)),
      ({ gasData }) => Object.assign(gasData, { budget: '5000000000' }),
    ],
    [
      '1,001 child objects looked for',
      'MovePrimitiveRuntimeError',
      (tx) => void call(tx, 'seek', call(tx, 'wrap', call(tx, 'thing')), tx.pure.u64(1_001)),
    ],
    ['an endless loop', 'InsufficientGas', (tx) => void call(tx, 'spin')],
    [
      'a module that is not in the package',
      'FunctionNotFound',
      (tx) => {
        tx.moveCall({ target: `${packageId}::absent::number` });
      },
    ],
  ])('%s', async (_, status, fill, edit) => {
    const effects = await execute(me, fill, edit);
    expect(statusOf(effects)).toBe(status);
    const [[id, change], ...others] = effects.changedObjects as [Effects['changedObjects'][0]];
    expect(others).toEqual([]);
    expect(change.outputState.ObjectWrite![1].AddressOwner).toBe(me.toSuiAddress());
    expect(effects.gasObjectIndex).toBe(0);
    expect(id).toBe(effects.changedObjects[0]![0]);
    expect(effects.eventsDigest).toBeNull();
  });

  test.each<[string, string, number[]]>([
    ['text', 'InvalidBCSBytes', [2, 0xc3, 0x28]],
    ['text', 'InvalidBCSBytes', [3, 97]],
    ['text', 'success', [2, 0xc3, 0xa9]],
    ['plain', 'InvalidBCSBytes', [1, 0x80]],
    ['maybe', 'InvalidBCSBytes', [2, ...Array(16).fill(0)]],
    ['maybe', 'InvalidBCSBytes', [1, 0]],
    ['maybe', 'success', [0]],
    ['lists', 'InvalidBCSBytes', [1, 2, 0]],
    ['lists', 'InvalidBCSBytes', [1, 1, 0, 9]],
    ['lists', 'success', [2, 1, 0, 0]],
    ['id', 'InvalidBCSBytes', Array(31).fill(0)],
    ['id', 'InvalidBCSBytes', Array(33).fill(0)],
    ['flag', 'InvalidBCSBytes', [2]],
    ['flag', 'InvalidBCSBytes', []],
  ])('bytes for %s end in %s: %j', async (name, status, bytes) => {
    const effects = await execute(me, (tx) => void call(tx, name, tx.pure(Uint8Array.from(bytes))));
    expect(statusOf(effects)).toBe(status === 'success' ? status : `CommandArgumentError ${status}`);
  });

  test('an immutable, and a shared object that is only to be read, taken to be changed or moved', async () => {
    const ice = await make(me, frozen);
    const common = await sharedRef(await make(me, shared), false);
    for (const input of [ice, common]) {
      const one = (tx: Transaction) => (typeof input === 'string' ? tx.object(input) : tx.object(input));
      const change = await execute(me, (tx) => void call(tx, 'set', one(tx), tx.pure.u64(1)));
      expect(statusOf(change)).toBe('CommandArgumentError InvalidObjectByMutRef');
      const move = await execute(me, (tx) => void call(tx, 'destroy', one(tx)));
      expect(statusOf(move)).toBe('CommandArgumentError InvalidObjectByValue');
      expect(statusOf(await execute(me, (tx) => void call(tx, 'read', one(tx))))).toBe('success');
    }
  });

  test('a shared object does not become owned, frozen or wrapped, but may be shared again and deleted', async () => {
    const common = await sharedRef(await make(me, shared));
    const denied = ['freeze_thing', 'give', 'wrap', 'transfer'];
    for (const act of denied) {
      const effects = await execute(me, (tx, owner) => {
        if (act === 'transfer') return tx.transferObjects([tx.object(common)], owner);
        const args = act === 'give' ? [tx.pure.address(owner)] : [];
        const result = call(tx, act, tx.object(common), ...args);
        if (act === 'wrap') tx.transferObjects([result], owner);
      });
      expect(statusOf(effects)).toBe('SharedObjectOperationNotAllowed');
    }
    await succeed(me, (tx) => void call(tx, 'share', tx.object(common)));
    const { owner } = await reference(common.Object!.SharedObject!.objectId);
    expect(String(owner.Shared!.initialSharedVersion)).toBe(
      String(common.Object!.SharedObject!.initialSharedVersion),
    );
    await succeed(me, (tx) => void call(tx, 'destroy', tx.object(common)));
    await expect(execute(me, (tx) => void call(tx, 'read', tx.object(common)))).rejects.toThrow(
      /was deleted/,
    );
  });

  test('an object that is not new cannot be shared', async () => {
    const thingId = await make(me, owned);
    const effects = await execute(me, (tx) => void call(tx, 'share', tx.object(thingId)));
    expect(statusOf(effects)).toBe('MoveAbort');
    const [location, code] = effects.status.Failure!.error.MoveAbort!;
    expect([location.module.name, location.functionName, code]).toEqual([
      'transfer',
      'share_object_impl',
      '0',
    ]);
  });

  test('an abort undoes all but the gas, and says where', async () => {
    const thingId = await make(me, owned);
    const before = await client.getObject({ objectId: thingId, include: { content: true } });
    const effects = await execute(me, (tx) => {
      call(tx, 'many', tx.pure.u64(2));
      call(tx, 'change_and_abort', tx.object(thingId));
    });
    const { error, command } = effects.status.Failure!;
    expect(error.MoveAbort![1]).toBe('3');
    expect(command).toBe('1');
    const after = await client.getObject({ objectId: thingId, include: { content: true } });
    expect(after.object.content).toEqual(before.object.content);
    expect(after.object.version).toBe(effects.lamportVersion);
    expect(effects.changedObjects).toHaveLength(2);
    expect(effects.eventsDigest).toBeNull();
  });
});

/** Sui lets no function bind what a private entry function is given. */
describe('private entry functions', () => {
  let me: Ed25519Keypair;
  beforeAll(async () => {
    me = await account();
  });

  test('refuse a value bound to a promise that is still open', async () => {
    const effects = await execute(me, (tx) => {
      const thing = call(tx, 'thing');
      const promise = call(tx, 'promise', thing);
      call(tx, 'secret', thing);
      call(tx, 'fulfil', promise);
      call(tx, 'destroy', thing);
    });
    expect(statusOf(effects)).toBe('CommandArgumentError InvalidArgumentToPrivateEntryFunction');
    expect(effects.status.Failure!.command).toBe('2');
  });

  test('take it when the promise is fulfilled, take the promise itself, and values never bound', async () => {
    await succeed(me, (tx) => {
      const thing = call(tx, 'thing');
      call(tx, 'fulfil', call(tx, 'promise', thing));
      call(tx, 'secret', thing);
      call(tx, 'fulfil_secretly', call(tx, 'promise', thing));
      call(tx, 'destroy', thing);
    });
    await succeed(me, (tx) => {
      const [thing, other] = [call(tx, 'thing'), call(tx, 'thing')];
      const promise = call(tx, 'promise', thing);
      call(tx, 'secret', other);
      call(tx, 'fulfil', promise);
      call(tx, 'destroy_all', tx.makeMoveVec({ elements: [thing, other] as TransactionObjectArgument[] }));
    });
  });

  test('refuse what was used with a consumed shared object', async () => {
    const [common, thingId] = [await sharedRef(await make(me, shared)), await make(me, owned)];
    const effects = await execute(me, (tx) => {
      call(tx, 'destroy_beside', tx.object(common), tx.object(thingId));
      call(tx, 'secret', tx.object(thingId));
    });
    expect(statusOf(effects)).toBe('CommandArgumentError InvalidArgumentToPrivateEntryFunction');
  });
});

describe('what effects say', () => {
  let me: Ed25519Keypair;
  beforeAll(async () => {
    me = await account();
  });

  function change({ changedObjects }: Effects, id: string) {
    return changedObjects.find(([changed]) => changed === id)?.[1];
  }

  test('every object written gets the version after the highest of all inputs', async () => {
    const [thingId, ice, common] = [await make(me, owned), await make(me, frozen), await make(me, shared)];
    for (let count = 0; count < 3; count += 1)
      await succeed(me, (tx) => void call(tx, 'set', tx.object(thingId), tx.pure.u64(count)));
    const ref = await sharedRef(common, false);
    const inputs = await Promise.all([thingId, ice, common].map(reference));
    const { objects } = await client.listCoins({ owner: me.toSuiAddress() });
    const versions = [...inputs, ...objects].map(({ version }) => BigInt(version));
    const effects = await succeed(me, (tx) => {
      for (const id of [tx.object(thingId), tx.object(ice), tx.object(ref)]) call(tx, 'read', id);
    });
    const highest = versions.toSorted((a, b) => Number(a - b)).at(-1)!;
    expect(BigInt(effects.lamportVersion)).toBe(highest + 1n);
    expect(change(effects, thingId)).toBeDefined();
    expect(change(effects, ice)).toBeUndefined();
    expect(effects.unchangedConsensusObjects).toEqual([
      [common, { $kind: 'ReadOnlyRoot', ReadOnlyRoot: [inputs[2]!.version, inputs[2]!.digest] }],
    ]);
  });

  test('wrapped, unwrapped, unwrapped and deleted, created and deleted at once', async () => {
    const thingId = await make(me, owned);
    const wrapping = await succeed(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'wrap', tx.object(thingId))], owner);
    });
    expect(change(wrapping, thingId)).toMatchObject({
      outputState: { NotExist: true },
      idOperation: { None: true },
    });
    const boxId = wrapping.changedObjects.find(([, { idOperation }]) => idOperation.Created)![0];
    const unwrapping = await succeed(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'unwrap', tx.object(boxId))], owner);
    });
    expect(change(unwrapping, thingId)).toMatchObject({
      inputState: { NotExist: true },
      idOperation: { None: true },
    });
    expect(change(unwrapping, thingId)!.outputState.$kind).toBe('ObjectWrite');
    expect(change(unwrapping, boxId)).toMatchObject({
      outputState: { NotExist: true },
      idOperation: { Deleted: true },
    });
    const again = await make(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'wrap', tx.object(thingId))], owner);
    });
    const deleting = await succeed(
      me,
      (tx) => void call(tx, 'destroy', call(tx, 'unwrap', tx.object(again))),
    );
    expect(change(deleting, thingId)).toMatchObject({
      inputState: { NotExist: true },
      outputState: { NotExist: true },
      idOperation: { Deleted: true },
    });
    const brief = await succeed(me, (tx) => void call(tx, 'destroy', call(tx, 'thing')));
    expect(brief.changedObjects).toHaveLength(1);
  });

  test('a child is attached, and comes off with the version of the transaction', async () => {
    const [boxId, thingId] = [await make(me, box), await make(me, owned)];
    const attaching = await succeed(
      me,
      (tx) => void call(tx, 'attach', tx.object(boxId), tx.object(thingId)),
    );
    const attached = change(attaching, thingId)!;
    expect(attached.outputState.ObjectWrite![1].$kind).toBe('ObjectOwner');
    const detaching = await succeed(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'detach', tx.object(boxId))], owner);
    });
    expect(change(detaching, thingId)!.inputState.Exist![0][0]).toBe(attaching.lamportVersion);
    expect((await reference(thingId)).version).toBe(detaching.lamportVersion);
  });

  test('what was sent to an object is received once, by its owner, as what it is', async () => {
    const [boxId, thingId] = [await make(me, box), await make(me, owned)];
    await succeed(me, (tx) => tx.transferObjects([tx.object(thingId)], boxId));
    const ref = await reference(thingId);
    await expect(execute(me, (tx) => void call(tx, 'read', tx.objectRef(ref)))).rejects.toThrow(
      /owned by account/,
    );
    const input = (tx: Transaction) => tx.object(Inputs.ReceivingRef(ref));
    const wrongType = await execute(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'receive_coin', tx.object(boxId), input(tx))], owner);
    });
    expect(wrongType.status.Failure!.error.MoveAbort![1]).toBe('2');
    const notReceived = await succeed(me, (tx) => void call(tx, 'maybe', tx.pure.option('u64', null), ...[]));
    expect(change(notReceived, thingId)).toBeUndefined();
    const other = await make(me, box);
    const wrongBox = await execute(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'receive', tx.object(other), input(tx))], owner);
    });
    expect(wrongBox.status.Failure!.error.MoveAbort![1]).toBe('3');
    const twice = await execute(me, (tx, owner) => {
      const [first, second] = [0, 1].map(() => call(tx, 'receive', tx.object(boxId), input(tx)));
      tx.transferObjects([first!, second!], owner);
    });
    expect(statusOf(twice)).toBe('CommandArgumentError InvalidValueUsage');
    const done = await succeed(me, (tx, owner) => {
      tx.transferObjects([call(tx, 'receive', tx.object(boxId), input(tx))], owner);
    });
    expect(change(done, thingId)!.outputState.ObjectWrite![1].AddressOwner).toBe(me.toSuiAddress());
  });

  test('it depends on what wrote its inputs, its packages and what it received, and on no child', async () => {
    const previous = async (objectId: string) =>
      (await client.getObject({ objectId, include: { previousTransaction: true } })).object
        .previousTransaction!;
    const [boxId, thingId, sent] = [await make(me, box), await make(me, owned), await make(me, owned)];
    await succeed(me, (tx) => void call(tx, 'attach', tx.object(boxId), tx.object(thingId)));
    const attached = await previous(thingId);
    await succeed(me, (tx) => tx.transferObjects([tx.object(sent)], boxId));
    await succeed(me, (tx, owner) => tx.transferObjects([tx.object(boxId)], owner));
    const ref = await reference(sent);
    const coin = (await client.listCoins({ owner: me.toSuiAddress() })).objects[0]!.objectId;
    const expected = await Promise.all([boxId, sent, coin, packageId].map(previous));
    const effects = await succeed(me, (tx, owner) => {
      const received = call(tx, 'receive', tx.object(boxId), tx.object(Inputs.ReceivingRef(ref)));
      tx.transferObjects([received, call(tx, 'detach', tx.object(boxId))], owner);
    });
    expect(new Set(effects.dependencies)).toEqual(new Set(expected));
    expect(expected).not.toContain(attached);
  });

  test('an event names the module that the transaction called, and the type of the one that spoke', async () => {
    const sources = { 'rules.move': SOURCE, 'caller.move': CALLER };
    const { modules } = await compileTogether(sources, { rules: packageId, caller: '0x0' });
    const publishing = await succeed(me, (tx, owner) => {
      const dependencies = ['0x1', '0x2', packageId];
      tx.transferObjects(
        [
          tx.publish({
            modules: [[...modules.find((code) => Buffer.from(code).includes('caller'))!]],
            dependencies,
          }),
        ],
        owner,
      );
    });
    const caller = publishing.changedObjects.find(([, { outputState }]) => outputState.PackageWrite)![0];
    const transaction = new Transaction();
    transaction.moveCall({ target: `${caller}::caller::ask` });
    const include = { events: true } as const;
    const { Transaction: done } = await client.signAndExecuteTransaction({
      transaction,
      signer: me,
      include,
    });
    const event = { packageId: caller, module: 'caller', eventType: `${packageId}::rules::Spoken` };
    expect(done!.events).toEqual([expect.objectContaining(event)]);
  });
});

describe('gas', () => {
  const net = ({ gasUsed }: Effects) =>
    BigInt(gasUsed.computationCost) + BigInt(gasUsed.storageCost) - BigInt(gasUsed.storageRebate);
  const balance = async (owner: Ed25519Keypair) =>
    BigInt((await client.getBalance({ owner: owner.toSuiAddress() })).balance.balance);

  test("a coin costs 988,000 MIST to store, as on Sui's networks, of which 99.99 % come back", async () => {
    const me = await account();
    const effects = await succeed(me, (tx) => tx.transferObjects([tx.splitCoins(tx.gas, [1])], '0x5'));
    expect(effects.gasUsed).toEqual({
      computationCost: '1000000',
      storageCost: String(2 * 988_000),
      storageRebate: String(987_901),
      nonRefundableStorageFee: String(99),
    });
  });

  test('what is deleted gives its storage back, to the nearest MIST', async () => {
    const me = await account();
    const thingId = await make(me, owned);
    const storage = 7_600n * BigInt(80 + 40 + 1 + 8 + 1 + 32 + 6 + 6 + 1);
    const { object } = await client.getObject({ objectId: thingId, include: { objectBcs: true } });
    expect(BigInt(bcs.Object.parse(object.objectBcs!).storageRebate)).toBe(storage);
    const effects = await succeed(me, (tx) => void call(tx, 'destroy', tx.object(thingId)));
    const paid = storage + 988_000n;
    const rebate = (paid * 9_999n + 5_000n) / 10_000n;
    expect(BigInt(effects.gasUsed.storageRebate)).toBe(rebate);
    expect(BigInt(effects.gasUsed.nonRefundableStorageFee)).toBe(paid - rebate);
  });

  test('computation is rounded up to half of its digits, at the price offered', async () => {
    const me = await account();
    const effects = await execute(
      me,
      (tx) => void call(tx, 'count_to', tx.pure.u64(10_000)),
      ({ gasData }) => {
        gasData.price = '3000';
      },
    );
    const computation = BigInt(effects.gasUsed.computationCost);
    const units = Number(computation / 3_000n);
    expect(computation).toBe(BigInt(units) * 3_000n);
    expect(units).toBeGreaterThan(1_000);
    expect(units).toBeLessThan(10_000);
    expect(units % 10).toBe(0);
  });

  test.each([1_000_000n, 1_000_001n, 1_987_000n])(
    'a budget of %d MIST pays for itself or is spent',
    async (budget) => {
      const me = await account();
      const before = await balance(me);
      const effects = await execute(
        me,
        (tx) => tx.transferObjects([tx.splitCoins(tx.gas, [1])], '0x5'),
        ({ gasData }) => {
          gasData.budget = String(budget);
        },
      );
      expect(statusOf(effects)).toBe('InsufficientGas');
      expect(before - (await balance(me))).toBe(net(effects));
      expect(net(effects)).toBeLessThanOrEqual(budget);
    },
  );

  test('a budget that computation uses up is spent as a whole, and storage stays paid as it was', async () => {
    const me = await account();
    const spin: Fill = (tx) => void call(tx, 'spin');
    const effects = await execute(me, spin, ({ gasData }) => {
      gasData.budget = '2000000';
    });
    expect(statusOf(effects)).toBe('InsufficientGas');
    const none = { storageCost: '0', storageRebate: '0', nonRefundableStorageFee: '0' };
    expect(effects.gasUsed).toEqual({ computationCost: '2000000', ...none });
    const [coin] = (await client.listCoins({ owner: me.toSuiAddress() })).objects;
    const { object } = await client.getObject({ objectId: coin!.objectId, include: { objectBcs: true } });
    expect(bcs.Object.parse(object.objectBcs!).storageRebate).toBe('988000');
  });

  test('a budget too small for new objects pays for computation and inputs only', async () => {
    const me = await account();
    const many: Fill = (tx) => void call(tx, 'many', tx.pure.u64(50));
    const effects = await execute(me, many, ({ gasData }) => {
      gasData.budget = '20000000';
    });
    expect(statusOf(effects)).toBe('InsufficientGas');
    expect(effects.status.Failure!.command).toBeNull();
    expect(effects.gasUsed.storageCost).toBe('988000');
    expect(BigInt(effects.gasUsed.computationCost)).toBeLessThan(20_000_000n);
    expect(effects.changedObjects).toHaveLength(1);
  });

  test('gas coins become one even if the transaction fails', async () => {
    const me = await account();
    await devnet.faucet(me.toSuiAddress(), 5_000_000_000n);
    const { objects } = await client.listCoins({ owner: me.toSuiAddress() });
    const before = await balance(me);
    const effects = await execute(
      me,
      (tx) => void call(tx, 'thing'),
      ({ gasData }) => {
        gasData.payment = objects;
      },
    );
    expect(statusOf(effects)).toBe('UnusedValueWithoutDrop');
    const left = await client.listCoins({ owner: me.toSuiAddress() });
    expect(left.objects.map(({ objectId }) => objectId)).toEqual([objects[0]!.objectId]);
    expect(before - (await balance(me))).toBe(net(effects));
    const gone = effects.changedObjects.find(([id]) => id === objects[1]!.objectId)![1];
    expect(gone).toMatchObject({ outputState: { NotExist: true }, idOperation: { Deleted: true } });
  });

  test('the gas coin may be split, lent and given away, and pays wherever it went', async () => {
    const [me, friend] = [await account(), new Ed25519Keypair()];
    const before = await balance(me);
    const effects = await succeed(me, (tx, owner) => {
      tx.transferObjects([tx.splitCoins(tx.gas, [1_000])], owner);
      tx.transferObjects([tx.gas], friend.toSuiAddress());
    });
    expect(await balance(me)).toBe(1_000n);
    expect(await balance(friend)).toBe(before - 1_000n - net(effects));
  });
});
