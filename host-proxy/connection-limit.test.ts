import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitConnections } from './connection-limit.ts';

let server: Server;
let refused: number;
const clients: Socket[] = [];

beforeEach(async () => {
  refused = 0;
  const greet = (socket: Socket) =>
    void socket
      .on('error', () => socket.destroy())
      .resume()
      .write('hello');
  server = createServer(limitConnections(greet, 2, () => (refused += 1))).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server.close();
});

/** Connects and returns the first word, or nothing when the connection was cut off. */
async function dial(): Promise<string> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  clients.push(client);
  const [word] = await Promise.race([once(client, 'data'), once(client, 'close')]);
  return word instanceof Buffer ? String(word) : '';
}

test('what is over the limit is cut off, and a place that becomes free is taken', async () => {
  expect([await dial(), await dial(), await dial()]).toEqual(['hello', 'hello', '']);
  expect(refused).toBe(1);
  const [accepted] = clients;
  const left = new Promise((resolve) => accepted!.once('close', resolve));
  accepted!.end();
  await left;
  expect(await dial()).toBe('hello');
});
