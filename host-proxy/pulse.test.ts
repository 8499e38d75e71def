import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { pulseHandler } from './pulse.ts';

const MIB = 1 << 20;
let server: Server;
let metrics: Metrics;
let client: Socket;
let accepted: Socket;

beforeEach(async () => {
  metrics = new Metrics();
  const handle = pulseHandler(metrics);
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted = socket;
    handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
});

afterEach(() => {
  client.destroy();
  server.close();
});

const lastPulse = async () => (await metrics.lastPulse.get()).values[0]?.value;

test('each pulse is echoed and remembered', async () => {
  client.write(Buffer.of(0xb7));
  expect((await once(client, 'data'))[0]).toEqual(Buffer.of(0xb7));
  expect(await lastPulse()).toBeGreaterThan(0);
});

test('another byte ends the connection and is no pulse', async () => {
  client.write(Buffer.of(0xb7, 0x00));
  await once(client.resume(), 'close');
  expect(await lastPulse()).toBe(0);
});

test('who never reads the echo is read no further', async () => {
  client.pause();
  const chunk = Buffer.alloc(MIB, 0xb7);
  let sent = 0;
  while (sent < 256 * MIB) {
    const taken = new Promise<boolean>((resolve) => client.write(chunk, () => resolve(true)));
    const stalled = new Promise<boolean>((resolve) => setTimeout(resolve, 500, false));
    if (!(await Promise.race([taken, stalled]))) break;
    sent += MIB;
  }
  expect(sent).toBeLessThan(64 * MIB);
  expect(accepted.writableLength).toBeLessThan(MIB);
});
