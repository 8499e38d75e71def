import { expect, test } from 'vitest';
import { encodeEvent } from './events.ts';
import { checkLog, EMPTY_HEAD, foldHead, type LogPosition, type StoredEvent } from './log.ts';

const LOG = `0x${'11'.repeat(32)}`;
const OTHER = `0x${'22'.repeat(32)}`;
const START: LogPosition = { seq: 0n, head: EMPTY_HEAD };

function event(seq: number, epoch: number, logId = LOG): StoredEvent {
  return {
    type: '0x1::enclave_registry::SeatRevokedEvent',
    bytes: encodeEvent('SeatRevokedEvent', { logId, seq: String(seq), epoch: String(epoch) }),
  };
}

const EVENTS = [event(1, 1), event(2, 2), event(3, 3)] as const;

function positionAfter(events: readonly StoredEvent[]): LogPosition {
  const head = events.reduce(foldHead, EMPTY_HEAD);
  return { seq: BigInt(events.length), head };
}

const UNTIL = positionAfter(EVENTS);

/** The vector that the Move tests of the event log assert as well. */
test('the head has the bytes of the shared vector', () => {
  const events = [
    { type: '0x2::sui::SUI', bytes: Buffer.from('one') },
    { type: '0x2::object::ID', bytes: Buffer.from('two') },
  ];
  expect(Buffer.from(events.reduce(foldHead, EMPTY_HEAD)).toString('hex')).toBe(
    'ac794f970b995a8486f91572adedf940ab785fbfb6b8fb0138ba8a19002f7000',
  );
});

/** The start of a request and its cancellation have the same bytes. */
test('it is noticed when an event is said to be of another type with the same fields', () => {
  const bytes = encodeEvent('RequestStartedEvent', { logId: LOG, seq: '1', requestId: '1' });
  const started = { type: '0x1::k8s_scheduler::RequestStartedEvent', bytes };
  const until = positionAfter([started]);
  checkLog(LOG, START, [started], until);
  const cancelled = { type: '0x1::k8s_scheduler::RequestCancelledEvent', bytes };
  expect(() => checkLog(LOG, START, [cancelled], until)).toThrow(expect.objectContaining({ code: 'log' }));
});

test.each(['', '0x1::a', '1::a::B', '0x1::a::B<u8>', '0xG::a::B'])('%j is no type of an event', (type) => {
  expect(() => foldHead(EMPTY_HEAD, { type, bytes: new Uint8Array() })).toThrow(
    expect.objectContaining({ code: 'event' }),
  );
});

test('a whole log fits its head, and so does each part of it', () => {
  checkLog(LOG, START, EVENTS, UNTIL);
  checkLog(LOG, positionAfter(EVENTS.slice(0, 2)), EVENTS.slice(2), UNTIL);
  checkLog(LOG, UNTIL, [], UNTIL);
});

test.each<[string, StoredEvent[]]>([
  ['the first event is missing', EVENTS.slice(1)],
  ['an event in the middle is missing', [EVENTS[0], EVENTS[2]]],
  ['the last event is missing', EVENTS.slice(0, 2)],
  ['all events are missing', []],
  ['there is one more', [...EVENTS, event(4, 4)]],
  ['an event is there twice', [EVENTS[0], EVENTS[0], EVENTS[1], EVENTS[2]]],
  ['two events are swapped', [EVENTS[1], EVENTS[0], EVENTS[2]]],
  ['an event says something else', [EVENTS[0], event(2, 9), EVENTS[2]]],
  ['an event is of another log', [EVENTS[0], event(2, 2, OTHER), EVENTS[2]]],
])('it is noticed when %s', (_, events) => {
  expect(() => checkLog(LOG, START, events, UNTIL)).toThrow(expect.objectContaining({ code: 'log' }));
});

test('a heartbeat belongs to no log', () => {
  const head = { logId: LOG, seq: '1', head: EMPTY_HEAD };
  const bytes = encodeEvent('HeartbeatEvent', {
    registry: head,
    workers: head,
    staking: head,
    scheduler: head,
    epoch: '1',
    stateVersion: '1',
    auditHead: EMPTY_HEAD,
    timestampMs: '1',
  });
  const events = [{ type: '0x1::heartbeat::HeartbeatEvent', bytes }];
  expect(() => checkLog(LOG, START, events, UNTIL)).toThrow(expect.objectContaining({ code: 'log' }));
});
