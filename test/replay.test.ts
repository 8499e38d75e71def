import type { Answers } from '@daasvader/enclave/kube/answers.ts';
import type { Reply } from '@daasvader/enclave/kube/api-server.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf, userOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1ConfigMap, V1Deployment, V1Service } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

// Orders are requests to the real API server, replayed: what that means where a request is not the same twice.

const SOON = { timeout: 60_000, interval: 50 };
const NAMESPACE = namespaceOf(OWNER);
const CORE = '/api/v1/namespaces/default';
const CONFIG_MAPS = `${CORE}/configmaps`;
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const APPLY = 'application/apply-patch+yaml';
const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

let server: BareServer;
let kubernetes: Kubernetes;
let answers: Answers;
/** What comes of an answer on its way; may throw. */
let onReply: (reply: Reply) => Promise<Reply>;
/** What was replayed, such as `POST configmaps`. */
let replayed: string[] = [];
const chain = new FakeChain();

/** Kubernetes as an enclave reaches it. */
const reached = () => ({
  find: <T extends KubernetesObject>(path: string) => kubernetes.find<T>(path),
  remove: (path: string, uid: string) => kubernetes.remove(path, uid),
  isReady: () => kubernetes.isReady(),
  replay: async (...[replay, as]: Parameters<Kubernetes['replay']>) => {
    replayed.push(`${replay.method} ${replay.target.resource}`);
    return onReply(await kubernetes.replay(replay, as));
  },
});

async function boot() {
  const tracker = {
    outcome: async () => ({ state: 'ready', reason: '' }) as const,
    replaced: () => undefined,
    forget: () => undefined,
  };
  const tenants = (roles: ConstructorParameters<typeof Tenants>[1]) => new Tenants(kubernetes, roles);
  ({ answers } = await bootEnclave(chain, { kubernetes: reached(), tracker, tenants }));
}

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  onReply = async (reply) => reply;
  await boot();
});

afterAll(() => server?.[Symbol.asyncDispose]());

beforeEach(() => {
  onReply = async (reply) => reply;
  replayed = [];
});

/** The next write is done, and the server ends before anybody hears of it. */
function loseNext(): void {
  onReply = async () => {
    onReply = async (reply) => reply;
    await server.crash();
    throw new TypeError('fetch failed', { cause: new Error('other side closed') });
  };
}

const becomes = (id: bigint, status: string | RegExp) =>
  expect.poll(() => chain.status(id), SOON).toMatch(status);
const find = <T extends KubernetesObject>(path: string) =>
  kubernetes.find<T>(path.replace('/default/', `/${NAMESPACE}/`));
async function answerTo(id: bigint) {
  const answer = await answers.of(id, userOf(OWNER), 10_000);
  if (answer === undefined || answer === 'pending') throw new Error(`no answer to ${id}`);
  return { ...answer, object: JSON.parse(Buffer.from(answer.body).toString()) };
}

const configMap = (name: string, data: object = { a: '1' }): Asked => ({
  path: CONFIG_MAPS,
  manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
});
const container = { name: 'c', image: 'busybox', args: ['one'] };
const deployment = (name: string, containers: object[] = [container]): Asked => ({
  path: DEPLOYMENTS,
  manifest: {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
    spec: {
      ...{ replicas: 0, selector: { matchLabels: { app: name } } },
      template: { metadata: { labels: { app: name } }, spec: { containers } },
    },
  },
});
const service = (name: string, clusterIP: string): Asked => ({
  path: `${CORE}/services`,
  manifest: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { clusterIP, ports: [{ port: 80 }] },
  },
});
const patch = (path: string, contentType: string, manifest: object, query = ''): Asked => ({
  ...{ method: 'PATCH', path, contentType, manifest, query },
});
const done = async (asked: Asked) => {
  const id = chain.ask(asked);
  await becomes(id, 'COMPLETED');
  return id;
};

test('every verb, content type and part is replayed, and answered as Kubernetes answers', async () => {
  const name = `${CONFIG_MAPS}/verbs`;
  expect(await answerTo(chain.ask(configMap('verbs')))).toMatchObject({
    ...{ status: 201, contentType: 'application/json' },
    object: { kind: 'ConfigMap', metadata: { annotations: { 'daasvader.io/request-id': '1' } } },
  });
  await done(patch(name, MERGE, { data: { b: '2' } }));
  await done(patch(name, 'application/strategic-merge-patch+json', { data: { c: '3' } }));
  await done(patch(name, JSON_PATCH, [{ op: 'add', path: '/data/d', value: '4' }]));
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', data: { e: '5' } };
  await done(patch(name, APPLY, applied, 'fieldManager=test&force=true'));
  expect((await find<V1ConfigMap>(name))?.data).toEqual({ a: '1', b: '2', c: '3', d: '4', e: '5' });
  await done({ ...configMap('verbs', { f: '6' }), method: 'PUT', path: name });
  expect((await find<V1ConfigMap>(name))?.data).toEqual({ f: '6' });
  await done({ method: 'DELETE', path: name, manifest: { propagationPolicy: 'Foreground' } });
  // The deletion is accepted; the garbage collector ends it.
  await expect.poll(() => find(name), SOON).toBeUndefined();
  await done(deployment('verbs'));
  const scale = { metadata: { name: 'verbs' }, spec: { replicas: 2 } };
  await done(patch(`${DEPLOYMENTS}/verbs/scale`, MERGE, scale));
  expect((await find<V1Deployment>(`${DEPLOYMENTS}/verbs`))?.spec?.replicas).toBe(2);
});

test('flat arguments change what they say, and nothing else', async () => {
  const web = `${DEPLOYMENTS}/web`;
  await done({});
  expect((await find<V1Deployment>(web))?.spec?.template.spec?.containers[0]?.image).toBe('nginx');
  await done(patch(`${web}/scale`, MERGE, { spec: { replicas: 4 } }));
  await done({ image: 'nginx:2' });
  const { spec } = (await find<V1Deployment>(web))!;
  expect([spec?.replicas, spec?.template.spec?.containers[0]?.image]).toEqual([4, 'nginx:2']);
  await done({ method: 'DELETE', path: web });
  expect(await find(web)).toBeUndefined();
  await done({ method: 'DELETE', path: web }); // its absence is the goal
});

describe('what was written before the server ended, and nobody heard of it, is written once:', () => {
  const name = `${DEPLOYMENTS}/once`;
  const args = async () => (await find<V1Deployment>(name))?.spec?.template.spec?.containers[0]?.args;

  test('an object', async () => {
    loseNext();
    const id = await done(deployment('once'));
    expect(replayed).toEqual(['POST deployments']);
    expect(await answerTo(id)).toMatchObject({ status: 201, object: { metadata: { name: 'once' } } });
  });

  test('a JSON patch', async () => {
    loseNext();
    const path = '/spec/template/spec/containers/0/args/-';
    await done(patch(name, JSON_PATCH, [{ op: 'add', path, value: 'two' }]));
    expect(await args()).toEqual(['one', 'two']);
  });

  test('a replacement of this very version', async () => {
    const before = (await find<V1Deployment>(name))!;
    loseNext();
    await done({
      method: 'PUT',
      path: name,
      manifest: { ...before, spec: { ...before.spec, minReadySeconds: 3 } },
    });
    expect((await find<V1Deployment>(name))?.spec?.minReadySeconds).toBe(3);
  });

  test('an object whose name Kubernetes makes', async () => {
    loseNext();
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-' } };
    const id = await done({ path: CONFIG_MAPS, manifest });
    const { items } = await kubernetes.list(`/api/v1/namespaces/${NAMESPACE}/configmaps`);
    const made = items.map(({ metadata }) => metadata?.name).filter((each) => each?.startsWith('made-'));
    expect(made).toEqual([(await answerTo(id)).object.metadata.name]);
  });

  test('an object in protobuf, whose name only Kubernetes reads', async () => {
    loseNext();
    const id = await done({
      path: CONFIG_MAPS,
      contentType: PROTOBUF,
      body: protobufConfigMap('unread', true),
    });
    expect(replayed.length).toBeGreaterThan(1);
    expect((await answerTo(id)).status).toBe(201);
  });

  test('a deletion', async () => {
    loseNext();
    const id = await done({ method: 'DELETE', path: name, name: 'once' });
    expect(await answerTo(id)).toMatchObject({ status: 200, object: { status: 'Success' } });
    expect(await find(name)).toBeUndefined();
  });
});

describe('what is refused is refused once, in the words of Kubernetes:', () => {
  test.each<[string, Asked, number, RegExp]>([
    [
      'a patch that has not the form of its kind',
      patch(
        `${DEPLOYMENTS}/typed`,
        APPLY,
        {
          ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
          spec: { template: { spec: { containers: [{ name: 'c', env: [{ name: 'A' }, { name: 'A' }] }] } } },
        },
        'fieldManager=test',
      ),
      500,
      /failed to create typed patch object/,
    ],
    [
      'a field that there is not',
      { path: CONFIG_MAPS, manifest: { ...configMap('x').manifest, unknown: 1 } },
      400,
      /strict decoding error: unknown field "unknown"/,
    ],
    [
      'a kind that takes another role',
      { ...deployment('x'), path: DEPLOYMENTS.replace('deployments', 'daemonsets') },
      403,
      /cannot create resource "daemonsets"/,
    ],
    [
      'a kind that nobody writes',
      { ...configMap('x'), path: `${CORE}/endpoints` },
      403,
      /cannot create resource "endpoints"/,
    ],
    [
      'a kind that there is not',
      { ...configMap('x'), path: `${CORE}/things` },
      403,
      /cannot create resource "things"/,
    ],
    ['what is there', configMap('there'), 409, /configmaps "there" already exists/],
    [
      'a deletion that is a dry run',
      { method: 'DELETE', path: `${CONFIG_MAPS}/there`, manifest: { dryRun: ['All'] } },
      403,
      /dry run/i,
    ],
    ['a patch of what is not there', patch(`${CONFIG_MAPS}/absent`, MERGE, {}), 404, /"absent" not found/],
    [
      'a namespace in the body',
      {
        path: CONFIG_MAPS,
        manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'other' } },
      },
      400,
      /does not match the namespace/,
    ],
    ['bytes that are no object', { path: CONFIG_MAPS, body: Buffer.from('{') }, 400, /./],
  ])('%s', async (_, asked, code, message) => {
    if (!(await find(`${CONFIG_MAPS}/there`))) await done(configMap('there'));
    replayed = [];
    const id = chain.ask(asked);
    await becomes(id, /^FAILED/);
    expect(chain.status(id)).toMatch(message);
    expect(chain.applied(id)).toBe(false);
    if (code !== 403) expect(replayed).toHaveLength(1); // a denial is asked about once more
    expect(await answerTo(id)).toMatchObject({ status: code, object: { kind: 'Status', code } });
    expect(await find(`${CONFIG_MAPS}/there`)).toBeDefined();
  });

  test('a write that another overtook', async () => {
    const name = `${CONFIG_MAPS}/raced`;
    await done(configMap('raced'));
    const before = await find<V1ConfigMap>(name);
    await done(patch(name, MERGE, { data: { b: '2' } }));
    replayed = [];
    const id = chain.ask({ method: 'PUT', path: name, manifest: { ...before, data: { c: '3' } } });
    await becomes(id, /^FAILED: .*the object has been modified/);
    expect(await answerTo(id)).toMatchObject({ status: 409, object: { reason: 'Conflict' } });
    expect(replayed).toEqual(['PUT configmaps']);
    expect((await find<V1ConfigMap>(name))?.data).toEqual({ a: '1', b: '2' });
  });

  test('an address of a Service that is taken, although a dry run lets it pass', async () => {
    const taken = service('second', '10.43.7.7');
    await done(service('first', '10.43.7.7'));
    const dry = await server.call(
      ...(['POST', `/api/v1/namespaces/${NAMESPACE}/services?dryRun=All`, server.administrator] as const),
      taken.manifest,
      { 'impersonate-user': userOf(OWNER) },
    );
    expect(dry.status).toBe(201);
    const id = chain.ask(taken);
    await becomes(id, /^FAILED: .*provided IP is already allocated/);
    expect((await answerTo(id)).status).toBe(422);
    expect(await find<V1Service>(`${CORE}/services/second`)).toBeUndefined();
  });
});

test('a replacement that changes nothing is completed', async () => {
  const name = `${CONFIG_MAPS}/same`;
  await done(configMap('same'));
  const manifest = (await find<V1ConfigMap>(name))!;
  const id = await done({ method: 'PUT', path: name, manifest });
  const { metadata, data } = (await find<V1ConfigMap>(name))!;
  expect([metadata?.annotations, data]).toEqual([{ 'daasvader.io/request-id': `${id}` }, { a: '1' }]);
});

test('a template that leaves to the cluster what its pods need is accepted without a warning', async () => {
  const { status, warnings } = await answerTo(await done(deployment('unsaid')));
  expect({ status, warnings }).toEqual({ status: 201, warnings: [] });
});

test('protobuf is replayed as it is', async () => {
  await done({ path: CONFIG_MAPS, contentType: PROTOBUF, body: protobufConfigMap('proto') });
  const made = await find<V1ConfigMap>(`${CONFIG_MAPS}/proto`);
  expect(made).toMatchObject({ data: { a: '1' }, metadata: { name: 'proto' } });
});

test('what is created by an order that is called off is removed, and nothing else', async () => {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  onReply = async (reply) => {
    await held;
    return reply;
  };
  const created = chain.ask(configMap('created'));
  await expect.poll(() => find(`${CONFIG_MAPS}/created`), SOON).toBeDefined();
  chain.cancel(created);
  letGo();
  await becomes(created, 'CANCELLED: 1');
  expect(await find(`${CONFIG_MAPS}/created`)).toBeUndefined();
});

test('an enclave that starts again brings back what is missing, and does nothing twice', async () => {
  const [kept, gone] = [`${DEPLOYMENTS}/kept`, `${CONFIG_MAPS}/gone`];
  const path = '/spec/template/spec/containers/0/args/-';
  await done(deployment('kept'));
  await done(patch(kept, JSON_PATCH, [{ op: 'add', path, value: 'two' }]));
  await done(configMap('gone'));
  await done({ ...configMap('gone', { b: '2' }), method: 'PUT', path: gone });
  const replaced = (await find<V1ConfigMap>(gone))!;
  await done({ method: 'PUT', path: gone, manifest: { ...replaced, data: { c: '3' } } });
  await kubernetes.remove(gone.replace('/default/', `/${NAMESPACE}/`), replaced.metadata?.uid ?? '');
  await boot();
  await expect.poll(() => find<V1ConfigMap>(gone), SOON).toMatchObject({ data: { c: '3' } });
  const containers = (await find<V1Deployment>(kept))?.spec?.template.spec?.containers;
  expect(containers?.[0]?.args).toEqual(['one', 'two']);
});

/** A field of bytes, as protobuf has it. */
function field(number: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 127) throw new RangeError('too long for one byte');
  return Buffer.concat([Buffer.of(number * 8 + 2, bytes.length), bytes]);
}

/** A ConfigMap in protobuf, in an envelope that says what it is. @param isOdd whether its metadata is in two parts */
function protobufConfigMap(name: string, isOdd = false): Buffer {
  const entry = Buffer.concat([field(1, 'a'), field(2, '1')]);
  const metadata = field(1, field(1, name));
  const object = Buffer.concat([metadata, field(2, entry), ...(isOdd ? [field(1, '')] : [])]);
  const type = Buffer.concat([field(1, 'v1'), field(2, 'ConfigMap')]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, object)]);
}
