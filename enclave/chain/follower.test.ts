import { foldHead } from '@daasvader/chain/log.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { encodeEvent, HeartbeatEvent, logPrefix, type RawEvent } from './event.ts';
import { Follower } from './follower.ts';

const LOG = `0x${'01'.repeat(32)}`;
const OTHERS = [2, 3, 4].map((n) => `0x${`0${n}`.repeat(32)}`);
const ZERO = new Uint8Array(32);

function started(seq: number, requestId = seq): RawEvent {
  const bytes = encodeEvent('RequestStartedEvent', { logId: LOG, seq, requestId });
  return { ...logPrefix(bytes), type: '0xa::k8s_scheduler::RequestStartedEvent', bytes };
}

function heartbeat(seq: number, head: Uint8Array): Uint8Array {
  const [workers, staking, registry] = OTHERS.map((logId) => ({ logId, seq: 0, head: ZERO }));
  const scheduler = { logId: LOG, seq, head };
  const rest = { epoch: 1, stateVersion: seq, auditHead: ZERO, timestampMs: 1_000 };
  return HeartbeatEvent.serialize({
    registry: registry!,
    workers: workers!,
    staking: staking!,
    scheduler,
    ...rest,
  }).toBytes();
}

const headOf = (events: RawEvent[]) => events.reduce<Uint8Array>(foldHead, ZERO);

/** A follower whose host keeps `kept`, and whose full node has no checkpoint to offer. */
function follower(kept: RawEvent[] = []) {
  const seen: number[] = [];
  const heads: number[] = [];
  const client = {
    ledgerService: { getCheckpoint: async () => ({ response: {} }) },
  } as unknown as SuiGrpcClient;
  const services = {
    events: async (_: string, from: number) => kept.filter(({ seq }) => seq >= from),
    keep: async () => undefined,
  };
  const subject = new Follower({
    client,
    services,
    packageId: '0xa',
    logIds: [LOG, ...OTHERS],
    log: pino({ enabled: false }),
    onEvent: ({ seq }) => seen.push(seq),
    onHeads: (timestampMs) => heads.push(timestampMs),
  });
  const take = (logged: RawEvent[], heartbeats: Uint8Array[] = []) =>
    subject.take({ sequence: 9n, logged, heartbeats });
  return { subject, seen, heads, take };
}

test('events are reported once and in order, and a fitting head confirms them', async () => {
  const { seen, heads, take, subject } = follower();
  await take([started(1), started(2)]);
  await take([started(2), started(3)], [heartbeat(3, headOf([started(1), started(2), started(3)]))]);
  expect(seen).toEqual([1, 2, 3]);
  expect(heads).toEqual([1_000]);
  expect(subject.isFresh(1_000)).toBe(true);
});

test('a hole is filled from the host before what comes after it is reported', async () => {
  const { seen, take } = follower([started(1), started(2), started(3)]);
  await take([started(3)]);
  expect(seen).toEqual([1, 2, 3]);
});

test('a hole that nobody can fill stops the reporting', async () => {
  const { seen, take } = follower();
  await expect(take([started(1), started(3)])).rejects.toMatchObject({ code: 'log-gap' });
  expect(seen).toEqual([1]);
});

test('a heartbeat that states more than arrived reveals withheld events', async () => {
  const { seen, take } = follower([started(1)]);
  await take([], [heartbeat(1, headOf([started(1)]))]);
  expect(seen).toEqual([1]);
  await expect(take([], [heartbeat(2, headOf([started(1), started(2)]))])).rejects.toMatchObject({
    code: 'log-gap',
  });
});

test('a forged event is noticed at the next head, and nothing is fresh before one', async () => {
  const { take, subject } = follower();
  await take([started(1, 666)]);
  expect(subject.isFresh(1_000)).toBe(false);
  await expect(take([], [heartbeat(1, headOf([started(1)]))])).rejects.toMatchObject({ code: 'log-forged' });
});

test('an event under the type of another one with the same fields is noticed at the next head', async () => {
  const { take } = follower();
  await take([{ ...started(1), type: '0xa::k8s_scheduler::RequestCancelledEvent' }]);
  await expect(take([], [heartbeat(1, headOf([started(1)]))])).rejects.toMatchObject({ code: 'log-forged' });
});

test("events of another cluster's logs are nothing to us", async () => {
  const { seen, take } = follower();
  await take([{ ...started(7), logId: `0x${'99'.repeat(32)}` }]);
  expect(seen).toEqual([]);
});
