import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { fromBase64 } from '@mysten/sui/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from './devnet.ts';
import { type Counter, increment, publishCounter } from './testing/counter.ts';

let devnet: Devnet;
let client: SuiGrpcClient;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  counter = await publishCounter(client, devnet.accounts[0]!);
});

afterAll(() => devnet.close());

async function incrementOnce(): Promise<string> {
  const signer = devnet.accounts[0]!;
  const { Transaction: done } = await client.signAndExecuteTransaction({
    transaction: increment(counter, 1),
    signer,
  });
  return done!.digest;
}

/** Subscribes, acts twice, and returns the first messages that pass. */
async function collect<T>(
  subscribe: (abort: AbortSignal) => { responses: AsyncIterable<T>; headers: Promise<unknown> },
  isWanted: (message: T) => boolean,
): Promise<{ messages: T[]; digests: string[] }> {
  const abort = new AbortController();
  const call = subscribe(abort.signal);
  const messages: T[] = [];
  const reading = (async () => {
    for await (const message of call.responses) {
      if (isWanted(message)) messages.push(message);
    }
  })().catch(() => undefined); // it ends by being called off
  await call.headers;
  const digests = [await incrementOnce(), await incrementOnce()];
  await expect.poll(() => messages.length).toBe(digests.length);
  abort.abort();
  await reading;
  return { messages, digests };
}

test('a subscriber to transactions gets each, in order', async () => {
  const { messages, digests } = await collect(
    (abort) =>
      client.subscriptionService.subscribeTransactions(
        { readMask: { paths: ['digest', 'effects.status', 'transaction.sender'] } },
        { abort },
      ),
    ({ transaction }) => transaction?.transaction?.sender === devnet.accounts[0]!.toSuiAddress(),
  );
  expect(messages.map(({ transaction }) => transaction!.digest)).toEqual(digests);
  const cursors = messages.map(({ watermark }) => Buffer.from(watermark!.cursor!));
  expect(Buffer.compare(cursors[0]!, cursors[1]!)).toBe(-1);
});

test('a subscriber to events gets each with its place', async () => {
  const { messages, digests } = await collect(
    (abort) => client.subscriptionService.subscribeEvents({ readMask: { paths: ['*'] } }, { abort }),
    ({ event }) => event !== undefined,
  );
  expect(messages.map(({ event }) => event)).toMatchObject(
    digests.map((transactionDigest) => ({
      transactionDigest,
      eventIndex: 0,
      eventType: `${counter.packageId}::counter::Incremented`,
      packageId: counter.packageId,
    })),
  );
});

test('a struct is described with its abilities and fields, and what is not there is not found', async () => {
  const { response } = await client.movePackageService.getDatatype({
    packageId: counter.packageId,
    moduleName: 'counter',
    name: 'Counter',
  });
  const { Ability, DatatypeDescriptor_DatatypeKind: Kind } = GrpcTypes;
  expect(response.datatype).toMatchObject({
    typeName: `${counter.packageId}::counter::Counter`,
    kind: Kind.STRUCT,
    abilities: [Ability.KEY],
  });
  expect(response.datatype!.fields[0]).toMatchObject({
    name: 'id',
    position: 0,
    type: { typeName: `0x${'2'.padStart(64, '0')}::object::UID` },
  });
  const option = await client.movePackageService.getDatatype({
    packageId: '0x1',
    moduleName: 'option',
    name: 'Option',
  });
  expect(option.response.datatype!.typeParameters).toEqual([{ constraints: [], isPhantom: false }]);
  await expect(
    client.movePackageService.getDatatype({
      packageId: counter.packageId,
      moduleName: 'counter',
      name: 'None',
    }),
  ).rejects.toThrow(/not found/);
});

test('a package has the one version', async () => {
  const { packageId } = counter;
  const { response } = await client.movePackageService.listPackageVersions({ packageId });
  expect(response.versions).toEqual([{ packageId, version: 1n }]);
});

test('signatures over personal messages and transactions are verified', async () => {
  const key = new Ed25519Keypair();
  const message = Buffer.from('hello');
  const { signature } = await key.signPersonalMessage(message);
  const verify = async (name: string, value: Uint8Array, address = key.toSuiAddress()) => {
    const bytes = { bcs: { value: fromBase64(signature) }, signature: { oneofKind: undefined } };
    const request = { message: { name, value }, signature: bytes, address, jwks: [] };
    return (await client.signatureVerificationService.verifySignature(request)).response;
  };
  const wrapped = bcs.byteVector().serialize(message).toBytes();
  expect(await verify('PersonalMessage', wrapped)).toMatchObject({ isValid: true });
  expect(await verify('TransactionData', wrapped)).toMatchObject({ isValid: false });
  const other = new Ed25519Keypair().toSuiAddress();
  expect(await verify('PersonalMessage', wrapped, other)).toMatchObject({
    isValid: false,
    reason: expect.stringContaining(key.toSuiAddress()),
  });
  await expect(verify('Nothing', wrapped)).rejects.toThrow(/not TransactionData or PersonalMessage/);
  await expect(verify('PersonalMessage', wrapped, 'nobody')).rejects.toThrow(/not an address/);
});

test('objects and events come in JSON when it is asked for', async () => {
  await incrementOnce();
  const { response } = await client.ledgerService.getObject({
    objectId: counter.counterId,
    readMask: { paths: ['json'] },
  });
  const fields = response.object!.json!.kind;
  expect(fields).toMatchObject({
    structValue: { fields: { id: { kind: { stringValue: counter.counterId } } } },
  });
  const { objects } = await client.core.getObjects({
    objectIds: [counter.counterId],
    include: { json: true },
  });
  const [object] = objects as { json: Record<string, unknown> }[];
  expect(object!.json).toMatchObject({ id: counter.counterId, value: expect.stringMatching(/^[0-9]+$/) });
});

test('the SUI coin has its metadata, another coin none', async () => {
  const { response } = await client.stateService.getCoinInfo({ coinType: '0x2::sui::SUI' });
  expect(response.metadata).toMatchObject({ decimals: 9, symbol: 'SUI' });
  const other = client.stateService.getCoinInfo({ coinType: `${counter.packageId}::counter::Counter` });
  await expect(other).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
