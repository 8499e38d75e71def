import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HostProxyError } from './error.ts';
import { jsonService } from './json-service.ts';
import { Metrics } from './metrics.ts';

let server: Server;
let url: string;

beforeEach(async () => {
  const routes = {
    'POST /echo': async ({ body }: { body: unknown }) => body,
    'GET /refuse': async () => {
      throw new HostProxyError('refused', 'Cannot do that');
    },
  };
  server = createServer(jsonService(routes, new Metrics(), pino({ level: 'silent' }))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => void server.close());

test('a route answers with JSON', async () => {
  const response = await fetch(`${url}/echo`, { method: 'POST', body: '{"a":1}' });
  expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
});

test.each([
  ['an unknown path', '/none', {}, 404, 'request'],
  ['a path that every object has', '/__proto__', {}, 404, 'request'],
  ['another method', '/echo', { method: 'PUT' }, 404, 'request'],
  ['a body that is not JSON', '/echo', { method: 'POST', body: '{' }, 400, 'request'],
  ['a body over the limit', '/echo', { method: 'POST', body: 'x'.repeat(9 << 20) }, 400, 'request'],
  ['a refusal', '/refuse', {}, 403, 'refused'],
])('%s is a problem document', async (_name, path, init, status, code) => {
  const response = await fetch(url + path, init);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect([response.status, await response.json()]).toEqual([
    status,
    expect.objectContaining({ status, code }),
  ]);
});

test.each([
  '\x00\x01\x02\r\n\r\n',
  'GET /\r\n\r\n',
  `GET / HTTP/1.1\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`,
  'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
])('malformed HTTP %j is turned down and the service goes on', async (bytes) => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(bytes);
  expect(await text(socket).catch(() => '')).not.toContain('200 OK');
  expect((await fetch(`${url}/echo`, { method: 'POST', body: '1' })).status).toBe(200);
});
