import { shareOf } from '@daasvader/enclave/kube/quota.ts';
import { clusterBaseline, RESTORES_GROUP, roleBinding, superBinding } from '@daasvader/enclave/kube/roles.ts';
import { tenantObjects } from '@daasvader/enclave/kube/tenant.ts';
import { BareServer, objectIn } from '@daasvader/testbed/cluster/bare-server.ts';
import { namespaceOf, userOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Asked } from './hostile/peer.ts';
import { everyRight, rightsOf } from './hostile/rights.ts';
import { RIGHTS } from './hostile/tenants.ts';

// The real API server's authorizer: what each role may do, resource by resource.

const ROLES = ['viewer', 'developer', 'admin', 'super'] as const;
const ADDRESSES = { viewer: 'a1', developer: 'b2', admin: 'c3', super: 'd4', nobody: 'e5' } as const;
const addressOf = (who: keyof typeof ADDRESSES) => `0x${ADDRESSES[who].repeat(32)}`;
/** The least role that may write a kind. */
const LEAST = {
  pods: 'developer',
  services: 'developer',
  configmaps: 'developer',
  secrets: 'developer',
  persistentvolumeclaims: 'developer',
  serviceaccounts: 'developer',
  'deployments.apps': 'developer',
  'statefulsets.apps': 'developer',
  'jobs.batch': 'developer',
  'cronjobs.batch': 'developer',
  'ingresses.networking.k8s.io': 'developer',
  'networkpolicies.networking.k8s.io': 'developer',
  'horizontalpodautoscalers.autoscaling': 'admin',
  'poddisruptionbudgets.policy': 'admin',
  'daemonsets.apps': 'super',
} as const;
const WRITES = ['create', 'update', 'patch', 'delete'] as const;
const EVERY_WRITE = Object.keys(LEAST).flatMap((kind) => WRITES.map((verb) => `${verb} ${kind}` as const));
/** What would let somebody out of the bounds of their role; no rule has any of it. */
const NEVER = [
  'create serviceaccounts/token',
  'create pods/binding',
  'create pods/eviction',
  'patch pods/ephemeralcontainers',
  'patch pods/status',
  'update deployments.apps/status',
  'patch endpoints',
  'create endpointslices.discovery.k8s.io',
  'create leases.coordination.k8s.io',
  'create roles.rbac.authorization.k8s.io',
  'create rolebindings.rbac.authorization.k8s.io',
  'update resourcequotas',
  'delete limitranges',
  'deletecollection pods',
  'deletecollection secrets',
  'list persistentvolumes',
  'get pods/proxy',
  'create pods/proxy',
  'get services/proxy',
  'create services/proxy',
  'get nodes/proxy',
  'create validatingwebhookconfigurations.admissionregistration.k8s.io',
  'create mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'create customresourcedefinitions.apiextensions.k8s.io',
  'create apiservices.apiregistration.k8s.io',
  'patch apiservices.apiregistration.k8s.io',
] as const;

let server: BareServer;

const administrator = {
  object: async <T>({ method = 'GET', path, body }: Asked): Promise<T> =>
    objectIn(await server.call(method, path, server.administrator, body as object)),
};
const held = (
  who: keyof typeof ADDRESSES,
  namespace: string,
  asked: readonly string[],
  groups: string[] = [],
) =>
  rightsOf(
    administrator,
    { user: userOf(addressOf(who)), groups: ['system:authenticated', ...groups] },
    namespace,
    asked as readonly `${string} ${string}`[],
  );
const home = (who: keyof typeof ADDRESSES) => namespaceOf(addressOf(who));

beforeAll(async () => {
  server = await BareServer.start();
  for (const object of clusterBaseline()) await server.kubernetes.apply(object);
  for (const role of ROLES) {
    const objects = tenantObjects(addressOf(role), home(role), shareOf(role, [{}], []), role === 'super');
    for (const object of [...objects, roleBinding(addressOf(role), role, home(role))])
      await server.kubernetes.apply(object);
  }
  await server.kubernetes.apply(superBinding(addressOf('super')));
});

afterAll(() => server?.[Symbol.asyncDispose]());

describe.each(ROLES)('the role %s', (role) => {
  test('may write the kinds that it is for, and no others', async () => {
    const may = EVERY_WRITE.filter((right) => {
      const least = LEAST[right.split(' ')[1] as keyof typeof LEAST];
      return ROLES.indexOf(role) >= ROLES.indexOf(least);
    });
    expect(await held(role, home(role), EVERY_WRITE)).toEqual([...may].sort());
    const isSuper = role === 'super';
    expect(await held(role, home(role), ['use priorityclasses.daasvader.io'])).toHaveLength(isSuper ? 1 : 0);
  });

  test('has no right in its namespace that is not on the list', async () => {
    const rights = await held(role, home(role), [...(await everyRight(administrator, true)), ...NEVER]);
    const beyond = rights.filter((right) => !RIGHTS[role].some((pattern) => pattern.test(right)));
    expect(beyond).toEqual([]);
  });

  test('has no right to write in the namespace of another', async () => {
    const other = home(role === 'admin' ? 'developer' : 'admin');
    expect(await held(role, other, [...EVERY_WRITE, ...NEVER])).toEqual([]);
  });
});

test('what had begun before is brought back whoever asked for it, and with nothing but what can be ordered', async () => {
  const groups = ['daasvader:orders'];
  expect(await held('nobody', home('admin'), EVERY_WRITE, groups)).toEqual([]);
  groups.push(RESTORES_GROUP);
  const ordered = EVERY_WRITE.filter((right) => !right.endsWith(' secrets')).sort();
  expect(await held('nobody', home('admin'), EVERY_WRITE, groups)).toEqual(ordered);
  expect(await held('nobody', home('admin'), ['get secrets', 'create pods/exec', ...NEVER], groups)).toEqual(
    [],
  );
});

test('an order is carried out as far as the role of its requester goes, and is told why not', async () => {
  const order = (
    who: keyof typeof ADDRESSES,
    path: string,
    kind: string,
    spec: object,
    groups: string[] = [],
  ) =>
    server.call(
      'POST',
      path,
      server.administrator,
      { ...spec, kind, metadata: { name: 'x' } },
      {
        'impersonate-user': userOf(addressOf(who)),
        'impersonate-group': ['daasvader:orders', ...groups],
        'impersonate-extra-daasvader.io%2forder': '7',
      },
    );
  const budgets = (who: keyof typeof ADDRESSES) =>
    `/apis/policy/v1/namespaces/${home(who)}/poddisruptionbudgets`;
  const budget = {
    apiVersion: 'policy/v1',
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'x' } } },
  };
  const kind = 'PodDisruptionBudget';
  expect(await order('admin', budgets('admin'), kind, budget)).toMatchObject({ status: 201 });
  const refused = await order('developer', budgets('developer'), kind, budget);
  expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('poddisruptionbudgets') });
  expect(await order('admin', budgets('super'), kind, budget)).toMatchObject({ status: 403 });
  const restored = await order('admin', budgets('super'), kind, budget, [RESTORES_GROUP]);
  expect(restored).toMatchObject({ status: 201 });
});

test("a super user sees what runs in all namespaces, and of nobody's what is in it", async () => {
  const there = home('admin');
  expect(await held('super', there, ['list deployments.apps', 'list statefulsets.apps'])).toHaveLength(2);
  const private_ = [
    'secrets',
    'configmaps',
    'pods',
    'events',
    'events.events.k8s.io',
    'persistentvolumeclaims',
  ];
  expect(
    await held(
      'super',
      there,
      private_.map((what) => `list ${what}`),
    ),
  ).toEqual([]);
});

describe('of what an owner may have', () => {
  const claim = (name: string, storage: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  });
  const claims = () => `/api/v1/namespaces/${home('developer')}/persistentvolumeclaims`;
  const put = (path: string, object: object) => server.call('POST', path, server.administrator, object);

  test('volumes count with their sizes', async () => {
    await expect
      .poll(() => put(claims(), claim('most', '39Gi')), { timeout: 20_000 })
      .toMatchObject({ status: 201 });
    const refused = await put(claims(), claim('more', '2Gi'));
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('requests.storage') });
    expect(await put(claims(), claim('rest', '1Gi'))).toMatchObject({ status: 201 });
  });

  test('what the cluster itself puts there is not counted: it is there also where nothing may be', async () => {
    const none = `${home('viewer')}`;
    const get = (path: string) => server.call('GET', path, server.administrator);
    for (const each of ['serviceaccounts/default', 'configmaps/kube-root-ca.crt'])
      await expect
        .poll(() => get(`/api/v1/namespaces/${none}/${each}`), { timeout: 20_000 })
        .toMatchObject({ status: 200 });
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    expect(await put(`/api/v1/namespaces/${none}/configmaps`, configMap)).toMatchObject({
      status: 403,
      text: expect.stringContaining('count/configmaps'),
    });
  });
});
