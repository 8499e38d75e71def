import { TLSSocket } from 'node:tls';
import type { Context } from 'koa';
import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

const LIMITS = { perClient: 100, seldom: 10, perRoute: 1_000, clients: 10_000 };

function limitAt(limits = LIMITS) {
  const clock = { ms: 0 };
  const limit = new RateLimit(limits, () => clock.ms);
  const answered = (client: string | object, route: string, requests: number) => {
    let count = 0;
    for (let i = 0; i < requests; i += 1) count += Number(limit.allow(client, route));
    return count;
  };
  return { clock, answered };
}

test('each client has its own count, which comes back with time', () => {
  const { clock, answered } = limitAt();
  expect(answered('a', 'x', 150)).toBe(100);
  expect(answered('b', 'x', 1)).toBe(1);
  clock.ms = 30_000;
  expect(answered('a', 'x', 150)).toBe(50);
});

test('connections that ask much leave alone those who ask seldom', () => {
  const { clock, answered } = limitAt();
  for (clock.ms = 0; clock.ms < 60_000; clock.ms += 1_000) {
    for (let wild = 0; wild < 60; wild += 1) answered(`wild ${wild}`, 'join', 10);
    expect(answered(`worker ${clock.ms}`, 'join', 5)).toBe(5);
  }
});

test('a flood on one route, over ever new connections, leaves the other routes alone', () => {
  const { answered } = limitAt();
  let flooded = 0;
  for (let i = 0; i < 5_000; i += 1) flooded += answered(`new ${i}`, 'attestation', 1);
  expect(flooded).toBe(1_000);
  expect(answered('worker', 'join', 5)).toBe(5);
});

test('what is refused takes nothing from the others', () => {
  const { answered } = limitAt({ ...LIMITS, perClient: 1, perRoute: 2 });
  answered('wild', 'x', 100);
  expect(answered('other', 'x', 1)).toBe(1);
});

test('clients are forgotten when they have been idle, and not before', () => {
  const { clock, answered } = limitAt({ ...LIMITS, clients: 2 });
  answered('a', 'x', 1);
  answered('b', 'x', 100);
  expect(answered('c', 'x', 1)).toBe(0);
  clock.ms = 10_000;
  expect(answered('c', 'x', 1)).toBe(1); // in place of a
  expect(answered('b', 'x', 100)).toBeLessThan(20);
});

test('clients of port 6443 share a socket and not a count; over our own TLS nobody names a connection', async () => {
  const limit = new RateLimit({ ...LIMITS, perClient: 1 }).middleware(() => 'x');
  const call = (socket: unknown, connection?: string) => {
    const headers = connection === undefined ? {} : { 'x-daasvader-connection': connection };
    return limit(
      { socket, req: { headers }, set: () => undefined } as unknown as Context,
      async () => undefined,
    );
  };
  const shared = {};
  await call(shared, '127.0.0.1:1');
  await call(shared, '127.0.0.1:2');
  await expect(call(shared, '127.0.0.1:1')).rejects.toMatchObject({ status: 429 });
  const tls = Object.create(TLSSocket.prototype);
  await call(tls, 'a');
  await expect(call(tls, 'b')).rejects.toMatchObject({ status: 429 });
});
