import { beforeEach, expect, test } from 'vitest';
import { AddressLimit, networkOf } from './address-limit.ts';

let now: number;
let limit: AddressLimit;

beforeEach(() => {
  now = 0;
  limit = new AddressLimit({ connections: 2, perSecond: 2 }, () => now);
});

const isTaken = (answer: ReturnType<AddressLimit['take']>) => typeof answer === 'function';

test('an address has its connections at once and no more, until one has ended', () => {
  const leave = limit.take('192.0.2.1') as () => void;
  limit.take('192.0.2.1');
  expect(limit.take('192.0.2.1')).toBe('address');
  expect(isTaken(limit.take('192.0.2.2'))).toBe(true);
  leave();
  expect(isTaken(limit.take('192.0.2.1'))).toBe(true);
});

test('an address has four seconds of connections at once, and then so many a second', () => {
  const open = () => {
    const answer = limit.take('192.0.2.1');
    if (typeof answer === 'function') answer();
    return isTaken(answer) ? 'taken' : answer;
  };
  expect(Array.from({ length: 10 }, open)).toEqual([...Array(8).fill('taken'), 'rate', 'rate']);
  now += 500;
  expect([open(), open()]).toEqual(['taken', 'rate']);
  now += 3_600_000;
  expect(Array.from({ length: 9 }, open)).toEqual([...Array(8).fill('taken'), 'rate']);
});

test('addresses of one IPv6 /64 share its connections, those of the next have their own', () => {
  limit.take('2001:db8::1');
  limit.take('2001:db8:0:0:ffff::2');
  expect(limit.take('2001:db8::3')).toBe('address');
  expect(isTaken(limit.take('2001:db8:0:1::1'))).toBe(true);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('any number of addresses is remembered in bounded memory, and each still has its share', () => {
  for (let i = 0; i < 100_000; i += 1) {
    const answer = limit.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(isTaken(answer)).toBe(true);
    (answer as () => void)();
  }
  expect(limit.remembered).toBeLessThanOrEqual(16_384);
});
