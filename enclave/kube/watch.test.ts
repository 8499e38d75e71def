import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubernetesObject } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Kubernetes } from './kubernetes.ts';
import { watchObjects } from './watch.ts';

const PATH = '/api/v1/things';
const object = (name: string, resourceVersion: string): KubernetesObject => ({
  metadata: { name, uid: name, resourceVersion },
});

/** An API server with one resource: what it holds, who watches, and from where on. */
const world = { items: [object('a', '1')], version: '1', lists: 0, from: [] as string[] };
let watching: ServerResponse[] = [];
let told: string[] = [];
let stop = new AbortController();
let done: Promise<void> = Promise.resolve();
let isBroken = false;
let unwanted = '';

const server = createServer(({ url }, response) => {
  const query = new URL(url ?? '', 'http://x').searchParams;
  if (!query.has('watch')) {
    world.lists += 1;
    response.end(JSON.stringify({ items: world.items, metadata: { resourceVersion: world.version } }));
    return;
  }
  expect(query.get('allowWatchBookmarks')).toBe('true');
  world.from.push(query.get('resourceVersion') ?? '');
  response.writeHead(200).flushHeaders();
  watching.push(response);
});

beforeEach(async () => {
  Object.assign(world, { items: [object('a', '1')], version: '1', lists: 0, from: [] });
  [watching, told, stop, isBroken, unwanted] = [[], [], new AbortController(), false, ''];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubernetes = new Kubernetes(`http://127.0.0.1:${port}`, () => ({ ca: '', cert: '', key: '' }));
  done = watchObjects(kubernetes, {
    path: PATH,
    log: pino({ enabled: false }),
    signal: stop.signal,
    pick: (whole) => (whole.metadata?.name === unwanted ? undefined : whole),
    onObject: ({ metadata }, phase) => {
      told.push(`${phase} ${metadata?.name}`);
      if (isBroken) throw new Error('cannot take it');
    },
  });
  await expect.poll(() => watching).toHaveLength(1);
});

afterEach(async () => {
  stop.abort();
  server.closeAllConnections();
  server.close();
  await done;
});

const send = (type: string, sent: object) =>
  watching.at(-1)?.write(`${JSON.stringify({ type, object: sent })}\n`);

test('what is there is told once, and each change and end as it comes', async () => {
  send('ADDED', object('b', '2'));
  send('MODIFIED', object('b', '3'));
  send('DELETED', object('a', '4'));
  await expect.poll(() => told).toEqual(['present a', 'present b', 'present b', 'deleted a']);
});

test('after an interruption it goes on where it stopped, by its last bookmark, and lists nothing', async () => {
  send('BOOKMARK', object('', '7'));
  send('ADDED', object('b', '8'));
  send('BOOKMARK', object('', '9'));
  await expect.poll(() => told).toHaveLength(2);
  watching.at(-1)?.destroy();
  await expect.poll(() => world.from).toEqual(['1', '9']);
  expect(world.lists).toBe(1);
  send('ADDED', object('c', '10'));
  await expect.poll(() => told).toEqual(['present a', 'present b', 'present c']);
});

test('when Kubernetes has forgotten that point it lists anew, and what is gone is told', async () => {
  Object.assign(world, { items: [object('b', '20')], version: '20' });
  send('ERROR', { kind: 'Status', code: 410 });
  watching.at(-1)?.end();
  await expect.poll(() => world.from).toEqual(['1', '20']);
  expect(world.lists).toBe(2);
  expect(told.slice(1).sort()).toEqual(['deleted a', 'present b']);
});

test('whoever cannot take an object is told of the next one', async () => {
  isBroken = true;
  send('ADDED', object('b', '2'));
  send('ADDED', object('c', '3'));
  await expect.poll(() => told).toEqual(['present a', 'present b', 'present c']);
});

test('what is not wanted is as though it were not there, and gone as soon as it is wanted no more', async () => {
  unwanted = 'b';
  send('ADDED', object('b', '2'));
  send('DELETED', object('b', '3'));
  send('ADDED', object('c', '4'));
  await expect.poll(() => told).toEqual(['present a', 'present c']);
  unwanted = 'c';
  send('MODIFIED', object('c', '5'));
  send('DELETED', object('c', '6'));
  send('MODIFIED', object('a', '7'));
  await expect.poll(() => told).toEqual(['present a', 'present c', 'deleted c', 'present a']);
});
