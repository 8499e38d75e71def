import { TLSSocket } from 'node:tls';
import type { Context } from 'koa';
import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

test('each client has its own count, all have one together, and both begin anew after a minute', () => {
  let now = 0;
  const limit = new RateLimit(2, 3, () => now);
  const [a, b] = [{}, {}];
  expect([limit.allow(a), limit.allow(a), limit.allow(a)]).toEqual([true, true, false]);
  expect([limit.allow(b), limit.allow(b)]).toEqual([true, false]);
  now = 60_000;
  expect([limit.allow(a), limit.allow(b)]).toEqual([true, true]);
});

test('what is refused to one client takes nothing from the others', () => {
  const limit = new RateLimit(1, 2);
  for (let i = 0; i < 10; i += 1) limit.allow('wild');
  expect(limit.allow('other')).toBe(true);
});

test('clients of port 6443 share a socket and not a count; over our own TLS nobody names a connection', async () => {
  const limit = new RateLimit(1, 10).middleware();
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
