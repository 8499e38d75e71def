import { namespaceOf } from '@daasvader/verifier/user.ts';
import { describe, expect, test } from 'vitest';
import type { ScheduledRequest } from '../chain/requests.ts';
import { replayOf } from './replay.ts';

const ALICE = `0x${'a1'.repeat(32)}`;
const BOB = `0x${'b0'.repeat(32)}`;
const OWN = namespaceOf(ALICE);
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

function flat(changes: Partial<ScheduledRequest> = {}): ScheduledRequest {
  return {
    ...{ requestId: 7n, method: 'POST', path: DEPLOYMENTS, namespace: 'default', atMs: 0 },
    ...{ name: 'web', labels: '', containerName: 'web', image: 'nginx:alpine', port: '80' },
    ...{
      requester: ALICE,
      owner: ALICE,
      query: '',
      contentType: '',
      body: undefined,
      size: 0,
      blob: undefined,
    },
    ...changes,
  };
}

const NO_ARGUMENTS = { name: '', containerName: '', image: '', port: '' };

/** An order with a body. */
function whole(changes: Partial<ScheduledRequest> & { object?: object | string } = {}): ScheduledRequest {
  const { object = { metadata: { name: 'web' } }, ...rest } = changes;
  const body = Buffer.from(typeof object === 'string' ? object : JSON.stringify(object));
  return flat({ ...NO_ARGUMENTS, contentType: 'application/json', body, size: body.length, ...rest });
}

const objectIn = ({ body }: { body: Uint8Array | undefined }) => JSON.parse(Buffer.from(body!).toString());

describe('a body is replayed as it is', () => {
  test('at the path of the owner', () => {
    const object = '{ "metadata": { "name": "web" }, "unknown": 1.0 }';
    const replay = replayOf(whole({ object }));
    expect(replay).toMatchObject({
      ...{ method: 'POST', path: `/apis/apps/v1/namespaces/${OWN}/deployments` },
      ...{ contentType: 'application/json', query: { fieldValidation: 'Strict' } },
      ...{ name: 'web', write: { key: `deployments.apps/${OWN}/web`, effect: 'base' } },
    });
    expect(Buffer.from(replay.body!).toString()).toBe(object);
  });

  test.each([
    ['PUT', 'application/json'],
    ['PATCH', 'application/json-patch+json'],
    ['PATCH', 'application/merge-patch+json'],
    ['PATCH', 'application/strategic-merge-patch+json; charset=UTF-8'],
    ['PATCH', 'application/apply-patch+yaml'],
    ['DELETE', 'application/json'],
    ['DELETE', 'application/vnd.kubernetes.protobuf'],
  ])('by %s of %s', (method, contentType) => {
    const replay = replayOf(whole({ method, contentType, path: `${DEPLOYMENTS}/web`, object: '!' }));
    expect(replay).toMatchObject({ method, name: 'web', path: expect.stringMatching(/deployments\/web$/) });
    expect(contentType).toContain(replay.contentType);
    expect(Buffer.from(replay.body!).toString()).toBe('!');
  });

  test('with what of the query says what is to be done', () => {
    const query =
      'fieldManager=kubectl-client-side-apply&force=true&fieldValidation=Ignore&pretty=1&timeout=9s';
    expect(replayOf(whole({ query })).query).toEqual({
      ...{ fieldManager: 'kubectl-client-side-apply', force: 'true', fieldValidation: 'Strict' },
    });
    const deletion = { method: 'DELETE', path: `${DEPLOYMENTS}/web`, contentType: '', object: '' };
    const options = 'propagationPolicy=Foreground&gracePeriodSeconds=0';
    const { body, query: told } = replayOf(whole({ ...deletion, query: options }));
    expect(told).toEqual({ propagationPolicy: 'Foreground', gracePeriodSeconds: '0' });
    expect(body).toBeUndefined();
  });

  test('of a scale, which is of its object', () => {
    const scale = whole({ method: 'PUT', path: `${DEPLOYMENTS}/web/scale`, object: {} });
    expect(replayOf(scale)).toMatchObject({
      path: `/apis/apps/v1/namespaces/${OWN}/deployments/web/scale`,
      write: { key: `deployments.apps/${OWN}/web`, effect: 'patch' },
    });
  });

  test('with a name that is only in its path to order by', () => {
    const replay = replayOf(whole({ path: `${DEPLOYMENTS}/web`, object: '?' }));
    expect(replay).toMatchObject({ name: 'web', path: `/apis/apps/v1/namespaces/${OWN}/deployments` });
  });
});

describe('its name is told, as well as that can be', () => {
  test.each([
    [{ metadata: { name: 'a.b' } }, 'a.b'],
    [{ metadata: { generateName: 'job-' } }, 'job-00007'],
    [{ metadata: { generateName: 'x'.repeat(70) } }, `${'x'.repeat(58)}00007`],
    [{ metadata: { name: 7 } }, undefined],
    [{ metadata: { name: '../../../../v1/secrets' } }, undefined],
    [{ metadata: { name: 'web?watch=true' } }, undefined],
    [{ metadata: { name: '..' } }, undefined],
    [{ metadata: { generateName: '../../../nodes?' } }, undefined],
    ['{', undefined],
    ['null', undefined],
  ])('of %j it is %s', (object, name) => {
    const replay = replayOf(whole({ object }));
    expect([replay.name, replay.write.key]).toEqual([name, `deployments.apps/${OWN}/${name ?? '?7'}`]);
  });

  test.each([
    ['metadata { name: "web" }', '0a050a03776562', 'web'],
    ['metadata { generateName: "web-" }, and more', '0a0612047765622d1001', 'web-00007'],
    ['metadata { name: "../x" }', '0a060a042e2e2f78', undefined],
    ['what ends within a field', '0a0a0a03776562', undefined],
    ['what is too long', '0affffffffffffffffff01', undefined],
    ['nothing', '', undefined],
  ])('of protobuf %s', (_, raw, name) => {
    const bytes = Buffer.from(raw, 'hex');
    const unknown = Buffer.concat([Buffer.from('0a020a0012', 'hex'), Buffer.of(bytes.length), bytes]);
    const body = Buffer.concat([Buffer.from('k8s\0'), unknown]);
    const contentType = 'application/vnd.kubernetes.protobuf';
    expect(replayOf(whole({ contentType, body })).name).toBe(name);
  });
});

describe('flat arguments', () => {
  test('become a server-side apply, without what they do not say', () => {
    const replay = replayOf(flat());
    expect(replay).toMatchObject({
      ...{ method: 'PATCH', path: `/apis/apps/v1/namespaces/${OWN}/deployments/web` },
      ...{ contentType: 'application/apply-patch+yaml', isFlat: true },
      query: { fieldManager: 'daasvader', force: 'true', fieldValidation: 'Strict' },
    });
    expect(objectIn(replay)).toEqual({
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels: { app: 'web' } } },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'nginx:alpine', ports: [{ containerPort: 80 }] }] },
        },
      },
    });
  });

  test('make a Service that selects the workload of the same name', () => {
    const replay = replayOf(flat({ path: '/api/v1/namespaces/default/services', image: '' }));
    expect(objectIn(replay).spec).toEqual({
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 80 }],
    });
  });

  test('delete what belongs to it too', () => {
    const replay = replayOf(flat({ method: 'DELETE', path: `${DEPLOYMENTS}/web` }));
    expect(replay).toMatchObject({ method: 'DELETE', query: { propagationPolicy: 'Background' } });
  });

  test.each([
    ['are not enough for a ConfigMap', { path: '/api/v1/namespaces/default/configmaps' }, /need a body/],
    ['have one name', { method: 'PUT', path: `${DEPLOYMENTS}/other` }, /names disagree/],
    ['have a name', { name: '' }, /not a DNS label/],
    ['have a port that is one', { port: '0' }, /port/],
    ['have labels that are some', { labels: 'a=b=c' }, /labels/],
    ['make no scale', { method: 'PUT', path: `${DEPLOYMENTS}/web/scale` }, /needs a body/],
  ])('%s', (_, changes, reason) => {
    expect(() => replayOf(flat(changes))).toThrow(reason);
  });
});

describe('what was granted a role', () => {
  const at = (namespace: string, owner = BOB) => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    return replayOf(whole({ owner, namespace, path }));
  };
  test.each([namespaceOf(BOB), `${namespaceOf(BOB)}-b`])('goes to the owner of %s', (namespace) => {
    expect(at(namespace).target.namespace).toBe(namespace);
  });

  test.each([
    ["the requester's own namespace under another owner", OWN],
    ['`default` under another owner', 'default'],
    ["a namespace that begins like the owner's", `${namespaceOf(BOB)}b`],
    ['the namespace of the system', 'kube-system'],
  ])('is not %s', (_, namespace) => {
    expect(() => at(namespace)).toThrow('not its owner');
  });
});

test.each<[string, Partial<ScheduledRequest>, RegExp]>([
  ['a method that reads', { method: 'GET' }, /method "GET"/],
  ['another namespace in the path', { path: '/api/v1/namespaces/kube-system/pods' }, /is another/],
  ['what has no namespace', { path: '/api/v1/nodes' }, /it is not/],
  ['a path that goes up', { path: '/api/v1/namespaces/default/pods/..' }, /is not a name/],
  ['a path with an escape', { path: '/api/v1/namespaces/default/pods/a%2fb' }, /is not a name/],
  ['a Secret', { path: '/api/v1/namespaces/default/secrets' }, /public/],
  ['a shell', { path: '/api/v1/namespaces/default/pods/web/exec' }, /pods\/exec cannot/],
  ['a status', { method: 'PUT', path: `${DEPLOYMENTS}/web/status` }, /deployments\/status cannot/],
  ['all of a kind', { method: 'DELETE' }, /takes a name/],
  ['a dry run', { query: 'dryRun=All' }, /"dryRun" cannot be replayed/],
  ['a dry run in other letters', { query: 'dry%52un=All' }, /"dryRun" cannot be replayed/],
  ['a parameter twice', { query: 'force=true&force=false' }, /twice/],
  ['YAML', { contentType: 'application/yaml' }, /"application\/yaml" cannot be replayed by POST/],
  [
    'a replacement in protobuf, which could not be brought back in an empty cluster',
    { method: 'PUT', path: `${DEPLOYMENTS}/web`, contentType: 'application/vnd.kubernetes.protobuf' },
    /protobuf" cannot be replayed by PUT; send application\/json/,
  ],
  ['a patch as an object', { contentType: 'application/merge-patch+json' }, /cannot be replayed by POST/],
  ['an object as a patch', { method: 'PATCH', path: `${DEPLOYMENTS}/web` }, /cannot be replayed by PATCH/],
  ['a body of no type', { contentType: '' }, /cannot be replayed/],
  [
    'options without end',
    { method: 'DELETE', path: `${DEPLOYMENTS}/web`, size: 1_025 },
    /options of a deletion have 1025 bytes/,
  ],
])('refuses %s', (_, changes, reason) => {
  expect(() => replayOf(whole(changes))).toThrow(reason);
});
