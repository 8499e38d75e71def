/** Whoever knows a proven head notices whatever is done to the events of a log on the way. */
import { encodeEvent } from '@daasvader/chain/events.ts';
import { EMPTY_HEAD, foldHead, type LogHead, logPrefix, type RawEvent } from '@daasvader/chain/log.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EnclaveError } from '../error.ts';
import { EventLog } from './event-log.ts';

const RUNS = 2_000;
const LOG = `0x${'11'.repeat(32)}`;
const OTHER = `0x${'22'.repeat(32)}`;

type Draft = (logId: string, seq: string) => RawEvent;

/** What the enclave makes of bytes that are told to be an event. */
const told = (type: string, bytes: Uint8Array): RawEvent => ({ ...logPrefix(bytes), type, bytes });
const stored = (module: string, kind: string, bytes: Uint8Array) => told(`0xdaa5::${module}::${kind}`, bytes);
const label = fc.string({ minLength: 1, maxLength: 12 });
const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);

/** Events of several kinds, some of which have the same fields as others. */
const draft: fc.Arbitrary<Draft> = fc.oneof(
  number.map(
    (epoch): Draft =>
      (logId, seq) =>
        stored(
          'enclave_registry',
          'SeatRevokedEvent',
          encodeEvent('SeatRevokedEvent', { logId, seq, host: LOG, epoch }),
        ),
  ),
  fc.tuple(number, label).map(
    ([requestId, nodeId]): Draft =>
      (logId, seq) => {
        const bytes = encodeEvent('WorkerAssignedEvent', { logId, seq, requestId, nodeId });
        return stored('k8s_scheduler', 'WorkerAssignedEvent', bytes);
      },
  ),
  fc.tuple(number, label, fc.boolean()).map(
    ([requestId, reason, applied]): Draft =>
      (logId, seq) => {
        const bytes = encodeEvent('RequestFailedEvent', { logId, seq, requestId, reason, applied });
        return stored('k8s_scheduler', 'RequestFailedEvent', bytes);
      },
  ),
  fc.tuple(label, fc.uint8Array({ maxLength: 40 })).map(
    ([nodeId, identityKey]): Draft =>
      (logId, seq) => {
        const bytes = encodeEvent('WorkerReinstatedEvent', { logId, seq, nodeId, identityKey });
        return stored('worker_registry', 'WorkerReinstatedEvent', bytes);
      },
  ),
);

const drafts = fc.array(draft, { minLength: 1, maxLength: 20 });
const write = (items: Draft[], logId = LOG) => items.map((item, index) => item(logId, String(index + 1)));

function headAfter(events: readonly RawEvent[], logId = LOG): LogHead {
  return { logId, seq: events.length, head: events.reduce<Uint8Array>(foldHead, EMPTY_HEAD) };
}

/** A log of which these events were taken. */
function logAfter(events: readonly RawEvent[]): EventLog {
  const log = new EventLog(LOG);
  for (const event of events) log.take(event);
  return log;
}

function isSame(a: readonly RawEvent[], b: readonly RawEvent[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ type, bytes }, at) => type === b[at]!.type && Buffer.compare(bytes, b[at]!.bytes) === 0)
  );
}

/** One thing that a host may do to a list of events. */
type Attack = (events: RawEvent[]) => RawEvent[];

const at = fc.nat(1_000);
const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[Math.floor(bit / 8) % copy.length]! ^= 1 << (bit % 8);
  return copy;
};

const attack: fc.Arbitrary<Attack> = fc.oneof(
  // A gap: one event, or a stretch of them, at the beginning, in the middle or at the end.
  fc.tuple(at, fc.integer({ min: 1, max: 5 })).map(
    ([from, count]): Attack =>
      (events) =>
        events.toSpliced(from % (events.length + 1), count),
  ),
  fc.tuple(at, at).map(
    ([a, b]): Attack =>
      (events) => {
        const copy = [...events];
        if (copy.length === 0) return copy;
        const [i, j] = [a % copy.length, b % copy.length];
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
        return copy;
      },
  ),
  // A forgery in one bit.
  fc.tuple(at, fc.nat(10_000)).map(
    ([index, bit]): Attack =>
      (events) =>
        events.map((event, i) =>
          i === index % events.length ? told(event.type, flip(event.bytes, bit)) : event,
        ),
  ),
  // A forgery that is well formed and has the right number.
  fc.tuple(at, draft).map(
    ([index, forged]): Attack =>
      (events) =>
        events.map((event, i) => (i === index % events.length ? forged(LOG, String(i + 1)) : event)),
  ),
  fc.tuple(at, draft).map(
    ([index, forged]): Attack =>
      (events) => {
        const i = index % (events.length + 1);
        return events.toSpliced(i, 0, forged(LOG, String(i + 1)));
      },
  ),
  at.map(
    (index): Attack =>
      (events) => {
        const event = events[index % Math.max(1, events.length)];
        return event ? [...events, event] : events;
      },
  ),
  fc.constantFrom('WorkerAssignedEvent', 'RequestFailedEvent').map(
    (kind): Attack =>
      (events) =>
        events.map((event) =>
          event.type.startsWith('0xdaa5::k8s') ? stored('k8s_scheduler', kind, event.bytes) : event,
        ),
  ),
  fc.constant<Attack>((events) =>
    events.map((event) => ({ ...event, type: event.type.replace('0xdaa5', '0xdaa6') })),
  ),
);

/**
 * Events that are handed over are taken only when they lead to the head; events that were taken as they came are found
 * out by the head.
 */
function expectRefused(until: LogHead, events: readonly RawEvent[]): void {
  expect(new EventLog(LOG).leadsTo(events, until)).toBe(false);
  expect(events.length >= until.seq && isBelieved(events.slice(0, until.seq), until)).toBe(false);
}

function isBelieved(events: readonly RawEvent[], until: LogHead): boolean {
  try {
    logAfter(events).check(until);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(EnclaveError);
    return false;
  }
}

test('what was written is followed to its proven head, from every part of it', () => {
  fc.assert(
    fc.property(drafts, at, (items, cut) => {
      const events = write(items);
      const until = headAfter(events);
      const known = cut % (events.length + 1);
      expect(new EventLog(LOG).leadsTo(events, until)).toBe(true);
      const log = logAfter(events.slice(0, known));
      expect(log.leadsTo(events.slice(known), until)).toBe(true);
      for (const event of events.slice(known)) log.take(event);
      log.check(until);
    }),
    { numRuns: RUNS / 4 },
  );
});

test('every gap, swap, forgery and truncation, and any of them together, is noticed', () => {
  let attacked = 0;
  fc.assert(
    fc.property(drafts, fc.array(attack, { minLength: 1, maxLength: 4 }), (items, attacks) => {
      const events = write(items);
      const changed = attacks.reduce((list, change) => change(list), events);
      // What follows the last event is not for this head to judge.
      fc.pre(!isSame(changed.slice(0, events.length), events));
      attacked += 1;
      expectRefused(headAfter(events), changed);
    }),
    { numRuns: RUNS },
  );
  expect(attacked).toBe(RUNS);
});

test('events beyond the head do not lead to it', () => {
  fc.assert(
    fc.property(drafts, draft, (items, more) => {
      const events = write(items);
      const longer = write([...items, more]);
      expect(new EventLog(LOG).leadsTo(longer, headAfter(events))).toBe(false);
    }),
    { numRuns: RUNS / 4 },
  );
});

test('another history that is consistent in itself does not fit the head', () => {
  fc.assert(
    fc.property(drafts, drafts, at, (items, others, cut) => {
      const events = write(items);
      const forked = write([...items.slice(0, cut % items.length), ...others]);
      fc.pre(!isSame(forked.slice(0, events.length), events));
      expectRefused(headAfter(events), forked);
    }),
    { numRuns: RUNS },
  );
});

test("another object's log is none of this one's", () => {
  fc.assert(
    fc.property(drafts, (items) => {
      const foreign = write(items, OTHER);
      expect(new EventLog(LOG).leadsTo(foreign, headAfter(foreign, OTHER))).toBe(false);
      expectRefused(headAfter(write(items)), foreign);
    }),
    { numRuns: RUNS / 4 },
  );
});
