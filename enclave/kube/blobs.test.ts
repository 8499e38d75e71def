import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Walrus } from '@daasvader/testbed/walrus/walrus.ts';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { type BlobLimits, WalrusBlobs } from './blobs.ts';

const LIMITS: BlobLimits = { attempts: 4, attemptsPerOwner: 2, timeoutMs: 200, pauseMs: 5, maxPauseMs: 20 };
const OWNER = `0x${'1'.repeat(64)}`;
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

let walrus: Walrus;
const servers: Server[] = [];

beforeAll(async () => {
  walrus = await Walrus.start();
  return () => walrus.close();
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function publish(bytes: Uint8Array): Promise<Buffer> {
  const answer = await fetch(`${walrus.url}/v1/blobs?epochs=1`, {
    method: 'PUT',
    body: new Uint8Array(bytes),
  });
  const { newlyCreated } = (await answer.json()) as { newlyCreated: { blobObject: { blobId: string } } };
  return Buffer.from(newlyCreated.blobObject.blobId, 'base64url');
}

/** An aggregator that does what it likes. */
async function lying(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const blobsOf = (aggregator: string | undefined) => new WalrusBlobs(aggregator, fetch, LIMITS);

test('a blob comes whole, up to 3 MiB, and one that is published later is waited for', async () => {
  const blobs = blobsOf(`${walrus.url}/`);
  const [bytes, later] = [randomBytes(3 << 20), randomBytes(300_000)];
  const signal = AbortSignal.timeout(20_000);
  const id = await publish(bytes);
  expect(digestOf(await blobs.fetch(id, digestOf(bytes), bytes.length, OWNER, signal))).toEqual(
    digestOf(bytes),
  );
  const other = await Walrus.start();
  const laterId = createHash('sha256').update('daasvader testbed walrus').update(later).digest();
  const waiting = blobsOf(other.url).fetch(laterId, digestOf(later), later.length, OWNER, signal);
  await fetch(`${other.url}/v1/blobs`, { method: 'PUT', body: new Uint8Array(later) });
  expect(digestOf(await waiting)).toEqual(digestOf(later));
  await other.close();
});

test.each<{ lie: string; answer: Uint8Array | number; says: RegExp }>([
  { lie: 'other bytes of the same size', answer: Buffer.from('hellO'), says: /SHA-256/ },
  { lie: 'too few bytes', answer: Buffer.from('hell'), says: /has 4 bytes, and the order says 5/ },
  { lie: 'too many bytes', answer: Buffer.from('hello '), says: /more than the 5 bytes/ },
  { lie: 'nothing', answer: 404, says: /answered 404/ },
  { lie: 'another place', answer: 302, says: /redirect/ },
  { lie: 'a failure', answer: 500, says: /answered 500/ },
])('an aggregator that serves $lie is asked until the deadline, and told', async ({ answer, says }) => {
  let asked = 0;
  const url = await lying((_request, response) => {
    asked += 1;
    if (typeof answer === 'number') response.writeHead(answer, { location: '/elsewhere' }).end();
    else response.end(answer);
  });
  const signal = AbortSignal.timeout(150);
  const id = randomBytes(32);
  await expect(blobsOf(url).fetch(id, digestOf(Buffer.from('hello')), 5, OWNER, signal)).rejects.toThrow(
    says,
  );
  expect(asked).toBeGreaterThan(1);
});

test('of a blob without end no more is read than shows that there is more', async () => {
  const cut = Promise.withResolvers<void>();
  const url = await lying((_request, response) => {
    const more = () => response.write(Buffer.alloc(65_536));
    response.on('drain', more).on('close', cut.resolve);
    more();
  });
  const stop = new AbortController();
  const blobs = new WalrusBlobs(url, fetch, { ...LIMITS, timeoutMs: 600_000, pauseMs: 600_000 });
  const waiting = blobs.fetch(randomBytes(32), randomBytes(32), 1_000, OWNER, stop.signal);
  await cut.promise;
  stop.abort();
  await expect(waiting).rejects.toThrow('more than the 1000 bytes');
});

test('a silent aggregator holds up no other owner, and an owner no more than its part', async () => {
  const open = new Map<string, number>();
  let most = 0;
  const url = await lying((request, response) => {
    const owner = request.url?.at(-43) ?? '';
    open.set(owner, (open.get(owner) ?? 0) + 1);
    most = Math.max(most, open.get(owner) ?? 0);
    response.on('close', () => open.set(owner, (open.get(owner) ?? 0) - 1));
    if (owner === 'B') response.end('hello'); // of the others nothing is heard
  });
  const blobs = new WalrusBlobs(url, fetch, { ...LIMITS, timeoutMs: 60_000 });
  const stop = new AbortController();
  const idOf = (letter: string) => Buffer.from(letter + 'A'.repeat(42), 'base64url');
  const digest = digestOf(Buffer.from('hello'));
  const many = Array.from({ length: 10 }, () => blobs.fetch(idOf('C'), digest, 5, 'many', stop.signal));
  const bytes = await blobs.fetch(idOf('B'), digest, 5, 'other', AbortSignal.timeout(5_000));
  expect(Buffer.from(bytes).toString()).toBe('hello');
  expect(most).toBe(LIMITS.attemptsPerOwner);
  stop.abort();
  for (const { status } of await Promise.allSettled(many)) expect(status).toBe('rejected');
  await blobs.fetch(idOf('B'), digest, 5, 'many', AbortSignal.timeout(5_000)); // its part is free again
});

test('where there is no aggregator it is said at once', async () => {
  const signal = AbortSignal.timeout(60_000);
  await expect(blobsOf(undefined).fetch(randomBytes(32), randomBytes(32), 5, OWNER, signal)).rejects.toThrow(
    'no Walrus aggregator',
  );
});
