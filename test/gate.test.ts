import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, BareServer, type Caller, objectIn } from '@daasvader/testbed/cluster/bare-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// The real API server, and a user whose role in a tenant's namespace holds back nothing: what the gate alone refuses.

const NS = 'tenant';
const USER = `sui:${'a'.repeat(52)}`;
const CORE = `/api/v1/namespaces/${NS}`;
const APPS = `/apis/apps/v1/namespaces/${NS}`;
const RBAC = 'rbac.authorization.k8s.io';
const STAMP = 'daasvader.io/request-id';
const APPLY = 'application/apply-patch+yaml';
const JSON_PATCH = 'application/json-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const THROUGH_THE_CHAIN = 'through the chain';
const KIB = 1_024;

let server: BareServer;
let user: Caller;

const configMap = (name: string, data: Record<string, string> = { a: '1' }, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

const podSpec = { containers: [{ name: 'c', image: 'busybox' }] };
const pod = (name: string, spec: object = podSpec) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
  spec,
});

const deployment = (name: string, spec: object = podSpec) => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
  spec: {
    ...{ replicas: 1, selector: { matchLabels: { app: name } } },
    template: { metadata: { labels: { app: name } }, spec },
  },
});

const asUser = (method: string, path: string, body?: object, type?: string) =>
  server.call(method, path, user, body, type === undefined ? {} : { 'content-type': type });

const asAdministrator = (method: string, path: string, body?: object) =>
  server.call(method, path, server.administrator, body);

/** What the enclave sends for an order. */
const order = (id: number | string, method: string, path: string, body?: object, type?: string) =>
  server.call(method, path, server.administrator, body, {
    'impersonate-user': USER,
    'impersonate-group': 'daasvader:orders',
    'impersonate-extra-daasvader.io%2forder': `${id}`,
    ...(type !== undefined && { 'content-type': type }),
  });

const stampOf = (answer: Answer) => objectIn(answer).metadata.annotations?.[STAMP];

beforeAll(async () => {
  server = await BareServer.start();
  user = await server.caller(USER);
  await server.kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: NS,
      labels: { 'daasvader.io/managed': 'true', 'pod-security.kubernetes.io/enforce': 'restricted' },
    },
  });
  await server.kubernetes.apply({
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'everything', namespace: NS },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: USER }],
  } as never);
  while ((await asUser('GET', `${CORE}/serviceaccounts/default`)).status !== 200) await sleep(100);
  for (const [path, object] of [
    [`${CORE}/configmaps`, configMap('there')],
    [`${CORE}/pods`, pod('running')],
    [`${APPS}/deployments`, deployment('web')],
    [`${CORE}/services`, service('front')],
  ] as const)
    expect(await asAdministrator('POST', path, object), path).toMatchObject({ status: 201 });
});

afterAll(() => server?.[Symbol.asyncDispose]());

const service = (name: string, metadata: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, ...metadata } },
  spec: { ports: [{ port: 80 }] },
});

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'new', namespace: NS },
};
const event = {
  ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'new' }, reason: 'x', message: 'y' },
  involvedObject: { namespace: NS, name: 'running', kind: 'Pod' },
};
const options = { apiVersion: 'v1', kind: 'DeleteOptions' };
const binding = {
  ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name: 'running' } },
  target: { kind: 'Node', name: 'mine' },
};
const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'running' } };
const token = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['x'] } };
const scale = (replicas: number) => ({
  ...{ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web', namespace: NS } },
  spec: { replicas },
});
const role = { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: { name: 'new' }, rules: [] };

type Row = readonly [what: string, method: string, path: string, body?: object, type?: string];

const WRITES: Row[] = [
  ['a new object', 'POST', `${CORE}/configmaps`, configMap('new')],
  ['a name to be generated', 'POST', `${CORE}/configmaps`, configMap('', {}, { generateName: 'new-' })],
  ['a pod', 'POST', `${CORE}/pods`, pod('new')],
  ['an apply that makes', 'PATCH', `${CORE}/configmaps/new?fieldManager=x`, configMap('new'), APPLY],
  ['an apply that changes', 'PATCH', `${CORE}/configmaps/there?fieldManager=x`, configMap('there'), APPLY],
  ['a merge patch', 'PATCH', `${CORE}/configmaps/there`, { data: { a: '2' } }],
  ['a strategic patch', 'PATCH', `${APPS}/deployments/web`, { spec: { replicas: 3 } }, STRATEGIC],
  [
    'a JSON patch',
    'PATCH',
    `${CORE}/configmaps/there`,
    [{ op: 'add', path: '/data/b', value: '2' }],
    JSON_PATCH,
  ],
  ['a replacement', 'PUT', `${CORE}/configmaps/there`, configMap('there', { a: '2' })],
  ['a replacement that makes', 'PUT', `/apis/coordination.k8s.io/v1/namespaces/${NS}/leases/new`, lease],
  ['an event', 'POST', `${CORE}/events`, event],
  ['a deletion', 'DELETE', `${CORE}/configmaps/there`],
  ['a deletion with an empty body', 'DELETE', `${CORE}/configmaps/there`, options],
  ['the query of a deletion with a body', 'DELETE', `${CORE}/configmaps/there?dryRun=All`, options],
  ['an empty list in the body', 'DELETE', `${CORE}/configmaps/there?dryRun=All`, { ...options, dryRun: [] }],
  ['a deletion at once', 'DELETE', `${CORE}/pods/running?gracePeriodSeconds=0`],
  ['a deletion of all', 'DELETE', `${CORE}/configmaps`],
  ['the query of a deletion of all', 'DELETE', `${CORE}/configmaps?dryRun=All`, options],
  ['a scale', 'PUT', `${APPS}/deployments/web/scale`, scale(5)],
  ['a patch of the scale', 'PATCH', `${APPS}/deployments/web/scale`, { spec: { replicas: 5 } }],
  ['a status', 'PATCH', `${CORE}/pods/running/status`, { status: { phase: 'Failed' } }],
  ['a binding', 'POST', `${CORE}/pods/running/binding`, binding],
  ['a binding by another path', 'POST', `${CORE}/bindings`, binding],
  ['an eviction', 'POST', `${CORE}/pods/running/eviction`, eviction],
  [
    'an eviction with a trial in its options',
    'POST',
    `${CORE}/pods/running/eviction`,
    { ...eviction, deleteOptions: {} },
  ],
  [
    'a debug container',
    'PATCH',
    `${CORE}/pods/running/ephemeralcontainers`,
    { spec: { ephemeralContainers: [{ name: 'd', image: 'busybox' }] } },
    STRATEGIC,
  ],
  ['a token', 'POST', `${CORE}/serviceaccounts/default/token`, token],
  ['a role', 'POST', `/apis/${RBAC}/v1/namespaces/${NS}/roles`, role],
  ['the way to a Service', 'POST', `${CORE}/services/front/proxy/`],
];

/** The versions of all that is there; what controllers and leases change by themselves is not in it. */
async function everything(): Promise<string[]> {
  const paths = [`${CORE}/configmaps`, `${CORE}/services`, `${CORE}/secrets`, `${APPS}/deployments`];
  const lists = await Promise.all(paths.map((path) => asAdministrator('GET', path)));
  return lists.flatMap((list) =>
    objectIn(list).items.map(
      ({ metadata }: { metadata: { name: string; generation?: number; uid: string } }) =>
        `${metadata.name} ${metadata.uid} ${metadata.generation}`,
    ),
  );
}

test.for(WRITES)("a user's own credential does not write: %s", async ([, method, path, body, type]) => {
  const before = await everything();
  const answer = await asUser(method, path, body, type);
  expect(answer).toMatchObject({ status: 403 });
  expect(answer.text).toMatch(/through the chain|no subresource/);
  expect(await everything()).toEqual(before);
  expect((await asAdministrator('GET', `${CORE}/configmaps/new`)).status).toBe(404);
  const there = objectIn(await asAdministrator('GET', `${CORE}/configmaps/there`));
  expect(there.data).toEqual({ a: '1' });
  expect(
    objectIn(await asAdministrator('GET', `${CORE}/pods/running`)).metadata.deletionTimestamp,
  ).toBeUndefined();
});

const TRIALS: Row[] = [
  ['a new object', 'POST', `${CORE}/configmaps?dryRun=All`, configMap('new')],
  ['an apply', 'PATCH', `${CORE}/configmaps/new?fieldManager=x&dryRun=All`, configMap('new'), APPLY],
  ['a patch', 'PATCH', `${CORE}/configmaps/there?dryRun=All`, { data: { a: '2' } }],
  ['a replacement', 'PUT', `${CORE}/configmaps/there?dryRun=All`, configMap('there', { a: '2' })],
  ['a deletion', 'DELETE', `${CORE}/configmaps/there?dryRun=All`],
  ['a deletion by its body', 'DELETE', `${CORE}/configmaps/there`, { ...options, dryRun: ['All'] }],
  ['a deletion of all', 'DELETE', `${CORE}/configmaps`, { ...options, dryRun: ['All'] }],
  ['a scale', 'PUT', `${APPS}/deployments/web/scale?dryRun=All`, scale(5)],
  ['a pod', 'POST', `${CORE}/pods?dryRun=All`, pod('new')],
];

test.for(TRIALS)('a user may try, and nothing comes of it: %s', async ([, method, path, body, type]) => {
  const before = await everything();
  const { status, text } = await asUser(method, path, body, type);
  expect(status, text).toBeLessThan(300);
  expect(text).not.toContain(STAMP);
  expect(await everything()).toEqual(before);
});

test.for([
  ['a token', `${CORE}/serviceaccounts/default/token`, token],
  ['a binding', `${CORE}/pods/running/binding`, binding],
  ['an eviction', `${CORE}/pods/running/eviction`, eviction],
  [
    'an eviction by its body',
    `${CORE}/pods/running/eviction`,
    { ...eviction, deleteOptions: { dryRun: ['All'] } },
  ],
] as const)('some things cannot be tried: %s', async ([, path, body]) => {
  for (const query of ['', '?dryRun=All']) {
    const answer = await asUser('POST', `${path}${query}`, body);
    expect(answer).toMatchObject({ status: 403 });
    expect(answer.text).not.toContain('"token":');
  }
});

test('Secrets, and questions about oneself, need no order', async () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'own', labels: { 'daasvader.io/managed': 'true', app: 'x' } },
    stringData: { a: '1' },
  };
  const made = await asUser('POST', `${CORE}/secrets`, secret);
  expect(made).toMatchObject({ status: 201 });
  expect(objectIn(made).metadata).toMatchObject({ labels: { app: 'x' } });
  expect(made.text).not.toContain('"daasvader.io/managed":');
  expect(await asUser('PATCH', `${CORE}/secrets/own`, { stringData: { a: '2' } })).toMatchObject({
    status: 200,
  });
  expect(await asUser('DELETE', `${CORE}/secrets/own`)).toMatchObject({ status: 200 });
  for (const [group, kind, spec] of [
    [
      'authorization.k8s.io',
      'SelfSubjectAccessReview',
      { nonResourceAttributes: { path: '/', verb: 'get' } },
    ],
    ['authorization.k8s.io', 'SelfSubjectRulesReview', { namespace: NS }],
    ['authentication.k8s.io', 'SelfSubjectReview', undefined],
  ] as const)
    expect(
      await asUser('POST', `/apis/${group}/v1/${kind.toLowerCase()}s`, {
        apiVersion: `${group}/v1`,
        kind,
        spec,
      }),
      kind,
    ).toMatchObject({ status: 201 });
});

test.for(['exec?command=x', 'attach?stdout=true', 'portforward?ports=80'])(
  'the ways into a pod are for roles to open: %s',
  async (way) => {
    const answer = await asUser('POST', `${CORE}/pods/running/${way}`);
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining('host') }); // it runs nowhere
  },
);

test('the enclave is told whose certificate asks for an answer, and nothing else', async () => {
  const seen: unknown[] = [];
  const enclave = createServer((request, response) => {
    seen.push([request.url, request.headers['x-daasvader-user']]);
    response.end();
  });
  enclave.listen(join(server.dataDir, '../api.sock'));
  await once(enclave, 'listening');
  const node = await server.caller('system:node:w1', 'system:nodes');
  const path = '/api/v1/orders/answer?request=7';
  for (const caller of [user, {}, node, server.administrator])
    await server.call('GET', path, caller, undefined, { 'x-daasvader-user': `sui:${'v'.repeat(52)}` });
  enclave.close();
  expect(seen).toEqual([USER, undefined, undefined, undefined].map((name) => [path, name]));
});

describe('an order', () => {
  test('is stamped in the same write, however it writes', async () => {
    const path = `${CORE}/configmaps`;
    const named = `${path}/ordered`;
    expect(stampOf(await order(7, 'POST', path, configMap('ordered')))).toBe('7');
    expect(stampOf(await order(8, 'PUT', named, configMap('ordered', { a: '2' })))).toBe('8');
    expect(stampOf(await order(9, 'PATCH', named, { data: { b: '2' } }))).toBe('9');
    const add = [{ op: 'add', path: '/data/c', value: '3' }];
    expect(stampOf(await order(10, 'PATCH', named, add, JSON_PATCH))).toBe('10');
    const applied = configMap('ordered', { d: '4' });
    expect(stampOf(await order(11, 'PATCH', `${named}?fieldManager=x`, applied, APPLY))).toBe('11');
    const made = await order(12, 'PATCH', `${path}/applied?fieldManager=x`, configMap('applied'), APPLY);
    expect([made.status, stampOf(made)]).toEqual([201, '12']);
    const lying = configMap('ordered', {}, { annotations: { [STAMP]: '1', 'daasvader.io/x': 'y' } });
    const replaced = await order(13, 'PUT', named, lying);
    expect(objectIn(replaced).metadata.annotations).toEqual({ [STAMP]: '13' });
    expect(await order(14, 'DELETE', named)).toMatchObject({ status: 200 });
    expect((await asUser('GET', named)).status).toBe(404);
  });

  test('makes a generated name from its number, and meets what it made', async () => {
    const path = `${CORE}/configmaps`;
    const body = { ...configMap(''), metadata: { generateName: 'made-' } };
    const first = await order(46_655, 'POST', path, body);
    expect(objectIn(first).metadata.name).toBe('made-00zzz');
    expect(stampOf(first)).toBe('46655');
    const again = await order(46_655, 'POST', path, body);
    expect(again).toMatchObject({ status: 409 });
    expect(objectIn(again)).toMatchObject({ reason: 'AlreadyExists', details: { name: 'made-00zzz' } });
    expect(objectIn(await order(46_656, 'POST', path, body)).metadata.name).toBe('made-01000');
  });

  test('of a Service, which takes an address too, is stamped and named alike', async () => {
    const made = await order(20, 'POST', `${CORE}/services`, {
      ...service(''),
      metadata: { generateName: 'front-' },
    });
    expect(objectIn(made)).toMatchObject({
      metadata: { name: 'front-0000k', annotations: { [STAMP]: '20' } },
    });
  });

  test('is no trial', async () => {
    const path = `${CORE}/configmaps`;
    const refused = { status: 403, text: expect.stringContaining('no dry run') };
    expect(await order(30, 'POST', `${path}?dryRun=All`, configMap('new'))).toMatchObject(refused);
    expect(await order(30, 'DELETE', `${path}/there?dryRun=All`)).toMatchObject(refused);
    const body = { ...options, dryRun: ['All'] };
    expect(await order(30, 'DELETE', `${path}/there`, body)).toMatchObject(refused);
  });

  test('has a pod end in due time: what is bound to end later, nothing ends earlier, and what still runs is counted', async () => {
    const path = `${CORE}/pods`;
    expect(await order(33, 'POST', path, pod('ending'))).toMatchObject({ status: 201 });
    const placed = { ...binding, metadata: { name: 'ending' } }; // one that is nowhere ends at once
    expect(await asAdministrator('POST', `${path}/ending/binding`, placed)).toMatchObject({ status: 201 });
    const refused = { status: 403, text: expect.stringContaining('1 to 600') };
    for (const seconds of [0, 601, 9_000_000_000]) {
      const body = { ...options, gracePeriodSeconds: seconds };
      expect(await order(34, 'DELETE', `${path}/ending`, body)).toMatchObject(refused);
      expect(await order(34, 'DELETE', `${path}/ending?gracePeriodSeconds=${seconds}`)).toMatchObject(
        refused,
      );
    }
    expect(await order(35, 'DELETE', `${path}/ending?gracePeriodSeconds=1`)).toMatchObject({ status: 200 });
    await sleep(2_500);
    expect(await order(36, 'DELETE', `${path}/ending?gracePeriodSeconds=0`)).toMatchObject({ status: 200 }); // overdue
  });

  test('scales, and writes no other subresource', async () => {
    const path = `${APPS}/deployments/web`;
    expect(await order(31, 'PATCH', `${path}/scale`, { spec: { replicas: 2 } })).toMatchObject({
      status: 200,
    });
    for (const [method, part, body] of [
      ['PATCH', `${APPS}/deployments/web/status`, { status: { replicas: 3 } }],
      ['POST', `${CORE}/pods/running/binding`, binding],
      ['POST', `${CORE}/pods/running/eviction`, eviction],
      ['POST', `${CORE}/serviceaccounts/default/token`, token],
    ] as const)
      expect(await order(32, method, part, body), part).toMatchObject({ status: 403 });
  });

  test.for(['', '0x7', '07', '-1', '18446744073709551616'])('has a number: "%s" is none', async (number) => {
    expect(await order(number, 'POST', `${CORE}/configmaps`, configMap('new'))).toMatchObject({
      status: 403,
      text: expect.stringContaining(THROUGH_THE_CHAIN),
    });
  });

  test('is the enclave’s alone to carry out', async () => {
    const headers = {
      'impersonate-user': USER,
      'impersonate-group': 'daasvader:orders',
      'impersonate-extra-daasvader.io%2forder': '7',
    };
    const path = `${CORE}/configmaps`;
    for (const caller of [user, await server.caller('system:node:w1', 'system:nodes')])
      expect(await server.call('POST', path, caller, configMap('new'), headers)).toMatchObject({
        status: 403,
        text: expect.stringContaining('act as yourself'),
      });
    // Even a certificate of that group, which nobody signs, lacks the number.
    const forged = await server.caller(USER, 'daasvader:orders');
    expect(await server.call('POST', path, forged, configMap('new'))).toMatchObject({ status: 403 });
  });
});

describe('a pod of a tenant', () => {
  test('is filled in when it is made, and its template stays as it was written', async () => {
    expect(await order(40, 'POST', `${APPS}/deployments`, deployment('filled'))).toMatchObject({
      status: 201,
    });
    const pods = async () =>
      objectIn(await asUser('GET', `${CORE}/pods?labelSelector=app%3Dfilled`)).items as {
        spec: { securityContext: object; automountServiceAccountToken: boolean; containers: object[] };
      }[];
    await expect.poll(pods, { timeout: 30_000 }).toHaveLength(1);
    const [made] = await pods();
    expect(made?.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: {
            requests: { cpu: '50m', memory: '32Mi', 'ephemeral-storage': '64Mi' },
            limits: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': '2Gi' },
          },
        },
      ],
    });
    const { spec } = objectIn(await asUser('GET', `${APPS}/deployments/filled`));
    expect(spec.template.spec.securityContext).toEqual({});
    expect(spec.template.spec.containers[0].resources).toEqual({});
    expect(spec.template.metadata.annotations).toBeUndefined();
  });

  test.for([
    ['a root user', { securityContext: { runAsUser: 0 } }, 'runAsUser=0'],
    ['root in a user namespace', { hostUsers: false, securityContext: { runAsUser: 0 } }, undefined],
    ['no profile', { securityContext: { seccompProfile: { type: 'Unconfined' } } }, 'seccompProfile'],
    ['the host’s network', { hostNetwork: true }, 'host namespaces'],
  ] as const)('that asks for more is judged by it: %s', async ([, more, problem]) => {
    const { status, text } = await order(41, 'POST', `${CORE}/pods`, pod('more', { ...podSpec, ...more }));
    expect([status, problem === undefined || text.includes(problem)], text).toEqual([
      problem === undefined ? 201 : 403,
      true,
    ]);
  });

  test.for([
    ['a privileged container', { privileged: true }, 'privileged'],
    ['another capability', { capabilities: { add: ['NET_ADMIN'] } }, 'unrestricted capabilities'],
    ['escalation', { allowPrivilegeEscalation: true }, 'allowPrivilegeEscalation'],
    ['the one capability', { capabilities: { add: ['NET_BIND_SERVICE'] } }, undefined],
  ] as const)('whose container asks for more is judged by it: %s', async ([, securityContext, problem]) => {
    const spec = { containers: [{ name: 'c', image: 'busybox', securityContext }] };
    const { status, text } = await order(42, 'POST', `${CORE}/pods`, pod('container', spec));
    expect([status, problem === undefined || text.includes(problem)], text).toEqual([
      problem === undefined ? 201 : 403,
      true,
    ]);
  });
});

describe('what is written is bounded', () => {
  const containers = (count: number) => ({
    containers: Array.from({ length: count }, (_, i) => ({ name: `c${i}`, image: 'busybox' })),
  });

  test('in its parts, before policies look at it, all told at once', async () => {
    const volumes = Array.from({ length: 65 }, (_, i) => ({ name: `v${i}`, emptyDir: {} }));
    for (const write of [asUser.bind(undefined, 'POST', `${APPS}/deployments?dryRun=All`), undefined]) {
      const body = deployment('large', { ...containers(33), volumes });
      const answer = await (write?.(body) ?? order(50, 'POST', `${APPS}/deployments`, body));
      expect(answer).toMatchObject({ status: 422 });
      expect(answer.text).toContain('spec.template.spec.containers: Too many: 33');
      expect(answer.text).toContain('spec.template.spec.volumes: Too many: 65');
    }
    const most = deployment('large', containers(32));
    expect(await order(51, 'POST', `${APPS}/deployments`, most)).toMatchObject({ status: 201 });
  });

  test('in its bytes', async () => {
    const path = `${CORE}/configmaps`;
    expect(await order(52, 'POST', path, configMap('mib', { a: 'x'.repeat(1_000 * KIB) }))).toMatchObject({
      status: 201,
    });
    const annotations = (bytes: number) => ({ annotations: { a: 'x'.repeat(bytes) } });
    const template = deployment('annotated');
    Object.assign(template.spec.template.metadata, annotations(64 * KIB));
    expect(await order(53, 'POST', `${APPS}/deployments`, template)).toMatchObject({ status: 422 });
    const large = service('large', annotations(255 * KIB));
    const padded = { ...large, metadata: { ...large.metadata, labels: { a: 'b'.repeat(63) } } };
    expect(await order(54, 'POST', `${CORE}/services`, padded)).toMatchObject({ status: 201 });
    // An Ingress may have as many rules as it likes, but for this.
    const rules = Array.from({ length: 3_000 }, (_, i) => ({
      host: `${i}.${'h'.repeat(60)}.${'i'.repeat(60)}.example`,
    }));
    const ingress = {
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'large' } },
      spec: { rules: rules },
    };
    expect(
      await order(55, 'POST', `/apis/networking.k8s.io/v1/namespaces/${NS}/ingresses`, ingress),
    ).toMatchObject({ status: 403, text: expect.stringContaining('bytes') });
  });

  test('and dry runs of one user take nothing from another, nor from his orders', async () => {
    const other = `sui:${'b'.repeat(52)}`;
    await asAdministrator('POST', `/apis/${RBAC}/v1/namespaces/${NS}/rolebindings`, {
      metadata: { name: 'other' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: RBAC, kind: 'User', name: other }],
    });
    const caller = await server.caller(other);
    const path = `${CORE}/configmaps?dryRun=All`;
    const tryOut = () => server.call('POST', path, caller, configMap('tried'));
    await expect.poll(async () => (await tryOut()).status).toBe(201);
    const statuses: number[] = [];
    for (let i = 0; i < 400 && statuses.at(-1) !== 429; i += 1)
      statuses.push(
        ...(await Promise.all([tryOut(), tryOut(), tryOut(), tryOut()])).map(({ status }) => status),
      );
    expect(statuses).toContain(429);
    expect(await asUser('POST', path, configMap('tried'))).toMatchObject({ status: 201 });
    expect(await order(60, 'PATCH', `${CORE}/configmaps/there`, { data: { a: '1' } })).toMatchObject({
      status: 200,
    });
    await sleep(1_500);
    expect(await tryOut()).toMatchObject({ status: 201 });
  });
});
