import { once } from 'node:events';
import { createServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect as dial, type Server } from 'node:net';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Credential } from '../credential/issue.ts';
import type { Connection } from './connection.ts';
import { forwardPort } from './port-forward.ts';

type Receive = Parameters<Connection['connect']>[2];
type Socket = Awaited<ReturnType<Connection['connect']>>;

const [DATA, PROBLEM] = [0, 1];
/** Each stream begins with the port. */
const PORT = Buffer.from([0x90, 0x1f]);

/** A pod that answers what it gets, at a pace of its own. */
class FakePod implements Connection {
  path = '';
  got = '';
  bufferedAmount = 0;
  protocol = 'v4.channel.k8s.io';
  onclose: (() => void) | undefined;
  pauses = 0;
  isClosed = false;
  receive: NonNullable<Receive> = () => true;

  async connect(path: string, _text: unknown, receive: Receive): Promise<Socket> {
    this.path = path;
    this.receive = receive ?? this.receive;
    for (const stream of [DATA, PROBLEM]) this.receive(stream, PORT);
    return this as unknown as Socket; // of which nothing else is used
  }

  send(bytes: Buffer): void {
    this.got += bytes.subarray(1);
    this.receive(DATA, Buffer.from(`you said ${bytes.subarray(1)}`));
  }

  pause(): void {
    this.pauses += 1;
  }

  resume(): void {}

  close(): void {
    this.isClosed = true;
  }
}

let kubernetes: HttpsServer;
let forwarded: Server | undefined;
let credential: Credential;
let status: number;

beforeEach(async () => {
  status = 200;
  const { tls } = await generateKeys(['127.0.0.1']);
  const pod = { metadata: { name: 'web-1', creationTimestamp: '' }, status: { phase: 'Running' } };
  kubernetes = createServer({ key: tls.key, cert: tls.certificate }, (_request, response) =>
    response.writeHead(status).end(JSON.stringify(status === 200 ? pod : { message: 'no' })),
  );
  kubernetes.listen(0, '127.0.0.1');
  await once(kubernetes, 'listening');
  const server = `https://127.0.0.1:${(kubernetes.address() as AddressInfo).port}`;
  credential = {
    ...{ server, ca: tls.certificate, certificate: tls.certificate, key: tls.key.toString() },
    ...{ expiresAtMs: 0, namespace: 'u-test', namespaces: ['u-test'], role: 'developer' },
  };
});

afterEach(() => {
  kubernetes.closeAllConnections();
  kubernetes.close();
  forwarded?.close();
});

async function open(pod: FakePod) {
  const told: string[] = [];
  const forwarding = { name: 'web', namespace: undefined, localPort: 0, podPort: 8080 };
  forwarded = await forwardPort(
    async () => credential,
    forwarding,
    (text) => told.push(text),
    pod,
  );
  const { port, address } = forwarded.address() as AddressInfo;
  expect(address).toBe('127.0.0.1');
  return { told, port, client: dial({ port, host: '127.0.0.1', allowHalfOpen: true }) };
}

async function readAll(client: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of client) text += chunk;
  return text;
}

test('a client that has said all that it wants gets the whole answer', async () => {
  const pod = new FakePod();
  const { client, told } = await open(pod);
  client.end('hello');
  await expect.poll(() => pod.got).toBe('hello');
  expect(pod.isClosed).toBe(false);
  pod.receive(DATA, Buffer.from(', and more'));
  pod.onclose?.();
  expect(await readAll(client)).toBe('you said hello, and more');
  expect(pod.path).toBe('/api/v1/namespaces/u-test/pods/web-1/portforward?ports=8080');
  await expect.poll(() => pod.isClosed).toBe(true);
  expect(told).toEqual([]);
});

test('no more is read from the pod than the client takes', async () => {
  const pod = new FakePod();
  const { client } = await open(pod);
  client.pause();
  client.write('all');
  await expect.poll(() => pod.got).toBe('all');
  for (let sent = 0; sent < 400; sent += 1) pod.receive(DATA, Buffer.alloc(1 << 16));
  await expect.poll(() => pod.pauses).toBeGreaterThan(0);
  client.destroy();
  await expect.poll(() => pod.isClosed).toBe(true);
});

test('why a port is not reached is told, and the next connection is served', async () => {
  const pod = new FakePod();
  const { client, port, told } = await open(pod);
  client.write('a');
  await expect.poll(() => pod.got).toBe('a');
  pod.receive(PROBLEM, Buffer.from('connection refused'));
  expect(told).toEqual(['connection refused']);
  client.destroy();
  status = 403;
  const second = dial(port, '127.0.0.1');
  await once(second, 'close');
  expect(told.at(-1)).toContain('no (403)');
  status = 200;
  const third = dial(port, '127.0.0.1');
  third.write('b');
  await expect.poll(() => pod.got).toBe('ab');
  third.destroy();
});
