import { decodeEvent } from '@daasvader/chain/events.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  MAX_BYTES_PER_OWNER,
  MAX_DELETION_BYTES,
  MAX_REQUESTS_PER_OWNER,
  type RequestEvent,
  Requests,
  type ScheduledRequest,
  type WriteOf,
} from './requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** What knows Kubernetes says what a request does; here it is about ConfigMaps and Jobs, and anything else is no proper request. */
function objectOf({ method, path, contentType, name, body, query }: ScheduledRequest): WriteOf | undefined {
  const [, resource, inPath] = /\/(configmaps|jobs)(?:\/(.+))?$/.exec(path) ?? [];
  if (resource === undefined) return undefined;
  const named = inPath || name || JSON.parse(Buffer.from(body ?? []).toString()).metadata.name;
  const key = `${resource}.${resource === 'jobs' ? 'batch' : ''}/default/${named}`;
  if (method === 'DELETE') return { key, effect: 'delete' };
  if (method !== 'PATCH') return { key, effect: 'base' };
  return contentType.includes('apply') ? { key, effect: 'apply', manager: query } : { key, effect: 'patch' };
}

const keyOf = (name: string): WriteOf => ({ key: `configmaps./default/${name}`, effect: 'base' });

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

test('of deletions, of which any number may be open, no more than small bodies are kept', () => {
  const { manifest } = configMap('a', 10_000) as { manifest: object };
  for (let index = 0; index < 100; index += 1)
    chain.ask({ method: 'DELETE', path: `${configMaps}/a`, manifest });
  expect(ids()).toHaveLength(100);
  expect(bytes()).toBe(100 * MAX_DELETION_BYTES);
  expect(requests.get(1n)?.size).toBeGreaterThan(10_000); // so that whoever carries it out knows
});

describe('what was done to one object', () => {
  const path = `${configMaps}/a`;
  const { manifest } = configMap('a') as { manifest: object };
  const [create, replace] = [configMap('a'), { method: 'PUT', path, manifest }];
  const patch = { method: 'PATCH', path, contentType: 'application/merge-patch+json', manifest };
  const apply = (manager: string): Asked => ({
    ...patch,
    contentType: 'application/apply-patch+yaml',
    query: manager,
  });
  const remove = { method: 'DELETE', path };

  test.each<[string, Asked[], number[]]>([
    ['patches build upon what was created', [create, patch, patch], [1, 2, 3]],
    ['a replacement ends what was before', [create, patch, replace, patch], [3, 4]],
    ['a deletion leaves nothing', [create, patch, remove], []],
    ['after a deletion it begins anew', [create, patch, remove, create, patch], [4, 5]],
    ['who applies again says all that counts', [apply('x'), apply('x'), apply('x')], [3]],
    ['what others applied counts beside it', [apply('x'), apply('y'), apply('y')], [1, 3]],
    [
      'what made the object stays while others built upon it',
      [apply('x'), apply('y'), apply('x')],
      [1, 2, 3],
    ],
    [
      'and is followed by the last of its manager only',
      [apply('x'), apply('y'), apply('x'), apply('x')],
      [1, 2, 4],
    ],
    ['what a patch may build upon stays', [create, apply('x'), patch, apply('x')], [1, 2, 3, 4]],
    ['who applies to what another created leaves that', [create, apply('x'), apply('x')], [1, 3]],
  ])('%s', async (_, asked, kept) => {
    for (const each of asked) await say('complete_request', chain.ask(each));
    expect(ids()).toEqual(kept);
  });

  test('counts in the order in which it was asked for, however late its end is told', async () => {
    const [first, second, third] = [create, patch, patch].map((each) => chain.ask(each));
    for (const id of [third!, second!]) await say('complete_request', id);
    expect(requests.get(first!)?.isSuperseded).toBe(false); // what came later needs it
    await say('complete_request', first!);
    expect(ids()).toEqual([1, 2, 3]);
  });

  test('counts not at all when it failed', async () => {
    for (const each of [create, patch]) await say('complete_request', chain.ask(each));
    await say('fail_request', chain.ask(replace), 'bad', false);
    await say('fail_request', chain.ask(patch), 'late', true);
    expect(ids()).toEqual([1, 2, 4]);
  });

  test('fills the room of its owner, patch by patch, until it is made anew', async () => {
    const write: WriteOf = { ...keyOf('a'), effect: 'patch' };
    await say('complete_request', chain.ask(create));
    for (let index = 1; index < MAX_REQUESTS_PER_OWNER; index += 1)
      await say('complete_request', chain.ask(patch));
    expect(ids()).toHaveLength(MAX_REQUESTS_PER_OWNER);
    expect(requests.hasRoom(OWNER, write, 0)).toBe(false);
    expect(requests.hasRoom(OWNER, keyOf('b'), 0)).toBe(false);
    expect(requests.hasRoom(OWNER, keyOf('a'), 0)).toBe(true);
    await say('complete_request', chain.ask(replace));
    expect(requests.hasRoom(OWNER, write, 0)).toBe(true);
  });
});

test('a Job does not come back when its request has ended, nor does what changed it', async () => {
  const jobs = '/apis/batch/v1/namespaces/default/jobs';
  const job = chain.ask({ path: jobs, manifest: { metadata: { name: 'j' } } });
  expect(ids()).toEqual([1]);
  await say('complete_request', job);
  const contentType = 'application/merge-patch+json';
  await say('complete_request', chain.ask({ method: 'PATCH', path: `${jobs}/j`, contentType, manifest: {} }));
  expect(ids()).toEqual([]);
});

test('a body that lies elsewhere counts with its whole size, and is not here', async () => {
  const size = MAX_BYTES_PER_OWNER - 10;
  const digest = new Uint8Array(32).fill(7);
  const id = chain.ask({ method: 'PUT', path: `${configMaps}/a`, digest, size });
  expect(requests.get(id)).toMatchObject({
    size,
    blob: { digest, size, blobId: digest },
    body: Buffer.alloc(0),
  });
  expect(requests.hasRoom(OWNER, keyOf('b'), 11)).toBe(true); // as it is not carried out
  await say('complete_request', id);
  expect(requests.hasRoom(OWNER, keyOf('b'), 11)).toBe(false);
  expect(requests.hasRoom(OWNER, keyOf('b'), 10)).toBe(true);
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
  expect(requests.hasRoom(OWNER, keyOf('another'), size)).toBe(false);
  expect(requests.hasRoom(OWNER, keyOf('n0'), size)).toBe(true);
  await say('complete_request', chain.ask(configMap('n0', size)));
  expect(bytes()).toBeLessThan(MAX_BYTES_PER_OWNER);
  await say('complete_request', chain.ask({ method: 'DELETE', path: `${configMaps}/n0`, name: 'n0' }));
  expect(requests.hasRoom(OWNER, keyOf('another'), size)).toBe(true);
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
  for (let index = 0; index < MAX_REQUESTS_PER_OWNER; index += 1)
    await say('complete_request', chain.ask(configMap(`n${index}`)));
  const { owner } = requests.desired[0]!;
  expect(owner).toBe(OWNER);
  expect(requests.hasRoom(owner, keyOf('another'), 0)).toBe(false);
  expect(requests.hasRoom(`0x${'b0'.repeat(32)}`, keyOf('another'), 0)).toBe(true);
  const deletion = { method: 'DELETE', path: `${configMaps}/n0`, name: 'n0' };
  await say('complete_request', chain.ask(deletion));
  expect(requests.hasRoom(owner, keyOf('another'), 0)).toBe(true);
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
