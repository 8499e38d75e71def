import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { afterEach, expect, test } from 'vitest';
import { HostServices } from './host-services.ts';

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step();
});

/** A host that notes how many events each request holds, and answers as it is told to. */
async function host(status = 200, answer: object = {}) {
  const requests: { seq: number }[][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push(JSON.parse(Buffer.concat(chunks).toString()).events);
    response.writeHead(status).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const { port } = server.address() as AddressInfo;
  const vsock = { connect: async () => connect(port, '127.0.0.1') } as unknown as Vsock;
  return { services: new HostServices(vsock), requests };
}

const events = (count: number, size: number) =>
  Array.from({ length: count }, (_, index) => ({
    logId: '0x1',
    seq: index + 1,
    type: '0x1::m::E',
    bytes: new Uint8Array(size),
  }));

test('events go to the host in requests of at most 1,000, in order, each once', async () => {
  const { services, requests } = await host();
  await services.keep('0x1', events(2_500, 48));
  expect(requests.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(requests.flat().map(({ seq }) => seq)).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1));
});

test('large events go in smaller requests, which the host takes', async () => {
  const { services, requests } = await host();
  await services.keep('0x1', events(90, 100_000));
  expect(requests.flat()).toHaveLength(90);
  for (const request of requests) expect(JSON.stringify(request).length).toBeLessThan(8 << 20);
});

test('without events nothing is asked of the host', async () => {
  const { services, requests } = await host();
  await services.keep('0x1', []);
  expect(requests).toEqual([]);
});

test('a transaction that would fail, by the word of who is to pay, counts as refused by the chain', async () => {
  const { services } = await host(422, {
    code: 'fails',
    detail: 'operator aborts with ENotLeader',
    command: 0,
  });
  await expect(services.sponsor(new Uint8Array(1), '0x1')).rejects.toMatchObject({
    name: 'ChainRefusal',
    message: expect.stringContaining('operator aborts with ENotLeader'),
    command: 0,
  });
});

test('whatever else a host does not do is its own fault', async () => {
  const { services } = await host(429, { code: 'budget', detail: 'the pot is empty' });
  const failure = { code: 'host', message: expect.stringContaining('the pot is empty') };
  await expect(services.sponsor(new Uint8Array(1), '0x1')).rejects.toMatchObject(failure);
});
