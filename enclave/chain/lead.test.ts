import type { ChainEvent } from '@daasvader/chain/events.ts';
import { Transaction } from '@mysten/sui/transactions';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { beginInTerm, lead, NOT_AFTER_MS, whileInOffice } from './lead.ts';
import { operatorIds } from './operator-ids.ts';
import { Registry } from './registry.ts';
import { Standing } from './standing.ts';

const id = (byte: string) => `0x${byte.repeat(32)}`;
const PACKAGE = id('0a');
const LOG = { logId: id('01'), seq: '1' };
const [MINE, HOST, OTHER] = [id('c1'), id('b1'), id('b2')];

let registry: Registry;
let standing: Standing;
let waits: string[];
/** The terms that were expected of the chain. */
let expected: string[];
let answer: () => void | Promise<void>;

beforeEach(() => {
  registry = new Registry(PACKAGE);
  standing = new Standing(id('a1'), registry);
  [waits, expected] = [[], []];
  answer = () => apply({ ...LOG, kind: 'LeadTakenEvent', enclaveId: MINE, host: HOST, term: '8' });
  apply({
    ...LOG,
    kind: 'EnclaveRegisteredEvent',
    enclaveId: MINE,
    operator: id('a1'),
    measurementVersion: 'v',
  });
});

function apply(event: ChainEvent): void {
  registry.apply(event);
  standing.apply(event);
}

const seat = () =>
  apply({ ...LOG, kind: 'SeatTakenEvent', enclaveId: MINE, operator: id('a1'), host: HOST, epoch: '1' });

const ids = () => operatorIds({ ...{ registryId: LOG.logId } } as never, registry, standing);

/** The 64-bit numbers that a transaction carries. */
function numbers(tx: Transaction): string[] {
  return tx.getData().inputs.flatMap(({ Pure }) => {
    const bytes = Buffer.from(Pure?.bytes ?? '', 'base64');
    return bytes.length === 8 ? [`${bytes.readBigUInt64LE()}`] : [];
  });
}

function run(signal = new AbortController().signal): Promise<void> {
  const operator = {
    execute: async (build: (tx: Transaction) => void) => {
      const tx = new Transaction();
      build(tx);
      expected.push(...numbers(tx));
      await answer();
      return { digest: 'digest', objectTypes: {} };
    },
  };
  const onWait = async (what: string) => void waits.push(what);
  const log = pino({ enabled: false });
  return lead({ operator, seat: ids(), registry, standing, log, onWait }, signal);
}

test('one that is seated takes the lead of the term that is proven, and leads when that is proven', async () => {
  apply({ ...LOG, kind: 'LeadTakenEvent', enclaveId: id('c0'), host: HOST, term: '7' });
  seat();
  await run();
  expect(expected).toEqual(['7']);
  expect(standing.term).toBe(8n);
  expect(waits).toEqual([]);
});

test('while another leads nothing is tried, and what it waits for is said once', async () => {
  apply({ ...LOG, kind: 'LeadTakenEvent', enclaveId: id('c0'), host: OTHER, term: '7' });
  seat();
  const leading = run();
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(expected).toEqual([]);
  expect(waits).toEqual([expect.stringContaining(`host ${OTHER} has in term 7`)]);
  apply({ ...LOG, kind: 'SeatRevokedEvent', host: OTHER, epoch: '2' });
  await leading;
  expect(expected).toEqual(['7']);
});

test('that the chain took it counts when it is proven, whatever the full node says', async () => {
  seat();
  answer = () => undefined;
  const stop = new AbortController();
  const leading = run(stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(expected).toEqual(['0']);
  expect(() => beginInTerm(new Transaction(), ids(), standing, 0)).toThrow(
    expect.objectContaining({ code: 'registration' }),
  );
  stop.abort();
  await expect(leading).rejects.toThrow();
});

test.each([
  ['leads', { ...LOG, kind: 'LeadTakenEvent', enclaveId: MINE, host: HOST, term: '1' }, 'fulfilled'],
  ['has lost its seat', { ...LOG, kind: 'SeatRevokedEvent', host: HOST, epoch: '2' }, 'rejected'],
] satisfies [string, ChainEvent, string][])(
  'that it %s is heard of although a full node never answers the attempt',
  async (_, event, status) => {
    seat();
    answer = () => new Promise(() => undefined);
    const leading = Promise.allSettled([run()]);
    await expect.poll(() => expected).toEqual(['0']);
    apply(event);
    expect(await leading).toMatchObject([{ status }]);
  },
);

test('one that lost its seat while it waited gives up', async () => {
  seat();
  apply({ ...LOG, kind: 'SeatRevokedEvent', host: HOST, epoch: '2' });
  await expect(run()).rejects.toMatchObject({
    code: 'registration',
    message: expect.stringContaining('revoked'),
  });
  expect(expected).toEqual([]);
});

test('one that leads is in office until it has lost its seat, and ends then', async () => {
  seat();
  await run();
  const stop = new AbortController();
  const [other, inOffice] = [
    whileInOffice(standing, stop.signal),
    whileInOffice(standing, new AbortController().signal),
  ];
  stop.abort();
  await other;
  const ended = expect(inOffice).rejects.toMatchObject({ code: 'registration' });
  apply({ ...LOG, kind: 'SeatRevokedEvent', host: HOST, epoch: '2' });
  await ended;
});

test('what the operator signs counts in its term, for two minutes', async () => {
  seat();
  await run();
  const tx = new Transaction();
  beginInTerm(tx, ids(), standing, 1_000.5);
  expect(numbers(tx)).toEqual(['8', `${1_000 + NOT_AFTER_MS}`]);
  expect(NOT_AFTER_MS).toBeLessThanOrEqual(120_000);
});
