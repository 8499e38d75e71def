import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { fromBase64 } from '@mysten/sui/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

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
  between: () => Promise<unknown> = async () => undefined,
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
  const first = await incrementOnce();
  await between();
  const digests = [first, await incrementOnce()];
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

const ofCounter = (): GrpcTypes.TransactionFilter => ({
  terms: [
    {
      literals: [
        {
          negated: false,
          predicate: { oneofKind: 'affectedObject', affectedObject: { objectId: counter.counterId } },
        },
      ],
    },
  ],
});

/** Something that no filter of the counter lets through. */
const transfer = () => devnet.faucet(devnet.accounts[1]!.toSuiAddress(), 1n);

test('a subscriber with a filter gets what passes, and word of what does not', async () => {
  const frames: GrpcTypes.SubscribeTransactionsResponse[] = [];
  const { messages, digests } = await collect(
    (abort) => client.subscriptionService.subscribeTransactions({ filter: ofCounter() }, { abort }),
    (frame) => frames.push(frame) > 0 && frame.transaction !== undefined,
    transfer,
  );
  expect(messages.map(({ transaction }) => transaction!.digest)).toEqual(digests);
  expect(frames.length).toBeGreaterThan(messages.length);
  const cursors = frames.map(({ watermark }) => Buffer.from(watermark!.cursor!));
  expect([...cursors].sort(Buffer.compare)).toEqual(cursors);
});

test('a subscriber to checkpoints with a filter gets those with a transaction that passes', async () => {
  const covered: bigint[] = [];
  const { messages } = await collect(
    (abort) => client.subscriptionService.subscribeCheckpoints({ filter: ofCounter() }, { abort }),
    ({ cursor, checkpoint }) => covered.push(cursor!) > 0 && checkpoint !== undefined,
    transfer,
  );
  for (const { cursor, checkpoint } of messages) expect(checkpoint!.sequenceNumber).toBe(cursor);
  expect(covered).toEqual(covered.map((_, index) => covered[0]! + BigInt(index)));
  expect(covered.length).toBeGreaterThan(messages.length);
});

test('a cursor of a subscription goes on in a list', async () => {
  const { messages, digests } = await collect(
    (abort) => client.subscriptionService.subscribeTransactions({ filter: ofCounter() }, { abort }),
    ({ transaction }) => transaction !== undefined,
  );
  const after = messages[0]!.watermark!.cursor!;
  const listed: string[] = [];
  const call = client.ledgerService.listTransactions({ filter: ofCounter(), options: { after } });
  for await (const { transaction } of call.responses) if (transaction) listed.push(transaction.digest!);
  expect(listed[0]).toBe(digests[1]);
});

test('a subscriber to events gets only those of its filter', async () => {
  const predicate = { oneofKind: 'eventType', eventType: { eventType: '0x2::nothing::None' } } as const;
  const frames: GrpcTypes.SubscribeEventsResponse[] = [];
  await collect(
    (abort) => {
      const filter = { terms: [{ literals: [{ negated: false, predicate }] }] };
      return client.subscriptionService.subscribeEvents({ filter }, { abort });
    },
    (frame) => frames.push(frame) > 0,
  );
  expect(frames.filter(({ event }) => event)).toEqual([]);
});

test.each(['subscribeTransactions', 'subscribeEvents', 'subscribeCheckpoints'] as const)(
  '%s refuses an empty filter',
  async (name) => {
    const call = client.subscriptionService[name]({ filter: { terms: [] } });
    const first = call.responses[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  },
);

test('a subscriber that reads nothing leaves nothing behind when it goes, and costs no listener', async () => {
  const before = devnet.chain.events.listenerCount('checkpoint');
  const aborts = Array.from({ length: 20 }, () => new AbortController());
  const calls = aborts.map(({ signal }) =>
    client.subscriptionService.subscribeCheckpoints({ readMask: { paths: ['*'] } }, { abort: signal }),
  );
  await Promise.all(calls.map(({ headers }) => headers));
  await incrementOnce();
  for (const abort of aborts) abort.abort();
  for (const call of calls)
    await call.responses[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
  await expect.poll(() => devnet.chain.events.listenerCount('checkpoint')).toBe(before);
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
