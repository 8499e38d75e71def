import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { facetsOf } from '../chain/facets.ts';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

const { Ordering, QueryEndReason: Reason } = GrpcTypes;

let devnet: Devnet;
let client: SuiGrpcClient;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  counter = await publishCounter(client, devnet.accounts[0]!);
  for (let round = 0; round < 12; round += 1) {
    const signer = devnet.accounts[round % 3]!;
    const transaction = increment(counter, 1);
    if (round % 2 === 0) addIncrement(transaction);
    const transfer = new Transaction();
    transfer.transferObjects([transfer.splitCoins(transfer.gas, [1])], devnet.accounts[0]!.toSuiAddress());
    const other = devnet.accounts[(round + 1) % 3]!;
    await Promise.all([
      client.signAndExecuteTransaction({ transaction, signer }),
      client.signAndExecuteTransaction({ transaction: transfer, signer: other }),
    ]);
  }
});

afterAll(() => devnet.close());

function addIncrement(transaction: Transaction): void {
  transaction.moveCall({
    target: `${counter.packageId}::counter::increment`,
    arguments: [transaction.object(counter.counterId), transaction.pure.u64(2), transaction.object.clock()],
  });
}

type Predicate = GrpcTypes.TransactionLiteral['predicate'];
type Literal = { negated: boolean; predicate: Predicate };

/** Predicates with what each means, said without the index. */
function predicates(): [Predicate, (facets: string[]) => boolean][] {
  const [a, b] = [devnet.accounts[0]!.toSuiAddress(), devnet.accounts[1]!.toSuiAddress()];
  const { packageId, counterId } = counter;
  const type = `${packageId}::counter::Incremented`;
  const starts = (text: string) => (facets: string[]) =>
    facets.some((facet) => `${facet}::`.startsWith(`${text}::`));
  return [
    [{ oneofKind: 'sender', sender: { address: a } }, starts(`sender ${a}`)],
    [{ oneofKind: 'sender', sender: { address: b } }, starts(`sender ${b}`)],
    [{ oneofKind: 'affectedAddress', affectedAddress: { address: a } }, starts(`address ${a}`)],
    [{ oneofKind: 'affectedObject', affectedObject: { objectId: counterId } }, starts(`object ${counterId}`)],
    [{ oneofKind: 'moveCall', moveCall: { function: packageId } }, starts(`call ${packageId}`)],
    [
      { oneofKind: 'moveCall', moveCall: { function: `${packageId}::counter::increment` } },
      starts(`call ${packageId}`),
    ],
    [
      { oneofKind: 'emitModule', emitModule: { module: `${packageId}::counter` } },
      starts(`emit ${packageId}`),
    ],
    [{ oneofKind: 'eventType', eventType: { eventType: type } }, starts(`type ${type}`)],
    [{ oneofKind: 'packageWrite', packageWrite: {} }, starts('package')],
    [{ oneofKind: 'eventStreamHead', eventStreamHead: { streamId: a } }, () => false],
    [{ oneofKind: 'eventType', eventType: { eventType: '0x2' } }, () => false],
  ];
}

const ofEvents = new Set(['sender', 'emitModule', 'eventType', 'eventStreamHead']);

interface Item {
  id: string;
  checkpoint: number;
  /** Facets of each thing in it that a term must be true of. */
  things: string[][];
}

/** Everything there is, by a scan of the whole chain. */
function everything(kind: 'transactions' | 'events' | 'checkpoints'): Item[] {
  const { store } = devnet.chain;
  const stored = Array.from(
    { length: store.transactionCount() },
    (_, position) => store.transactionAt(position)!,
  );
  const facets = stored.map((transaction) => {
    const { transaction: own, events } = facetsOf(transaction);
    return { own: [...own], events: events.map((event) => [...event]) };
  });
  if (kind === 'events')
    return stored.flatMap(({ digest, checkpoint }, index) =>
      facets[index]!.events.map((event, place) => ({
        id: `${digest} ${place}`,
        checkpoint,
        things: [[...facets[index]!.own, ...event]],
      })),
    );
  const transactions = stored.map(({ digest, checkpoint }, index) => ({
    id: digest,
    checkpoint,
    things: [[...facets[index]!.own, ...facets[index]!.events.flat()]],
  }));
  if (kind === 'transactions') return transactions;
  const count = store.latestCheckpoint()!.sequence + 1;
  return Array.from({ length: count }, (_, sequence) => ({
    id: String(sequence),
    checkpoint: sequence,
    things: transactions.filter(({ checkpoint }) => checkpoint === sequence).flatMap(({ things }) => things),
  }));
}

type Page = { ids: string[]; cursors: Uint8Array[]; watermarks: (bigint | undefined)[]; reason: number };

/** One call, with what the protocol says of every answer checked. */
async function list(
  kind: 'transactions' | 'events' | 'checkpoints',
  request: {
    startCheckpoint?: bigint;
    endCheckpoint?: bigint;
    options?: GrpcTypes.QueryOptions;
    terms?: { literals: Literal[] }[];
  },
): Promise<Page> {
  const { terms, ...rest } = request;
  const filter = terms && ({ terms } as GrpcTypes.TransactionFilter & GrpcTypes.EventFilter);
  const page: Page = { ids: [], cursors: [], watermarks: [], reason: -1 };
  const { ledgerService: ledger } = client;
  const paths = {
    transactions: ['digest'],
    checkpoints: ['sequence_number'],
    events: ['transaction_digest', 'event_index'],
  };
  const full = { ...rest, ...(filter && { filter }), readMask: { paths: paths[kind] } };
  const call =
    kind === 'transactions'
      ? ledger.listTransactions(full)
      : kind === 'events'
        ? ledger.listEvents(full)
        : ledger.listCheckpoints(full);
  for await (const frame of call.responses) {
    expect(page.reason).toBe(-1);
    expect(frame.watermark?.cursor).toBeDefined();
    const id =
      'transaction' in frame && frame.transaction
        ? frame.transaction.digest!
        : 'event' in frame && frame.event
          ? `${frame.event.transactionDigest} ${frame.event.eventIndex}`
          : 'checkpoint' in frame && frame.checkpoint
            ? String(frame.checkpoint.sequenceNumber)
            : undefined;
    if (id !== undefined) page.ids.push(id);
    expect(id === undefined).toBe(frame.end !== undefined && frame.end.reason !== Reason.ITEM_LIMIT);
    page.cursors.push(frame.watermark!.cursor!);
    page.watermarks.push(frame.watermark!.checkpoint);
    if (frame.end) page.reason = frame.end.reason!;
  }
  expect(page.reason).toBeGreaterThan(0);
  return page;
}

const kinds = ['transactions', 'events', 'checkpoints'] as const;

test.each(kinds)(
  '%s are those of a naive scan, whatever the filter, bounds, order and page',
  async (kind) => {
    const all = everything(kind);
    const checkpoints = devnet.chain.store.latestCheckpoint()!.sequence + 1;
    const usable = predicates().filter(
      ([predicate]) => kind !== 'events' || ofEvents.has(predicate.oneofKind!),
    );
    const literal = fc.record({ index: fc.nat(usable.length - 1), negated: fc.boolean() });
    const term = fc.array(literal, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.array(term, { minLength: 1, maxLength: 3 })),
        fc.nat(checkpoints),
        fc.nat(checkpoints + 2),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        async (terms, start, length, descending, limit) => {
          const passes = ({ things }: Item) =>
            terms === null ||
            things.some((facets) =>
              terms.some((literals) =>
                literals.every((one) => usable[one.index]![1](facets) !== one.negated),
              ),
            );
          const end = start + length;
          const wanted = all.filter(
            (item) => item.checkpoint >= start && item.checkpoint < end && passes(item),
          );
          if (descending) wanted.reverse();
          const filter = terms?.map((literals) => ({
            literals: literals.map(({ index, negated }) => ({ negated, predicate: usable[index]![0] })),
          }));
          const ids: string[] = [];
          let cursor: Uint8Array | undefined;
          let reason: number = Reason.ITEM_LIMIT;
          while (reason === Reason.ITEM_LIMIT) {
            const ordering = descending ? Ordering.DESCENDING : Ordering.ASCENDING;
            const bound = cursor && { [descending ? 'before' : 'after']: cursor };
            const page = await list(kind, {
              startCheckpoint: BigInt(start),
              endCheckpoint: BigInt(end),
              options: { limit, ordering, ...bound },
              ...(filter && { terms: filter }),
            });
            expect(page.ids.length).toBeLessThanOrEqual(limit);
            ids.push(...page.ids);
            ({ reason } = page);
            cursor = page.cursors.at(-1);
          }
          expect(ids).toEqual(wanted.map(({ id }) => id));
        },
      ),
      { numRuns: 60 },
    );
  },
);

describe('the end of a list says why', () => {
  test.each(kinds)('%s', async (kind) => {
    expect((await list(kind, {})).reason).toBe(
      kind === 'checkpoints' ? Reason.ITEM_LIMIT : Reason.LEDGER_TIP,
    );
    expect((await list(kind, { endCheckpoint: 2n })).reason).toBe(Reason.CHECKPOINT_BOUND);
    const { cursors } = await list(kind, { options: { limit: 5 } });
    const before = cursors.at(-1)!;
    expect(await list(kind, { options: { before } })).toMatchObject({ reason: Reason.CURSOR_BOUND });
    expect((await list(kind, { options: { before } })).ids).toHaveLength(4);
    expect((await list(kind, { options: { after: before, before: cursors[1]! } })).reason).toBe(
      Reason.CURSOR_BOUND,
    );
    expect((await list(kind, { startCheckpoint: 1_000_000n })).ids).toEqual([]);
  });

  test('a watermark names a checkpoint only when all of it was given', async () => {
    for (const ordering of [Ordering.ASCENDING, Ordering.DESCENDING]) {
      const all = everything('transactions');
      const { ids, watermarks } = await list('transactions', { options: { limit: 20, ordering } });
      for (const [index, watermark] of watermarks.entries()) {
        if (watermark === undefined) continue;
        const given = new Set(ids.slice(0, index + 1));
        const covered = all.filter(({ checkpoint }) =>
          ordering === Ordering.ASCENDING ? checkpoint <= watermark : checkpoint >= watermark,
        );
        for (const { id } of covered) expect(given).toContain(id);
      }
      expect(watermarks.some((watermark) => watermark !== undefined)).toBe(true);
    }
  });
});

test('the methods of the SDK page through transactions and events, decoded', async () => {
  const sender = devnet.accounts[0]!.toSuiAddress();
  const first = await client.listTransactions({ filter: { sender }, limit: 2 });
  expect(first.transactions).toHaveLength(2);
  expect(first.hasNextPage).toBe(true);
  const second = await client.listTransactions({ filter: { sender }, limit: 1_000, after: first.endCursor! });
  const senders = everything('transactions').filter(({ things }) => things[0]!.includes(`sender ${sender}`));
  expect(first.transactions.length + second.transactions.length).toBe(senders.length);
  expect(second.hasNextPage).toBe(false);
  const eventType = `${counter.packageId}::counter::Incremented`;
  const { events } = await client.listEvents({ filter: { eventType }, limit: 1 });
  expect(events[0]).toMatchObject({
    eventType,
    module: 'counter',
    eventIndex: 0,
    json: { value: '1', at_ms: expect.stringMatching(/^\d+$/) },
  });
});

test.each([
  ['a filter without terms', { filter: { terms: [] } }],
  ['a term without literals', { filter: { terms: [{ literals: [] }] } }],
  [
    'a literal without predicate',
    { filter: { terms: [{ literals: [{ negated: false, predicate: { oneofKind: undefined } }] }] } },
  ],
  ['no address', { filter: one({ oneofKind: 'sender', sender: { address: 'nobody' } }) }],
  ['a missing address', { filter: one({ oneofKind: 'sender', sender: {} }) }],
  [
    'a path with too many names',
    { filter: one({ oneofKind: 'emitModule', emitModule: { module: '0x2::a::b' } }) },
  ],
  ['what is no type', { filter: one({ oneofKind: 'eventType', eventType: { eventType: '0x2::a::b<' } }) }],
  [
    'more literals than are allowed',
    {
      filter: {
        terms: Array.from(
          { length: 11 },
          () => one({ oneofKind: 'sender', sender: { address: '0x1' } }).terms[0]!,
        ),
      },
    },
  ],
  ['an end before the start', { startCheckpoint: 3n, endCheckpoint: 2n }],
  ['a made-up cursor', { options: { after: Buffer.from('nonsense!') } }],
  ['a cursor of another list', { options: { before: Buffer.from('t\0\0\0\0\0\0\0\x05', 'latin1') } }],
  ['an unknown order', { options: { ordering: 7 } }],
  ['an unknown field', { readMask: { paths: ['event_type', 'nothing'] } }],
])('%s is an invalid argument', async (_name, request) => {
  const call = client.ledgerService.listEvents(request as never);
  await expect(call.responses[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

function one(predicate: GrpcTypes.EventLiteral['predicate']): GrpcTypes.EventFilter {
  return { terms: [{ literals: [{ negated: false, predicate }] }] };
}
