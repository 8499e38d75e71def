import { decodeEvent } from '@daasvader/chain/events.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { beforeEach, expect, test } from 'vitest';
import { MAX_OBJECTS_PER_OWNER, type RequestEvent, Requests, type ScheduledRequest } from './requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** What knows Kubernetes says which object it is; here it is a ConfigMap, and anything else no proper request. */
function objectOf({ path, name, manifest }: ScheduledRequest): string | undefined {
  if (!path.startsWith(configMaps)) return undefined;
  const named = path.slice(configMaps.length + 1) || name;
  return `ConfigMap/${named || JSON.parse(Buffer.from(manifest).toString()).metadata.name}`;
}

let chain = new FakeChain();
let requests = new Requests(objectOf);
let writer = chain.seat(() => undefined);

beforeEach(() => {
  chain = new FakeChain();
  requests = new Requests(objectOf);
  writer = chain.seat((raw) => requests.apply(decodeEvent(raw) as RequestEvent));
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
    build: (tx) => tx.moveCall({ target: `::${name}`, arguments: [0, 0, 0, id, ...values, 0] as never }),
  });
const ids = () => requests.desired.map(({ requestId }) => Number(requestId));
const bytes = () => requests.desired.reduce((sum, { manifest }) => sum + manifest.length, 0);

test('of each object the last request that was carried out is kept, and what has not ended', async () => {
  await say('complete_request', chain.ask(configMap('a')));
  await say('complete_request', chain.ask(configMap('a')));
  await say('fail_request', chain.ask(configMap('a')), 'bad', false);
  await say('fail_request', chain.ask(configMap('b')), 'late', true);
  chain.ask(configMap('c'));
  expect(ids()).toEqual([2, 4, 5]);
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

test('deletions, which no limit holds back, are kept without their manifests', () => {
  chain.ask({ ...configMap('a', 8_000), method: 'DELETE', path: `${configMaps}/a` });
  expect(bytes()).toBe(0);
  expect(ids()).toEqual([1]);
});

test('an owner has room for a bounded number of objects, and always for those that are there', async () => {
  for (let index = 0; index < MAX_OBJECTS_PER_OWNER; index += 1)
    await say('complete_request', chain.ask(configMap(`n${index}`)));
  const { owner } = requests.desired[0]!;
  expect(owner).toBe(OWNER);
  expect(requests.hasRoom(owner, 'ConfigMap/another')).toBe(false);
  expect(requests.hasRoom(`0x${'b0'.repeat(32)}`, 'ConfigMap/another')).toBe(true);
  const deletion = { method: 'DELETE', path: `${configMaps}/n0`, name: 'n0' };
  await say('complete_request', chain.ask(deletion));
  expect(requests.hasRoom(owner, 'ConfigMap/another')).toBe(true);
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
