/** Whatever the devnet writes is read and written again by the SDK, byte for byte, and has the digest that it computes. */

import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointContents, CheckpointSummary, TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { toBase58 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction, TransactionDataBuilder } from '@mysten/sui/transactions';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, publishCounter } from '../testing/counter.ts';
import { type ChainObject, type ChainOwner, decodeObject, encodeObject } from '../transaction/object.ts';

const TRANSACTIONS = 150;

let devnet: Devnet;
let client: SuiGrpcClient;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  counter = await publishCounter(client, devnet.accounts[0]!);
});

afterAll(() => devnet.close());

const address = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`);
const version = fc.bigInt({ min: 1n, max: 2n ** 62n });
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toBase58(bytes));
const identifier = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
const primitive = fc.constantFrom('u8', 'u64', 'u256', 'bool', 'address', 'vector<u8>');
const structName = fc
  .tuple(address, identifier, identifier, fc.array(primitive, { maxLength: 3 }))
  .map(
    ([id, module, name, parameters]) =>
      `${id}::${module}::${name}${parameters.length ? `<${parameters.join(', ')}>` : ''}`,
  );
const SUI = `0x${'2'.padStart(64, '0')}`;
const type = fc.oneof(
  structName,
  fc.constant(`${SUI}::coin::Coin<${SUI}::sui::SUI>`),
  structName.map((name) => `${SUI}::coin::Coin<${name}>`),
);
const owner: fc.Arbitrary<ChainOwner> = fc.oneof(
  address.map((address): ChainOwner => ({ kind: 'address', address })),
  address.map((parent): ChainOwner => ({ kind: 'object', parent })),
  version.map((initialVersion): ChainOwner => ({ kind: 'shared', initialVersion })),
  fc.constant<ChainOwner>({ kind: 'immutable' }),
);
const moveObject: fc.Arbitrary<ChainObject> = fc
  .record({
    id: address,
    version,
    owner,
    type,
    previousTransaction: digest,
    storageRebate: version,
    hasPublicTransfer: fc.boolean(),
    rest: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ type, hasPublicTransfer, rest, ...object }) => ({
    ...object,
    data: {
      kind: 'move',
      type,
      hasPublicTransfer,
      contents: Uint8Array.from([...Buffer.from(object.id.slice(2), 'hex'), ...rest]),
    },
  }));
const packageObject: fc.Arbitrary<ChainObject> = fc
  .record({
    id: address,
    version,
    modules: fc.dictionary(identifier, fc.uint8Array({ maxLength: 50 }), { maxKeys: 4 }),
    previousTransaction: digest,
    upgraded: address,
  })
  .map(({ modules, upgraded, ...object }) => ({
    ...object,
    owner: { kind: 'immutable' },
    storageRebate: 0n,
    data: {
      kind: 'package',
      modules: new Map(Object.entries(modules).sort(([a], [b]) => (a < b ? -1 : 1))),
      typeOrigins: Object.keys(modules).map((moduleName) => ({
        moduleName,
        datatypeName: 'T',
        package: upgraded,
      })),
      linkage: new Map([[upgraded, { upgradedId: upgraded, upgradedVersion: '1' }]]),
    },
  }));

test('any object is what the SDK reads and writes, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(moveObject, packageObject), (object) => {
      const { bytes, digest } = encodeObject(object);
      expect(bcs.Object.serialize(bcs.Object.parse(bytes)).toBytes()).toEqual(bytes);
      expect(digest).toBe(digestOf('Object', bytes));
      expect(decodeObject(bytes)).toEqual(object);
    }),
    { numRuns: 500 },
  );
});

/** A command for a transaction that often succeeds and often does not. */
type Part = (transaction: Transaction) => void;
const mist = fc.bigInt({ min: 0n, max: 2_000_000_000n });
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.tuple(fc.array(mist, { minLength: 1, maxLength: 4 }), address).map(
    ([amounts, to]): Part =>
      (transaction) => {
        const coins = transaction.splitCoins(transaction.gas, amounts);
        transaction.transferObjects(
          amounts.map((_, index) => coins[index]!),
          to,
        );
      },
  ),
  mist.map(
    (amount): Part =>
      (transaction) => {
        const [coin] = transaction.splitCoins(transaction.gas, [amount]);
        transaction.mergeCoins(transaction.gas, [coin!]);
      },
  ),
  fc.integer({ min: 0, max: 120 }).map(
    (by): Part =>
      (transaction) => {
        transaction.moveCall({
          target: `${counter.packageId}::counter::increment`,
          arguments: [
            transaction.object(counter.counterId),
            transaction.pure.u64(by),
            transaction.object.clock(),
          ],
        });
      },
  ),
  fc.integer({ min: 0, max: 2 }).map(
    (divisor): Part =>
      (transaction) => {
        transaction.moveCall({
          target: `${counter.packageId}::counter::divide`,
          arguments: [transaction.pure.u64(divisor)],
        });
      },
  ),
);

/** Executes it although it may fail; what is refused is no matter here. */
async function execute(parts: Part[], by: Ed25519Keypair): Promise<void> {
  const draft = new Transaction();
  for (const add of parts) add(draft);
  const kind = await draft.build({ client, onlyTransactionKind: true });
  const transaction = Transaction.fromKind(kind);
  const { objects } = await client.listCoins({ owner: by.toSuiAddress() });
  transaction.setSender(by.toSuiAddress());
  transaction.setGasPayment(objects);
  transaction.setGasBudget(200_000_000n);
  transaction.setGasPrice(1_000n);
  const bytes = await transaction.build();
  const { signature } = await by.signTransaction(bytes);
  await client.executeTransaction({ transaction: bytes, signatures: [signature] });
}

test('what random transactions leave behind round-trips, with the digests of the SDK', {
  timeout: 120_000,
}, async () => {
  const signer = new Ed25519Keypair();
  await devnet.faucet(signer.toSuiAddress(), 500_000_000_000n);
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => execute(parts, signer)),
    { numRuns: TRANSACTIONS },
  );
  devnet.endEpoch();
  const { store } = devnet.chain;
  const seen = { Success: 0, Failure: 0 };
  for (let sequence = 0; sequence <= store.latestCheckpoint()!.sequence; sequence += 1) {
    const { summary, contents, digest } = store.checkpoint(sequence)!;
    expect(CheckpointSummary.serialize(CheckpointSummary.parse(summary)).toBytes()).toEqual(summary);
    expect(digestOf('CheckpointSummary', summary)).toBe(digest);
    expect(CheckpointContents.serialize(CheckpointContents.parse(contents)).toBytes()).toEqual(contents);
    for (const transaction of store.transactionsOf(sequence)) {
      seen[checkTransaction(transaction)] += 1;
    }
  }
  expect(seen.Success).toBeGreaterThan(20);
  expect(seen.Failure).toBeGreaterThan(20);
});

function checkTransaction(
  stored: ReturnType<Devnet['chain']['store']['transactionsOf']>[number],
): 'Success' | 'Failure' {
  const { data, digest, effects, effectsDigest, events } = stored;
  expect(bcs.TransactionData.serialize(bcs.TransactionData.parse(data)).toBytes()).toEqual(data);
  expect(TransactionDataBuilder.getDigestFromBytes(data)).toBe(digest);
  const parsed = bcs.TransactionEffects.parse(effects);
  expect(bcs.TransactionEffects.serialize(parsed).toBytes()).toEqual(effects);
  expect(digestOf('TransactionEffects', effects)).toBe(effectsDigest);
  const { status, eventsDigest, changedObjects, lamportVersion } = parsed.V2!;
  if (events) {
    expect(TransactionEvents.serialize(TransactionEvents.parse(events)).toBytes()).toEqual(events);
    expect(digestOf('TransactionEvents', events)).toBe(eventsDigest);
  }
  for (const [id, { outputState }] of changedObjects) {
    if (outputState.$kind !== 'ObjectWrite') continue;
    const object = devnet.chain.store.objectAt(id, BigInt(lamportVersion))!;
    const { bytes, digest } = encodeObject(object);
    expect(bcs.Object.serialize(bcs.Object.parse(bytes)).toBytes()).toEqual(bytes);
    expect(digest).toBe(outputState.ObjectWrite[0]);
  }
  return status.$kind;
}
