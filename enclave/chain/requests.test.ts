import { decodeEvent } from '@daasvader/chain/events.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { beforeEach, expect, test } from 'vitest';
import {
  MAX_BYTES_PER_OWNER,
  MAX_OBJECTS_PER_OWNER,
  type RequestEvent,
  Requests,
  type ScheduledRequest,
} from './requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** What knows Kubernetes says which object it is; here it is a ConfigMap, and anything else no proper request. */
function objectOf({ path, name, body }: ScheduledRequest): string | undefined {
  if (!path.startsWith(configMaps)) return undefined;
  const named = path.slice(configMaps.length + 1) || name;
  return `ConfigMap/${named || JSON.parse(Buffer.from(body ?? []).toString()).metadata.name}`;
}

let chain = new FakeChain();
let requests = new Requests(objectOf);
let writer = chain.seat(() => undefined);

beforeEach(() => {
  chain = new FakeChain();
  requests = new Requests(objectOf);
  writer = chain.seat((raw) => {
    const event = decodeEvent(raw);
    if (event && 'requestId' in event) requests.apply(event as RequestEvent);
  });
});

function configMap(name: string, size = 1): Asked {
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'x'.repeat(size) } };
  return { path: configMaps, manifest };
}

/** What the operator says, by the contract's function. */
const say = (name: string, id: bigint, ...values: unknown[]) =>
  writer.submit({
    subject: name,
    party: OWNER,
    label: name,
    needed: () => true,
    build: (tx, act) => tx.moveCall({ target: `::${name}`, arguments: [0, act, id, ...values, 0] as never }),
  });
const ids = () => requests.desired.map(({ requestId }) => Number(requestId));
const bytes = () => requests.desired.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);

test('of each object the last request that was carried out is kept, and what has not ended', async () => {
  await say('complete_request', chain.ask(configMap('a')));
  await say('complete_request', chain.ask(configMap('a')));
  await say('fail_request', chain.ask(configMap('a')), 'bad', false);
  await say('fail_request', chain.ask(configMap('b')), 'late', true);
  chain.ask(configMap('c'));
  expect(ids()).toEqual([2, 4, 5]);
});

test('of deletions, of which any number may be open, little more than their options is kept', () => {
  for (let index = 0; index < 100; index += 1) {
    const { manifest } = configMap('a', 10_000) as { manifest: object };
    chain.ask({ method: 'DELETE', path: `${configMaps}/a`, manifest });
  }
  expect(ids()).toHaveLength(100);
  expect(bytes()).toBe(100 * 1_025);
});

test('a request that is told to be done late does not take the place of a later one, nor of a deletion', async () => {
  const [first, second, third] = [configMap('a'), configMap('a'), configMap('b')].map((one) =>
    chain.ask(one),
  );
  const gone = chain.ask({ method: 'DELETE', path: `${configMaps}/b`, name: 'b' });
  await say('complete_request', second!);
  await say('complete_request', gone);
  expect(requests.get(first!)?.isSuperseded).toBe(true);
  await say('complete_request', first!);
  await say('complete_request', third!);
  expect(ids()).toEqual([2]);
});

test('a thousand requests that are cancelled at once leave little behind, and nothing when they are settled', async () => {
  const before = chain.ask(configMap('a', 8_000));
  for (let index = 0; index < 1_000; index += 1) chain.cancel(chain.ask(configMap(`n${index}`, 8_000)));
  expect(bytes()).toBeLessThan(34 * 8_192);
  for (let id = before + 1n; requests.get(id) !== undefined; id += 1n)
    await say('settle_cancelled_request', id, 0);
  expect(ids()).toEqual([Number(before)]);
});

test('a body in pieces is put together', () => {
  chain.ask(configMap('a', 8_000));
  expect(JSON.parse(Buffer.from(requests.get(1n)!.body!).toString()).data.a).toHaveLength(8_000);
});

test('an owner has room for so many bytes, in which what takes the place of another counts once', async () => {
  const size = 90_000;
  const count = Math.floor(MAX_BYTES_PER_OWNER / (size + 100));
  for (let index = 0; index < count; index += 1)
    await say('complete_request', chain.ask(configMap(`n${index}`, size)));
  expect(requests.hasRoom(OWNER, 'ConfigMap/another', size)).toBe(false);
  expect(requests.hasRoom(OWNER, 'ConfigMap/n0', size)).toBe(true);
  await say('complete_request', chain.ask(configMap('n0', size)));
  expect(bytes()).toBeLessThan(MAX_BYTES_PER_OWNER);
  await say('complete_request', chain.ask({ method: 'DELETE', path: `${configMaps}/n0`, name: 'n0' }));
  expect(requests.hasRoom(OWNER, 'ConfigMap/another', size)).toBe(true);
});

test('what is to be forgotten of an owner is, and of nobody else', async () => {
  const other = `0x${'b0'.repeat(32)}`;
  const asked = [configMap('a'), configMap('b'), { ...configMap('a'), owner: other }];
  for (const one of asked) await say('complete_request', chain.ask(one));
  requests.forget(OWNER, ({ requestId }) => requestId !== 2n);
  expect(ids()).toEqual([2, 3]);
});

test('workers are remembered that the chain was told of', async () => {
  const id = chain.ask(configMap('a'));
  await say('assign_worker', id, ['worker-1', 'worker-2']);
  await say('assign_worker', id, ['worker-2']);
  expect(requests.get(id)?.workers).toEqual(['worker-1', 'worker-2']);
});

test('an owner has room for a bounded number of objects, and always for those that are there', async () => {
  for (let index = 0; index < MAX_OBJECTS_PER_OWNER; index += 1)
    await say('complete_request', chain.ask(configMap(`n${index}`)));
  const { owner } = requests.desired[0]!;
  expect(owner).toBe(OWNER);
  expect(requests.hasRoom(owner, 'ConfigMap/another', 0)).toBe(false);
  expect(requests.hasRoom(`0x${'b0'.repeat(32)}`, 'ConfigMap/another', 0)).toBe(true);
  const deletion = { method: 'DELETE', path: `${configMaps}/n0`, name: 'n0' };
  await say('complete_request', chain.ask(deletion));
  expect(requests.hasRoom(owner, 'ConfigMap/another', 0)).toBe(true);
});

test('a cancelled request that changed something is kept, one that left nothing is not', async () => {
  const [changed, removed] = ['a', 'b'].map((name) => chain.ask(configMap(name)));
  for (const id of [changed!, removed!]) {
    await say('start_request', id);
    chain.cancel(id);
  }
  await say('settle_cancelled_request', changed!, 2);
  await say('settle_cancelled_request', removed!, 1);
  expect(ids()).toEqual([Number(changed)]);
});

test('a request that is no proper one is kept until it has ended', async () => {
  const bad = chain.ask({ path: '/api/v1/nodes' });
  expect(ids()).toEqual([1]);
  await say('fail_request', bad, 'bad', false);
  expect(ids()).toEqual([]);
});
