import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { encodeEvent } from './events.ts';
import { EMPTY_HEAD, foldHead, LOG_PREFIX_BYTES, logPrefix } from './log.ts';

const LOG = `0x${'11'.repeat(32)}`;

/** The vector that the Move tests of the event log assert as well. */
const HEAD = '15df4830b273c666f30d62f2a67791276067a70d85c9bce0576d3405a67651ac';
const MOVE_TESTS = new URL('../../contracts/tests/event_log_tests.move', import.meta.url);

test('the head has the bytes of the vector that the contracts’ own tests assert', async () => {
  const events = [
    { type: '0x2::sui::SUI', bytes: Buffer.from('one') },
    { type: '0x2::object::ID', bytes: Buffer.from('two') },
  ];
  expect(Buffer.from(events.reduce<Uint8Array>(foldHead, EMPTY_HEAD)).toString('hex')).toBe(HEAD);
  expect(await readFile(MOVE_TESTS, 'utf8')).toContain(`assert_eq!(log.head(), x"${HEAD}");`);
});

test.each(['', '0x1::a', '1::a::B', '0x1::a::B<u8>', '0xG::a::B'])('%j is no type of an event', (type) => {
  expect(() => foldHead(EMPTY_HEAD, { type, bytes: new Uint8Array() })).toThrow(
    expect.objectContaining({ code: 'event' }),
  );
});

test('an event begins with its log and its number there', () => {
  const bytes = encodeEvent('SeatRevokedEvent', { logId: LOG, seq: 7, host: LOG, epoch: 9 });
  expect(logPrefix(bytes.subarray(0, LOG_PREFIX_BYTES))).toEqual({ logId: LOG, seq: 7 });
  expect(() => logPrefix(bytes.subarray(0, LOG_PREFIX_BYTES - 1))).toThrow();
});
