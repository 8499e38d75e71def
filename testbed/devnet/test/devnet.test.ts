import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { toBase58 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import type { Signer } from '@mysten/sui/cryptography';
import { requestSuiFromFaucetV2 } from '@mysten/sui/faucet';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { MultiSigPublicKey } from '@mysten/sui/multisig';
import { Transaction, TransactionDataBuilder } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

let devnet: Devnet;
let client: SuiGrpcClient;
let signer: Ed25519Keypair;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  signer = devnet.accounts[0]!;
  counter = await publishCounter(client, signer);
});

afterAll(() => devnet.close());

const include = { effects: true, events: true, objectTypes: true, balanceChanges: true } as const;

async function run(transaction: Transaction, by: Signer = signer) {
  const result = await client.signAndExecuteTransaction({ transaction, signer: by, include });
  return result.$kind === 'Transaction' ? result.Transaction : result.FailedTransaction;
}

/** Executes a transaction although its simulation fails, which the SDK would refuse to build. */
async function force(transaction: Transaction, by = signer) {
  const owner = by.toSuiAddress();
  const kind = await transaction.build({ client, onlyTransactionKind: true });
  const forced = Transaction.fromKind(kind);
  const { objects } = await client.listCoins({ owner });
  forced.setGasPayment(objects.map(({ objectId, version, digest }) => ({ objectId, version, digest })));
  forced.setGasBudget(100_000_000n);
  forced.setGasPrice(1_000n);
  return run(forced, by);
}

function payment(amount: bigint, recipient: string): Transaction {
  const transaction = new Transaction();
  const [coin] = transaction.splitCoins(transaction.gas, [amount]);
  transaction.transferObjects([coin!], recipient);
  return transaction;
}

describe('coins', () => {
  test('the faucet gives SUI to whoever asks', async () => {
    const recipient = new Ed25519Keypair().toSuiAddress();
    const { coins_sent: coins } = await requestSuiFromFaucetV2({ host: devnet.url, recipient });
    const { balance } = await client.getBalance({ owner: recipient });
    expect(balance.balance).toBe(String(coins![0]!.amount));
  });

  test('a transfer moves exactly its amount, and the sender pays the gas', async () => {
    const recipient = new Ed25519Keypair().toSuiAddress();
    const { status, effects, balanceChanges } = await run(payment(123n, recipient));
    expect(status.success).toBe(true);
    const { computationCost, storageCost, storageRebate } = effects.gasUsed;
    const gas = BigInt(computationCost) + BigInt(storageCost) - BigInt(storageRebate);
    expect(balanceChanges).toContainEqual(expect.objectContaining({ address: recipient, amount: '123' }));
    expect(balanceChanges).toContainEqual(
      expect.objectContaining({ address: signer.toSuiAddress(), amount: String(-123n - gas) }),
    );
  });

  test('gas coins given together become one', async () => {
    const poor = new Ed25519Keypair();
    for (let coins = 0; coins < 3; coins += 1) await devnet.faucet(poor.toSuiAddress(), 10_000_000n);
    const { status } = await run(payment(21_000_000n, signer.toSuiAddress()), poor);
    expect(status.success).toBe(true);
    const { objects } = await client.listCoins({ owner: poor.toSuiAddress() });
    expect(objects).toHaveLength(1);
  });

  test('the whole gas coin can be given away and still pays for it', async () => {
    const giver = new Ed25519Keypair();
    const recipient = new Ed25519Keypair().toSuiAddress();
    await devnet.faucet(giver.toSuiAddress(), 1_000_000_000n);
    const transaction = new Transaction();
    transaction.transferObjects([transaction.gas], recipient);
    expect((await run(transaction, giver)).status.success).toBe(true);
    const { balance } = await client.getBalance({ owner: recipient });
    expect(BigInt(balance.balance)).toBeGreaterThan(990_000_000n);
  });

  test('splitting more than there is fails and still costs gas', async () => {
    const poor = new Ed25519Keypair();
    await devnet.faucet(poor.toSuiAddress(), 1_000_000_000n);
    const { status, effects } = await force(payment(2_000_000_000n, signer.toSuiAddress()), poor);
    expect(status.error?.message).toContain('InsufficientCoinBalance');
    expect(effects.changedObjects).toHaveLength(1);
  });

  test('a balance below the budget is refused', async () => {
    const poor = new Ed25519Keypair();
    await devnet.faucet(poor.toSuiAddress(), 1_000_000n);
    await expect(run(payment(1n, signer.toSuiAddress()), poor)).rejects.toThrow(/insufficient SUI balance/);
  });
});

describe('packages and objects', () => {
  test('publishing runs init and leaves an upgrade capability', async () => {
    const { objects } = await client.listOwnedObjects({
      owner: signer.toSuiAddress(),
      type: '0x2::package::UpgradeCap',
    });
    expect(objects).toHaveLength(1);
    const { object } = await client.getObject({ objectId: counter.counterId });
    expect(object.owner.$kind).toBe('Shared');
  });

  test('a call changes a shared object, raises its version and emits an event', async () => {
    const before = await client.getObject({ objectId: counter.counterId });
    const { status, events, effects } = await run(increment(counter, 3));
    expect(status.success).toBe(true);
    const after = await client.getObject({ objectId: counter.counterId, include: { content: true } });
    expect(BigInt(after.object.version)).toBeGreaterThan(BigInt(before.object.version));
    expect(effects.lamportVersion).toBe(after.object.version);
    expect(events).toHaveLength(1);
    expect(events![0]!.eventType).toBe(`${counter.packageId}::counter::Incremented`);
    const event = bcs.struct('Incremented', { value: bcs.u64(), at_ms: bcs.u64() }).parse(events![0]!.bcs);
    expect(Math.abs(Number(event.at_ms) - Date.now())).toBeLessThan(5_000);
  });

  test('dynamic fields are listed with their names and values', async () => {
    await run(increment(counter, 5));
    const { dynamicFields } = await client.listDynamicFields({
      parentId: counter.counterId,
      include: { value: true },
    });
    const field = dynamicFields.find(({ value }) => bcs.u64().parse(value.bcs) === '5');
    expect(field).toMatchObject({ $kind: 'DynamicField', valueType: 'u64', name: { type: 'u64' } });
    const one = await client.getDynamicField({ parentId: counter.counterId, name: field!.name });
    expect(one.dynamicField.fieldId).toBe(field!.fieldId);
  });

  test('simulation returns values and keeps nothing', async () => {
    const transaction = new Transaction();
    transaction.setSender(signer.toSuiAddress());
    transaction.moveCall({
      target: `${counter.packageId}::counter::value`,
      arguments: [transaction.object(counter.counterId)],
    });
    const result = await client.simulateTransaction({ transaction, include: { commandResults: true } });
    const value = result.commandResults![0]!.returnValues[0]!;
    expect(BigInt(bcs.u64().parse(value.bcs))).toBeGreaterThanOrEqual(3n);
  });

  test('an object made by one transaction is deleted by another', async () => {
    const { effects, objectTypes } = await run(increment(counter, 1));
    const receipt = effects.changedObjects.find(({ objectId }) =>
      objectTypes[objectId]!.endsWith('::Receipt'),
    )!;
    const transaction = new Transaction();
    transaction.moveCall({
      target: `${counter.packageId}::counter::burn`,
      arguments: [transaction.object(receipt.objectId)],
    });
    expect((await run(transaction)).status.success).toBe(true);
    await expect(client.getObject({ objectId: receipt.objectId })).rejects.toThrow(/not found/);
  });
});

describe('failures', () => {
  test("an abort's module, function and code reach the caller", async () => {
    const { status } = await force(increment(counter, 101));
    expect(status.error).toMatchObject({ $kind: 'MoveAbort', command: 0, MoveAbort: { abortCode: '7' } });
    expect(status.error!.message).toContain('increment');
  });

  test('building a transaction that would abort says why', async () => {
    await expect(run(increment(counter, 101))).rejects.toThrow(/increment/);
  });

  test('a failed transaction changes nothing but gas', async () => {
    const before = await client.getObject({ objectId: counter.counterId, include: { content: true } });
    const transaction = increment(counter, 4);
    transaction.moveCall({
      target: `${counter.packageId}::counter::divide`,
      arguments: [transaction.pure.u64(0)],
    });
    const { status, events, effects } = await force(transaction);
    expect(status.success).toBe(false);
    const { Failure: failure } = bcs.TransactionEffects.parse(effects.bcs!).V2!.status;
    expect(failure!.error.$kind).toBe('MovePrimitiveRuntimeError');
    expect(events).toEqual([]);
    const after = await client.getObject({ objectId: counter.counterId, include: { content: true } });
    expect(after.object.content).toEqual(before.object.content);
  });

  test.each([
    ['an unused value that cannot be dropped', 'promise', /UnusedValueWithoutDrop/],
    ['a function that is neither public nor entry', 'hidden', /NonEntryFunctionInvoked/],
    ['a function that does not exist', 'missing', /./],
  ])('%s fails', async (_name, target, message) => {
    const transaction = new Transaction();
    transaction.moveCall({ target: `${counter.packageId}::counter::${target}` });
    await expect(run(transaction)).rejects.toThrow(message);
  });

  test('an old object version is refused', async () => {
    const spender = new Ed25519Keypair();
    await devnet.faucet(spender.toSuiAddress(), 1_000_000_000n);
    const [first, second] = [payment(1n, signer.toSuiAddress()), payment(2n, signer.toSuiAddress())];
    for (const transaction of [first, second]) transaction.setSender(spender.toSuiAddress());
    const [bytes, stale] = [await first.build({ client }), await second.build({ client })];
    const { signature } = await spender.signTransaction(bytes);
    await client.executeTransaction({ transaction: bytes, signatures: [signature] });
    const late = await spender.signTransaction(stale);
    await expect(
      client.executeTransaction({ transaction: stale, signatures: [late.signature] }),
    ).rejects.toThrow(/unavailable for consumption, current version/);
  });

  test('a signature by somebody else, over something else or missing is refused', async () => {
    const transaction = payment(1n, signer.toSuiAddress());
    transaction.setSender(signer.toSuiAddress());
    const bytes = await transaction.build({ client });
    const stranger = await new Ed25519Keypair().signTransaction(bytes);
    const message = await signer.signPersonalMessage(bytes);
    const execute = (signatures: string[]) => client.executeTransaction({ transaction: bytes, signatures });
    await expect(execute([stranger.signature])).rejects.toThrow(/is absent/);
    await expect(execute([message.signature])).rejects.toThrow(/not valid/);
    await expect(execute([])).rejects.toThrow(/Expect 1 signer signatures but got 0/);
  });

  test('sending a transaction again returns what it did the first time', async () => {
    const transaction = payment(1n, signer.toSuiAddress());
    transaction.setSender(signer.toSuiAddress());
    const bytes = await transaction.build({ client });
    const { signature } = await signer.signTransaction(bytes);
    const send = () => client.executeTransaction({ transaction: bytes, signatures: [signature], include });
    const [first, second] = [await send(), await send()];
    expect(second.Transaction!.effects).toEqual(first.Transaction!.effects);
    expect(second.Transaction!.checkpoint).toBe(first.Transaction!.checkpoint);
  });
});

describe('signers', () => {
  test('a sponsor pays for a sender that owns nothing', async () => {
    const sender = new Ed25519Keypair();
    const kind = await increment(counter, 2).build({ client, onlyTransactionKind: true });
    const transaction = Transaction.fromKind(kind);
    transaction.setSender(sender.toSuiAddress());
    transaction.setGasOwner(signer.toSuiAddress());
    const bytes = await transaction.build({ client });
    const signatures = [await sender.signTransaction(bytes), await signer.signTransaction(bytes)].map(
      ({ signature }) => signature,
    );
    const result = await client.executeTransaction({ transaction: bytes, signatures, include });
    expect(result.Transaction?.events[0]?.sender).toBe(sender.toSuiAddress());
    await expect(
      client.executeTransaction({ transaction: bytes, signatures: signatures.slice(0, 1) }),
    ).rejects.toThrow(/Expect 2/);
  });

  test.each([
    ['Secp256k1', () => new Secp256k1Keypair()],
    ['Secp256r1', () => new Secp256r1Keypair()],
  ])('%s signatures are accepted', async (_scheme, create) => {
    const other = create();
    await devnet.faucet(other.toSuiAddress(), 1_000_000_000n);
    expect((await run(payment(1n, signer.toSuiAddress()), other)).status.success).toBe(true);
  });

  test('a multisig account is signed for by as many as its threshold says, and by no fewer', async () => {
    const keys = [new Ed25519Keypair(), new Secp256k1Keypair(), new Secp256r1Keypair()];
    const publicKeys = keys.map((key) => ({ publicKey: key.getPublicKey(), weight: 1 }));
    const multisig = MultiSigPublicKey.fromPublicKeys({ threshold: 2, publicKeys });
    await devnet.faucet(multisig.toSuiAddress(), 1_000_000_000n);
    const transaction = payment(1n, signer.toSuiAddress());
    transaction.setSender(multisig.toSuiAddress());
    const bytes = await transaction.build({ client });
    const partial = await Promise.all(keys.map(async (key) => (await key.signTransaction(bytes)).signature));
    const execute = (count: number) =>
      client.executeTransaction({
        transaction: bytes,
        signatures: [multisig.combinePartialSignatures(partial.slice(0, count))],
      });
    await expect(execute(1)).rejects.toThrow(/not valid/);
    expect((await execute(2)).Transaction?.status.success).toBe(true);
  });
});

describe('encodings', () => {
  test('transaction, effects and object digests are those the SDK computes', async () => {
    const transaction = payment(1n, signer.toSuiAddress());
    transaction.setSender(signer.toSuiAddress());
    const bytes = await transaction.build({ client });
    const { signature } = await signer.signTransaction(bytes);
    const { Transaction: executed } = await client.executeTransaction({
      transaction: bytes,
      signatures: [signature],
      include,
    });
    expect(executed!.digest).toBe(TransactionDataBuilder.getDigestFromBytes(bytes));
    const effects = bcs.TransactionEffects.parse(executed!.effects.bcs!);
    expect(bcs.TransactionEffects.serialize(effects).toBytes()).toEqual(executed!.effects.bcs);
    const [id] = effects.V2!.changedObjects[0]!;
    const { object } = await client.getObject({ objectId: id, include: { objectBcs: true } });
    expect(digestOf('Object', object.objectBcs!)).toBe(object.digest);
    const decoded = bcs.Object.parse(object.objectBcs!);
    expect(bcs.Object.serialize(decoded).toBytes()).toEqual(object.objectBcs);
  });

  test('waitForTransaction finds the transaction in a checkpoint', async () => {
    const { digest } = await run(payment(1n, signer.toSuiAddress()));
    const waited = await client.waitForTransaction({ digest, include: { bcs: true } });
    expect(Number(waited.Transaction!.checkpoint)).toBeGreaterThan(0);
    expect(waited.Transaction!.timestampMs).not.toBeNull();
  });

  test('the chain identifier is the digest of the genesis checkpoint', async () => {
    const { chainIdentifier } = await client.core.getChainIdentifier();
    const { response } = await client.ledgerService.getCheckpoint({
      checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber: 0n },
      readMask: { paths: ['summary.bcs'] },
    });
    expect(chainIdentifier).toBe(digestOf('CheckpointSummary', response.checkpoint!.summary!.bcs!.value!));
    expect(toBase58(bcs.ObjectDigest.serialize(chainIdentifier).toBytes().subarray(1))).toBe(devnet.chainId);
  });
});

test('the clock can be moved forward, and contracts see it', async () => {
  const response = await fetch(`${devnet.url}/time`, { method: 'POST', body: '{"advance_ms": 3600000}' });
  expect(response.ok).toBe(true);
  const { events } = await run(increment(counter, 6));
  const event = bcs.struct('Incremented', { value: bcs.u64(), at_ms: bcs.u64() }).parse(events![0]!.bcs);
  expect(Number(event.at_ms) - Date.now()).toBeGreaterThan(3_590_000);
});
