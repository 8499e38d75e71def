import { compileFiles } from '@daasvader/move/compile.ts';
import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { normalizeStructTag } from '@mysten/sui/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';

const MANIFEST = '[package]\nname = "gold"\nedition = "2024"\n[addresses]\ngold = "0x0"\n';
const SOURCE = `module gold::gold;

use sui::coin;
use sui::url;

public struct GOLD has drop {}

public enum Colour has store, copy, drop { Plain, Mixed { red: u8, parts: vector<u16> } }

public struct Ingot<phantom T> has key, store {
    id: UID,
    big: u256,
    small: u32,
    on: bool,
    bytes: vector<u8>,
    owner: address,
    none: Option<u64>,
    some: Option<Colour>,
    many: vector<Option<std::string::String>>,
    colour: Colour,
    balance: sui::balance::Balance<T>,
    pair: Pair<Colour, vector<u64>>,
}

public struct Pair<A: store, B: store> has store { a: A, b: B }

#[allow(deprecated_usage)]
fun init(witness: GOLD, ctx: &mut TxContext) {
    let icon = option::some(url::new_unsafe_from_bytes(b"https://gold.example/icon.svg"));
    let (cap, metadata) = coin::create_currency(witness, 6, b"GLD", b"Gold", b"It glitters", icon, ctx);
    transfer::public_transfer(cap, ctx.sender());
    transfer::public_transfer(metadata, ctx.sender());
}

public fun ingot(ctx: &mut TxContext) {
    let mixed = Colour::Mixed { red: 7, parts: vector[1, 2] };
    transfer::public_transfer(Ingot<GOLD> {
        id: object::new(ctx),
        big: 340282366920938463463374607431768211456,
        small: 7,
        on: true,
        bytes: b"hello",
        owner: @0x42,
        none: option::none(),
        some: option::some(mixed),
        many: vector[option::some(b"x".to_string()), option::none()],
        colour: Colour::Plain,
        balance: sui::balance::zero(),
        pair: Pair { a: Colour::Plain, b: vector[18446744073709551615] },
    }, ctx.sender());
}

public fun deep(): vector<vector<u64>> { vector[vector[1]] }
`;

let devnet: Devnet;
let client: SuiGrpcClient;
let coinType: string;
let packageId: string;
const ids: Record<string, string> = {};

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const { modules, dependencies } = await compileFiles({
    'Move.toml': MANIFEST,
    'sources/gold.move': SOURCE,
  });
  const transaction = new Transaction();
  const cap = transaction.publish({ modules: modules.map((module) => [...module]), dependencies });
  transaction.transferObjects([cap], devnet.accounts[0]!.toSuiAddress());
  for (const [id, type] of Object.entries(await run(transaction))) ids[/(\w+)(<.*)?$/.exec(type)![1]!] = id;
  packageId = ids.package!;
  coinType = `${packageId}::gold::GOLD`;
});

afterAll(() => devnet.close());

/** @returns types of the objects that a transaction changed, by id */
async function run(transaction: Transaction): Promise<Record<string, string>> {
  const include = { effects: true, objectTypes: true } as const;
  const result = await client.signAndExecuteTransaction({
    transaction,
    signer: devnet.accounts[0]!,
    include,
  });
  if (result.$kind !== 'Transaction') throw new Error(result.FailedTransaction.status.error?.message);
  return result.Transaction.objectTypes;
}

function call(name: string, args: (transaction: Transaction) => unknown[], target = `0x2::coin::${name}`) {
  const transaction = new Transaction();
  const typeArguments = target.startsWith('0x2') ? [coinType] : [];
  transaction.moveCall({ target, typeArguments, arguments: args(transaction) as never[] });
  return run(transaction);
}

async function info(type = coinType): Promise<GrpcTypes.GetCoinInfoResponse> {
  return (await client.stateService.getCoinInfo({ coinType: type })).response;
}

test('a published coin is described, and minting and burning change its supply and balances', async () => {
  const { coinMetadata } = await client.getCoinMetadata({ coinType });
  expect(coinMetadata).toEqual({
    id: ids.CoinMetadata,
    decimals: 6,
    name: 'Gold',
    symbol: 'GLD',
    description: 'It glitters',
    iconUrl: 'https://gold.example/icon.svg',
  });
  const owner = devnet.accounts[1]!.toSuiAddress();
  await call('mint_and_transfer', (t) => [
    t.object(ids.TreasuryCap!),
    t.pure.u64(1_000),
    t.pure.address(owner),
  ]);
  const { balance } = await client.getBalance({ owner, coinType });
  expect(balance.balance).toBe('1000');
  const { SUPPLY_STATE_UNKNOWN, FIXED } = GrpcTypes.CoinTreasury_SupplyState;
  const treasury = { id: ids.TreasuryCap!, totalSupply: 1_000n, supplyState: SUPPLY_STATE_UNKNOWN };
  expect((await info()).treasury).toEqual(treasury);
  const { balances } = await client.listBalances({ owner, limit: 1 });
  const next = await client.listBalances({
    owner,
    limit: 1,
    cursor: (await client.listBalances({ owner, limit: 1 })).cursor,
  });
  expect([...balances, ...next.balances].map((each) => normalizeStructTag(each.coinType)).sort()).toEqual(
    [coinType, normalizeStructTag('0x2::sui::SUI')].map((type) => normalizeStructTag(type)).sort(),
  );
  expect(next.hasNextPage).toBe(false);
  const freeze = new Transaction();
  freeze.transferObjects([freeze.object(ids.TreasuryCap!)], '0x0');
  await run(freeze);
  expect((await info()).treasury!.supplyState).toBe(FIXED);
});

test('metadata that its owner changes is the new one', async () => {
  const other = await info();
  expect(other.metadata!.name).toBe('Gold');
  expect(other.metadata!.metadataCapState).toBe(0);
});

test('SUI is described as on Sui, with all that genesis gave', async () => {
  const { metadata, treasury } = await info('0x2::sui::SUI');
  expect(metadata).toMatchObject({ decimals: 9, name: 'Sui', symbol: 'SUI', description: '' });
  expect(treasury).toEqual({
    totalSupply: 9_003_000_000n * 1_000_000_000n,
    supplyState: GrpcTypes.CoinTreasury_SupplyState.FIXED,
  });
});

test('a type without metadata and treasury is not found, and what is no type is refused', async () => {
  await expect(info(`${packageId}::gold::Ingot`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(info('gold')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(await client.getCoinMetadata({ coinType: '0x2::clock::Clock' })).toEqual({ coinMetadata: null });
});

test('objects are rendered as JSON as full nodes do', async () => {
  const [id] = Object.entries(await call('ingot', () => [], `${packageId}::gold::ingot`)).find(([, type]) =>
    type.includes('Ingot'),
  )!;
  const { object } = await client.getObject({ objectId: id, include: { json: true, display: true } });
  const mixed = { '@variant': 'Mixed', red: 7, parts: [1, 2] };
  expect(object.json).toEqual({
    id,
    big: '340282366920938463463374607431768211456',
    small: 7,
    on: true,
    bytes: Buffer.from('hello').toString('base64'),
    owner: `0x${'42'.padStart(64, '0')}`,
    none: null,
    some: mixed,
    many: ['x', null],
    colour: { '@variant': 'Plain' },
    balance: '0',
    pair: { a: { '@variant': 'Plain' }, b: ['18446744073709551615'] },
  });
  expect(object.display).toBeNull();
});

test('metadata, coins and the clock are rendered too, packages are not', async () => {
  const json = async (objectId: string) =>
    (await client.getObject({ objectId, include: { json: true } })).object.json;
  expect(await json(ids.CoinMetadata!)).toMatchObject({
    symbol: 'GLD',
    icon_url: 'https://gold.example/icon.svg',
  });
  expect(await json('0x6')).toEqual({
    id: `0x${'6'.padStart(64, '0')}`,
    timestamp_ms: expect.stringMatching(/^\d+$/),
  });
  expect(await json('0x2')).toBeNull();
});
