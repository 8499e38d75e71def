import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpHandler } from './http.ts';

let listener: Server;

beforeEach(async () => {
  const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 };
  const server = createServer(limits, (request, response) => {
    request.on('error', () => undefined).on('end', () => response.end('whole'));
    request.resume();
  });
  listener = createTcpServer(httpHandler(server)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
});

afterEach(() => void listener.close());

/** Says something, nothing more, and returns all that comes back until the other side closes. */
function say(bytes: string): Promise<string> {
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  socket.write(bytes);
  return text(socket);
}

test('a whole request is answered', async () => {
  const request = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab';
  expect(await say(request)).toMatch(/^HTTP\/1\.1 200 .*whole$/s);
});

test.each([
  ['a line', 'GET / HT'],
  ['headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-'],
  ['a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc'],
])('a peer that never ends %s is cut off', async (_name, bytes) => {
  expect(await say(bytes)).toMatch(/^HTTP\/1\.1 408 /);
});
