import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

const { Ordering, QueryEndReason: End } = GrpcTypes;
const OTHER = `0x${'7'.repeat(64)}`;

let devnet: Devnet;
let client: SuiGrpcClient;
let counter: Counter;
/** Digests of all transactions of the chain, in its order, as the checkpoints tell them. */
let all: { digest: string; checkpoint: bigint }[];
let paid: string;
let emitting: string[];

type ListRequest = Parameters<SuiGrpcClient['ledgerService']['listTransactions']>[0];

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const [first, second] = devnet.accounts as [Ed25519Keypair, Ed25519Keypair];
  counter = await publishCounter(client, first);
  emitting = [];
  for (const signer of [first, second, first, first])
    emitting.push(await execute(increment(counter, 1), signer));
  const payment = new Transaction();
  payment.transferObjects([payment.splitCoins(payment.gas, [5])], OTHER);
  paid = await execute(payment, second);
  all = await everything();
});

afterAll(() => devnet.close());

async function execute(transaction: Transaction, signer: Ed25519Keypair): Promise<string> {
  const { Transaction: done } = await client.signAndExecuteTransaction({ transaction, signer });
  return done!.digest;
}

/** What the chain holds, by reading checkpoint after checkpoint: what the queries are compared with. */
async function everything(): Promise<typeof all> {
  const { response: info } = await client.ledgerService.getServiceInfo({});
  const found: typeof all = [];
  for (let sequenceNumber = 0n; sequenceNumber <= info.checkpointHeight!; sequenceNumber += 1n) {
    const { response } = await client.ledgerService.getCheckpoint({
      checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber },
      readMask: { paths: ['transactions.digest'] },
    });
    for (const { digest } of response.checkpoint!.transactions)
      found.push({ digest: digest!, checkpoint: sequenceNumber });
  }
  return found;
}

async function collect<T extends { end?: GrpcTypes.QueryEnd; watermark?: GrpcTypes.Watermark }>(call: {
  responses: AsyncIterable<T>;
}): Promise<{ frames: T[]; reason: GrpcTypes.QueryEndReason; cursor: Uint8Array }> {
  const frames: T[] = [];
  for await (const frame of call.responses) frames.push(frame);
  const ends = frames.filter(({ end }) => end !== undefined);
  expect(ends).toEqual([frames.at(-1)]);
  expect(frames.every(({ watermark }) => watermark?.cursor !== undefined)).toBe(true);
  return { frames, reason: ends[0]!.end!.reason!, cursor: frames.at(-1)!.watermark!.cursor! };
}

async function list(request: Partial<ListRequest> = {}) {
  const result = await collect(client.ledgerService.listTransactions(request as ListRequest));
  const digests = result.frames.flatMap(({ transaction }) => transaction?.digest ?? []);
  return { ...result, digests };
}

function where(
  predicate: GrpcTypes.TransactionLiteral['predicate'],
  negated = false,
): { filter: GrpcTypes.TransactionFilter } {
  return { filter: { terms: [{ literals: [{ negated, predicate }] }] } };
}

const digestsOf = (entries: typeof all) => entries.map(({ digest }) => digest);

describe('listTransactions', () => {
  test('tells every transaction in the order of the chain, then that this is the tip', async () => {
    const { digests, reason } = await list();
    expect(digests).toEqual(digestsOf(all));
    expect(reason).toBe(End.LEDGER_TIP);
  });

  test.each([Ordering.ASCENDING, Ordering.DESCENDING])(
    'page after page gives the same, ordering %i',
    async (ordering) => {
      for (const limit of [1, 2, 3, 1_000]) {
        const found: string[] = [];
        let bound: { after?: Uint8Array; before?: Uint8Array } = {};
        for (;;) {
          const { digests, reason, cursor } = await list({ options: { limit, ordering, ...bound } });
          found.push(...digests);
          if (reason !== End.ITEM_LIMIT) break;
          bound = ordering === Ordering.ASCENDING ? { after: cursor } : { before: cursor };
        }
        const expected = digestsOf(all);
        expect(found).toEqual(ordering === Ordering.ASCENDING ? expected : expected.reverse());
      }
    },
  );

  test('a range of checkpoints ends before its end', async () => {
    const [start, end] = [all[2]!.checkpoint, all.at(-1)!.checkpoint];
    const { digests, reason, frames } = await list({ startCheckpoint: start, endCheckpoint: end });
    expect(digests).toEqual(
      digestsOf(all.filter(({ checkpoint }) => checkpoint >= start && checkpoint < end)),
    );
    expect(reason).toBe(End.CHECKPOINT_BOUND);
    expect(frames.at(-1)!.watermark!.checkpoint).toBe(end - 1n);
  });

  test('between two cursors lies what is between them, both excluded', async () => {
    const { frames } = await list();
    const [after, before] = [frames[1]!.watermark!.cursor!, frames[4]!.watermark!.cursor!];
    for (const ordering of [Ordering.ASCENDING, Ordering.DESCENDING]) {
      const { digests, reason } = await list({ options: { after, before, ordering } });
      expect(digests.toSorted()).toEqual(digestsOf(all.slice(2, 4)).toSorted());
      expect(reason).toBe(End.CURSOR_BOUND);
    }
    const nothing = await list({ options: { after: before, before: after } });
    expect(nothing.digests).toEqual([]);
  });

  test('a watermark names no checkpoint that still has something to tell', async () => {
    const { frames } = await list();
    for (const [index, { watermark }] of frames.slice(0, -1).entries())
      expect(watermark!.checkpoint ?? -1n).toBeLessThan(all[index]!.checkpoint);
  });

  test('each kind of predicate finds what it says', async () => {
    const sender = devnet.accounts[1]!.toSuiAddress();
    const call = (path: string) =>
      list(where({ oneofKind: 'moveCall', moveCall: { function: path } })).then(({ digests }) => digests);
    const { packageId } = counter;
    expect((await list(where({ oneofKind: 'sender', sender: { address: sender } }))).digests).toEqual([
      emitting[1],
      paid,
    ]);
    for (const path of [packageId, `${packageId}::counter`, `${packageId}::counter::increment`])
      expect(await call(path)).toEqual(emitting);
    expect(await call(`${packageId}::counter::decrement`)).toEqual([]);
    const found = {
      affectedAddress: await list(
        where({ oneofKind: 'affectedAddress', affectedAddress: { address: OTHER } }),
      ),
      eventType: await list(
        where({ oneofKind: 'eventType', eventType: { eventType: `${packageId}::counter::Incremented` } }),
      ),
      emitModule: await list(
        where({ oneofKind: 'emitModule', emitModule: { module: `${packageId}::counter` } }),
      ),
      packageWrite: await list(where({ oneofKind: 'packageWrite', packageWrite: {} })),
    };
    expect(found.affectedAddress.digests).toEqual([paid]);
    expect(found.eventType.digests).toEqual(emitting);
    expect(found.emitModule.digests).toEqual(emitting);
    expect(found.packageWrite.digests.length).toBe(2); // genesis and the counter's
  });

  test('literals of a term must all hold, terms are alternatives, and a literal may be negated', async () => {
    const sentBy = (index: number, negated = false) => ({
      negated,
      predicate: {
        oneofKind: 'sender' as const,
        sender: { address: devnet.accounts[index]!.toSuiAddress() },
      },
    });
    const calls = {
      negated: false,
      predicate: { oneofKind: 'moveCall' as const, moveCall: { function: counter.packageId } },
    };
    const of = async (...terms: GrpcTypes.TransactionTerm[]) => (await list({ filter: { terms } })).digests;
    expect(await of({ literals: [calls, sentBy(1)] })).toEqual([emitting[1]]);
    expect(await of({ literals: [calls, sentBy(1, true)] })).toEqual(
      emitting.filter((_, index) => index !== 1),
    );
    expect(await of({ literals: [calls, sentBy(0)] }, { literals: [sentBy(1)] })).toEqual([
      ...emitting,
      paid,
    ]);
  });

  test.each<[string, Partial<ListRequest>]>([
    ['a filter without terms', { filter: { terms: [] } }],
    ['a term without literals', { filter: { terms: [{ literals: [] }] } }],
    ['a literal without predicate', where({ oneofKind: undefined })],
    ['an address that is none', where({ oneofKind: 'sender', sender: { address: '0xzz' } })],
    ['no address', where({ oneofKind: 'affectedObject', affectedObject: {} })],
    ['a path too deep', where({ oneofKind: 'emitModule', emitModule: { module: '0x2::a::b' } })],
    ['a type that is none', where({ oneofKind: 'eventType', eventType: { eventType: '0x2::a::B<' } })],
    ['a cursor of another kind', { options: { after: new Uint8Array(3) } }],
    ['an ordering that is none', { options: { ordering: 7 as number } }],
    ['a range backwards', { startCheckpoint: 3n, endCheckpoint: 2n }],
  ])('%s is refused', async (_, request) => {
    await expect(list(request)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

test('listEvents tells each event with its place, and a cursor may lie within a transaction', async () => {
  const eventsOf = async (request: Partial<GrpcTypes.ListEventsRequest>) =>
    collect(
      client.ledgerService.listEvents({
        readMask: { paths: ['*'] },
        ...request,
      } as GrpcTypes.ListEventsRequest),
    );
  const { frames } = await eventsOf({});
  const events = frames.flatMap(({ event }) => event ?? []);
  expect(events.map(({ transactionDigest }) => transactionDigest)).toEqual(emitting);
  const place = all.find(({ digest }) => digest === emitting[0])!;
  const before = all.filter(({ checkpoint }) => checkpoint === place.checkpoint).indexOf(place);
  const transactionIndex = BigInt(before);
  expect(events[0]).toMatchObject({ checkpoint: place.checkpoint, eventIndex: 0, transactionIndex });
  const first = frames.find(({ event }) => event !== undefined)!;
  const rest = await eventsOf({ options: { after: first.watermark!.cursor! } });
  expect(rest.frames.flatMap(({ event }) => event?.transactionDigest ?? [])).toEqual(emitting.slice(1));
  const sender = devnet.accounts[1]!.toSuiAddress();
  const literals = [
    { negated: false, predicate: { oneofKind: 'sender' as const, sender: { address: sender } } },
  ];
  const own = await eventsOf({ filter: { terms: [{ literals }] } });
  expect(own.frames.flatMap(({ event }) => event?.transactionDigest ?? [])).toEqual([emitting[1]]);
});

test('listCheckpoints tells those that hold a wanted transaction', async () => {
  const sequences = async (request: Partial<GrpcTypes.ListCheckpointsRequest>) => {
    const { frames } = await collect(
      client.ledgerService.listCheckpoints(request as GrpcTypes.ListCheckpointsRequest),
    );
    return frames.flatMap(({ checkpoint }) => checkpoint?.sequenceNumber ?? []);
  };
  const every = await sequences({});
  expect(every).toEqual(every.map((_, index) => BigInt(index)));
  expect(every.at(-1)).toBeGreaterThanOrEqual(all.at(-1)!.checkpoint);
  expect(
    await sequences({ options: { ordering: Ordering.DESCENDING, limit: 2 }, endCheckpoint: 4n }),
  ).toEqual([3n, 2n]);
  const calls = where({ oneofKind: 'moveCall', moveCall: { function: counter.packageId } });
  const holding = all.filter(({ digest }) => emitting.includes(digest)).map(({ checkpoint }) => checkpoint);
  expect(await sequences(calls)).toEqual([...new Set(holding)]);
});

test('a subscription with a filter tells what it wants, and how far it has come', async () => {
  const abort = new AbortController();
  const sender = devnet.accounts[1]!.toSuiAddress();
  const call = client.subscriptionService.subscribeTransactions(
    { readMask: { paths: ['digest'] }, ...where({ oneofKind: 'sender', sender: { address: sender } }) },
    { abort: abort.signal },
  );
  await call.headers;
  const digests: string[] = [];
  for (const index of [0, 1, 0]) digests.push(await execute(increment(counter, 1), devnet.accounts[index]!));
  const seen: string[] = [];
  let progress = 0;
  for await (const { transaction, watermark } of call.responses) {
    expect(watermark?.cursor).toBeDefined();
    if (transaction) seen.push(transaction.digest!);
    else if (++progress >= digests.length) break;
  }
  abort.abort();
  expect(seen).toEqual([digests[1]]);
});
