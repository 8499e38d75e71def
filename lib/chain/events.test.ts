import { expect, test } from 'vitest';
import { encodeEvent, parseEvent } from './events.ts';

const TYPE = '0x1::worker_registry::WorkerStatusChangedEvent';
const FIELDS = { logId: `0x${'11'.repeat(32)}`, seq: '7', nodeId: 'worker-1', oldStatus: 0, newStatus: 1 };
const BYTES = encodeEvent('WorkerStatusChangedEvent', FIELDS);

test('an event is read back as it was written', () => {
  expect(parseEvent(TYPE, BYTES)).toEqual({ kind: 'WorkerStatusChangedEvent', ...FIELDS });
});

test('an event begins with its log and number', () => {
  expect(Buffer.from(BYTES.subarray(0, 40)).toString('hex')).toBe(`${'11'.repeat(32)}0700000000000000`);
});

test.each([
  ['a byte more', Buffer.concat([BYTES, Buffer.of(0)])],
  ['a byte less', BYTES.subarray(0, -1)],
  ['nothing', new Uint8Array()],
  ['a length that is not the shortest', Buffer.from(BYTES).fill(0x88, 40, 41)],
])('%s is no event', (_, bytes) => {
  expect(() => parseEvent(TYPE, bytes)).toThrow(expect.objectContaining({ code: 'event' }));
});

test.each(['0x1::worker_registry::Worker', '0x1::x::constructor', '0x1::x::__proto__', ''])(
  '%j is no kind of event',
  (type) => {
    expect(() => parseEvent(type, BYTES)).toThrow(expect.objectContaining({ code: 'event' }));
  },
);
