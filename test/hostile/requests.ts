import { claimNamespace, releaseNamespace } from '@daasvader/chain/calls/user.ts';
import type { Attack } from './attack.ts';
import type { Field } from './field.ts';
import type { Order, Tenant } from './tenant.ts';

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'odd' }, data: { a: 'b' } };
const DEPTH = 10_000;

/** What an order is about, by the path behind `/namespaces/<own>`. */
type Odd = Omit<Order, 'path'> & { readonly api?: string; readonly rest: string };

/** Orders that the chain takes and the enclave must not carry out: each fails, saying why, and nothing of it is applied. */
const failing = (attack: string, { api = '/api/v1', rest, ...order }: Odd): Attack => ({
  attack,
  expected: 'FAILED, and why',
  refusal: /^FAILED \S.{10}/,
  run: ({ tenants: { super: tenant } }) =>
    tenant.order({ ...order, path: `${api}/namespaces/${tenant.namespace}/${rest}` }),
});

/** The same of a ConfigMap that would be good. */
const oddly = (attack: string, order: Partial<Odd>) =>
  failing(attack, { rest: 'configmaps', body: CONFIG_MAP, ...order });

const APPS = '/apis/apps/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const POD = 'pods/odd';

/** By the path of each: none of them is an object that a tenant describes. */
const SUBRESOURCES: readonly (readonly [string, string, Odd['api']?])[] = [
  ...['exec', 'attach', 'portforward', 'proxy', 'binding', 'eviction', 'status', 'resize', 'log'].map(
    (name) => ['POST', `${POD}/${name}`] as const,
  ),
  ['PATCH', `${POD}/ephemeralcontainers`],
  ['PUT', `${POD}/status`],
  ['DELETE', `${POD}/proxy`],
  ['POST', 'services/odd/proxy'],
  ['PUT', 'services/odd/status'],
  ['POST', 'serviceaccounts/default/token'],
  ['PUT', 'finalize'],
  ['PUT', 'status'],
  ['POST', 'bindings'],
  ['PATCH', 'deployments/odd/scale', APPS],
  ['PATCH', 'deployments/odd/status', APPS],
];

const RESOURCES: readonly (readonly [string, Odd['api']?])[] = [
  ['resourcequotas'],
  ['limitranges'],
  ['serviceaccounts'],
  ['events'],
  ['endpoints'],
  ['persistentvolumeclaims'],
  ['replicationcontrollers'],
  ['podtemplates'],
  ['roles', RBAC],
  ['rolebindings', RBAC],
  ['controllerrevisions', APPS],
  ['replicasets', APPS],
  ['statefulsets', APPS],
  ['leases', '/apis/coordination.k8s.io/v1'],
  ['endpointslices', '/apis/discovery.k8s.io/v1'],
  ['networkpolicies', '/apis/networking.k8s.io/v1'],
  ['poddisruptionbudgets', '/apis/policy/v1'],
  ['localsubjectaccessreviews', '/apis/authorization.k8s.io/v1'],
  ['podcertificaterequests', '/apis/certificates.k8s.io/v1'],
  ['resourceclaims', '/apis/resource.k8s.io/v1'],
  ['deployments', '/apis/extensions/v1beta1'],
  ['deployments', '/apis/apps/v1beta1'],
  ['pods', '/apis/metrics.k8s.io/v1beta1'],
  ['pods', '/apis/v1/v1'],
  ['anything', '/apis/example.com/v1'],
];

const CONTENT_TYPES = [
  '',
  'text/plain',
  'application/json; charset=utf-16',
  'application/json, application/yaml',
  'application/yaml',
  'application/apply-patch+yaml',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/json-patch+json',
  'application/vnd.kubernetes.protobuf',
  'multipart/form-data',
];

const QUERIES = [
  'dryRun=All',
  'dryRun=',
  'dry%52un=All',
  'fieldManager=a&fieldManager=b',
  'resourceVersion=0',
  'watch=true',
  '%00',
];

const BODIES: Record<string, Order['body']> = {
  'no JSON': 'kind: ConfigMap',
  'a list of objects': [CONFIG_MAP],
  'a List': { apiVersion: 'v1', kind: 'List', items: [CONFIG_MAP] },
  'another kind': { ...CONFIG_MAP, kind: 'Secret' },
  'another version': { ...CONFIG_MAP, apiVersion: 'v2' },
  'another namespace': { ...CONFIG_MAP, metadata: { name: 'odd', namespace: 'kube-system' } },
  'an owner': {
    ...CONFIG_MAP,
    metadata: { name: 'odd', ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'x' }] },
  },
  'a finalizer': { ...CONFIG_MAP, metadata: { name: 'odd', finalizers: ['example.com/never'] } },
  'a field that there is not': { ...CONFIG_MAP, odd: 1 },
  'a key twice': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd","name":"odd"}}',
  'a prototype': `{"__proto__":{"kind":"ConfigMap"},"apiVersion":"v1","metadata":{"name":"odd"}}`,
  [`${DEPTH} brackets`]: '['.repeat(DEPTH),
  [`${DEPTH} objects in each other`]: `${'{"data":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
};

/** Requests as HTTP has them, which the chain takes by their form alone. */
export const REQUEST_ATTACKS: Attack[] = [
  ...SUBRESOURCES.map(([method, rest, api]) =>
    failing(`orders ${method} ${rest}`, { method, rest, ...(api && { api }), body: CONFIG_MAP }),
  ),
  ...RESOURCES.map(([resource, api = '/api/v1']) =>
    failing(`orders ${resource} of ${api}`, { rest: resource, api, body: CONFIG_MAP }),
  ),
  ...CONTENT_TYPES.map((contentType) =>
    oddly(`orders content of type ${JSON.stringify(contentType)}`, { contentType }),
  ),
  ...QUERIES.map((query) => oddly(`orders with the query ${query}`, { query })),
  ...Object.entries(BODIES).map(([what, body]) => oddly(`orders a body with ${what}`, { body: body! })),
  ...Object.entries({
    'that nobody has': new Uint8Array(32).fill(1),
    'of zeros': new Uint8Array(32),
  }).map(([what, digest]) => oddly(`orders by a digest ${what}`, { blob: { digest, id: digest } })),
  oddly('orders with another name in the path of a POST', { rest: 'configmaps/other' }),
  oddly('orders with two names', { method: 'PUT', rest: 'configmaps/other' }),
  oddly('orders a name with dots', { method: 'PUT', rest: 'configmaps/odd.odd' }),
  failing('orders everything deleted', { method: 'DELETE', rest: 'configmaps', body: '' }),
  failing('orders a deletion with options that have no end', {
    method: 'DELETE',
    rest: 'configmaps/odd',
    body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: ' '.repeat(2_000) },
  }),
  {
    attack: 'leaves anything of all that in its namespace',
    expected: 'nothing is there',
    refusal: /^nothing of [0-9]+ orders/,
    run: async ({ administrator, tenants: { super: tenant } }) => {
      const path = `/api/v1/namespaces/${tenant.namespace}`;
      const lists = await Promise.all(
        ['configmaps', 'pods', 'services', 'secrets'].map((resource) =>
          administrator.object<{ items: { metadata: { name: string } }[] }>({ path: `${path}/${resource}` }),
        ),
      );
      const names = lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
      const odd = names.filter((name) => name.startsWith('odd'));
      return odd.length === 0 ? `nothing of ${ODD_ORDERS} orders` : `there are ${odd}`;
    },
  },
];
const ODD_ORDERS = REQUEST_ATTACKS.length - 1;

/** What the contracts refuse, and why. */
const refusedByChain = (attack: string, reason: RegExp, run: (field: Field) => Promise<string>): Attack => ({
  attack,
  expected: `not taken: ${reason.source}`,
  refusal: new RegExp(`^not taken: .*(${reason.source})`),
  run,
});

const orderIn = (namespace: string, { super: tenant }: Field['tenants']) =>
  tenant.order({ path: `/api/v1/namespaces/${namespace}/configmaps`, body: CONFIG_MAP });
const claim = (tenant: Tenant, namespace: string) =>
  tenant.try((tx, ids) => claimNamespace(tx, ids, namespace));

/** Namespaces that are not one's own, or not any more. */
export const NAMESPACE_ATTACKS: Attack[] = [
  refusedByChain('orders in a namespace that it never claimed', /EBadNamespace/, ({ tenants }) =>
    orderIn(`${tenants.super.namespace}-never`, tenants),
  ),
  refusedByChain('orders in one that another might claim', /EBadNamespace/, ({ tenants, victim }) =>
    orderIn(`${victim.namespace}-shop`, tenants),
  ),
  refusedByChain('claims a namespace of another', /EBadNamespace/, ({ tenants, victim }) =>
    claim(tenants.super, `${victim.namespace}-mine`),
  ),
  refusedByChain('claims the namespace of another', /EBadNamespace/, ({ tenants, victim }) =>
    claim(tenants.super, victim.namespace),
  ),
  ...['kube-system', 'default', 'default-x'].map((namespace) =>
    refusedByChain(`claims ${namespace}`, /EBadNamespace/, ({ tenants }) => claim(tenants.super, namespace)),
  ),
  refusedByChain('claims its first one again', /EBadNamespace|ENamespaceClaimed/, ({ tenants }) =>
    claim(tenants.super, tenants.super.namespace),
  ),
  refusedByChain('claims one as a developer', /ENotAdmin/, ({ tenants: { developer } }) =>
    claim(developer, `${developer.namespace}-more`),
  ),
  refusedByChain('claims a fifth one as an admin', /ETooManyNamespaces/, async ({ tenants: { admin } }) => {
    const names = Array.from({ length: 5 }, (_, index) => `${admin.namespace}-${index}`);
    return admin.try((tx, ids) => {
      for (const name of names) claimNamespace(tx, ids, name);
    });
  }),
  refusedByChain('orders in one that it gave up', /EBadNamespace/, async ({ tenants }) => {
    const namespace = `${tenants.super.namespace}-given`;
    const taken = await orderAfterClaim(tenants, namespace);
    if (!taken.startsWith('COMPLETED')) return `the claim gave nothing: ${taken}`;
    await tenants.super.send((tx, ids) => releaseNamespace(tx, ids, namespace));
    return orderIn(namespace, tenants);
  }),
  {
    attack: 'finds what it had there when it claims that one again',
    expected: 'an empty namespace',
    refusal: /^COMPLETED .*; only afterwards/,
    run: async ({ tenants, administrator }) => {
      const namespace = `${tenants.super.namespace}-given`;
      await claim(tenants.super, namespace);
      const path = `/api/v1/namespaces/${namespace}/configmaps`;
      const afterwards = { ...CONFIG_MAP, metadata: { name: 'afterwards' } };
      const seen = await tenants.super.order({ path, body: afterwards });
      const { items } = await administrator.object<{ items: { metadata: { name: string } }[] }>({ path });
      const names = items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');
      return `${seen}; only ${names}`;
    },
  },
];

async function orderAfterClaim(tenants: Field['tenants'], namespace: string): Promise<string> {
  await claim(tenants.super, namespace);
  return orderIn(namespace, tenants);
}
