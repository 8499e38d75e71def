import { encodeEvent } from '@daasvader/chain/events.ts';
import { EMPTY_HEAD, foldHead, type LogHead, type RawEvent } from '@daasvader/chain/log.ts';
import { expect, test } from 'vitest';
import { EventLog } from './event-log.ts';

const LOG = `0x${'11'.repeat(32)}`;
const OTHER = `0x${'22'.repeat(32)}`;

function event(seq: number, epoch: number, logId = LOG): RawEvent {
  const bytes = encodeEvent('SeatRevokedEvent', { logId, seq, host: LOG, epoch });
  return { logId, seq, type: '0x1::enclave_registry::SeatRevokedEvent', bytes };
}

const EVENTS = [event(1, 1), event(2, 2), event(3, 3)] as const;

function headAfter(events: readonly RawEvent[]): LogHead {
  return { logId: LOG, seq: events.length, head: events.reduce<Uint8Array>(foldHead, EMPTY_HEAD) };
}

const UNTIL = headAfter(EVENTS);

function logAfter(events: readonly RawEvent[]): EventLog {
  const log = new EventLog(LOG);
  for (const each of events) log.take(each);
  return log;
}

test('a whole log leads to its head, and so does each part of it', () => {
  expect(new EventLog(LOG).leadsTo(EVENTS, UNTIL)).toBe(true);
  expect(logAfter(EVENTS.slice(0, 2)).leadsTo(EVENTS.slice(2), UNTIL)).toBe(true);
  expect(logAfter(EVENTS).leadsTo([], UNTIL)).toBe(true);
});

test.each<[string, RawEvent[]]>([
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
  expect(new EventLog(LOG).leadsTo(events, UNTIL)).toBe(false);
});

/** The start of a request and its cancellation have the same bytes. */
test('it is noticed when an event is said to be of another type with the same fields', () => {
  const bytes = encodeEvent('RequestStartedEvent', { logId: LOG, seq: 1, requestId: 1 });
  const started = { logId: LOG, seq: 1, type: '0x1::k8s_scheduler::RequestStartedEvent', bytes };
  const cancelled = { ...started, type: '0x1::k8s_scheduler::RequestCancelledEvent' };
  const until = headAfter([started]);
  expect(new EventLog(LOG).leadsTo([started], until)).toBe(true);
  expect(new EventLog(LOG).leadsTo([cancelled], until)).toBe(false);
  expect(() => logAfter([cancelled]).check(until)).toThrow(expect.objectContaining({ code: 'log-forged' }));
});

test('only the next event is taken', () => {
  expect(() => logAfter([EVENTS[1]])).toThrow(expect.objectContaining({ code: 'log-gap' }));
  expect(() => logAfter([EVENTS[0], EVENTS[0]])).toThrow(expect.objectContaining({ code: 'log-gap' }));
});

test('a head that is stated late is compared with that of its time, and a forged event is found out', () => {
  const log = logAfter(EVENTS);
  log.check(headAfter(EVENTS.slice(0, 2)));
  const forged = headAfter([EVENTS[0], event(2, 9)]);
  expect(() => log.check(forged)).toThrow(expect.objectContaining({ code: 'log-forged' }));
});
