import { describe, expect, test } from 'vitest';
import { decodeEvent, decodeHeartbeat, encodeEvent } from './events.ts';
import type { LogHead } from './log.ts';

const TYPE = '0x1::worker_registry::WorkerStatusChangedEvent';
const FIELDS = { logId: `0x${'11'.repeat(32)}`, seq: '7', nodeId: 'worker-1', oldStatus: 0, newStatus: 1 };
const BYTES = encodeEvent('WorkerStatusChangedEvent', FIELDS);

test('an event is read back as it was written', () => {
  expect(decodeEvent({ type: TYPE, bytes: BYTES })).toEqual({ kind: 'WorkerStatusChangedEvent', ...FIELDS });
});

test('an event begins with its log and number', () => {
  expect(Buffer.from(BYTES.subarray(0, 40)).toString('hex')).toBe(`${'11'.repeat(32)}0700000000000000`);
});

test.each([
  ['a byte less', BYTES.subarray(0, -1)],
  ['nothing', new Uint8Array()],
  ['a text that is longer than the bytes', Buffer.from(BYTES).fill(0x7f, 40, 41)],
])('%s is no event', (_, bytes) => {
  expect(() => decodeEvent({ type: TYPE, bytes })).toThrow(expect.objectContaining({ code: 'event' }));
});

test.each(['0x1::worker_registry::Worker', '0x1::x::constructor', '0x1::x::__proto__', ''])(
  '%j is no kind of event',
  (type) => {
    expect(decodeEvent({ type, bytes: BYTES })).toBeUndefined();
  },
);

describe('a heartbeat', () => {
  const head = (logId: string, seq: number) => ({ logId, seq, head: new Uint8Array(32).fill(seq) });
  const heads = [1, 2, 3, 4].map((n) => head(`0x${`0${n}`.repeat(32)}`, n));
  const [registry, workers, staking, scheduler] = heads as [LogHead, LogHead, LogHead, LogHead];
  const numbers = { epoch: 1, term: 2, stateVersion: 3, timestampMs: 5_000 };
  const beat = { registry, workers, staking, scheduler, ...numbers, auditHead: new Uint8Array(32) };
  const stated = { heads, epoch: 1n, term: 2n, timestampMs: 5_000 };

  test('states the head of every log', () => {
    const bytes = encodeEvent('HeartbeatEvent', { ...beat, anchor: null });
    expect(decodeHeartbeat(bytes)).toEqual({ ...stated, anchor: undefined });
  });

  test('states up to where the sealed state is durable', () => {
    const anchor = { generation: 1n, position: 2n, digest: new Uint8Array(32).fill(3), bytes: 4n };
    const bytes = encodeEvent('HeartbeatEvent', { ...beat, anchor });
    expect(decodeHeartbeat(bytes)).toEqual({ ...stated, anchor });
  });
});
