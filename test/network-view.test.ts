import { BareServer, type Caller, objectIn } from '@daasvader/testbed/cluster/bare-server.ts';
import { NodeView, WireGuardKey } from '@daasvader/testbed/cluster/node-view.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// The control plane alone, and three nodes that are only certificates: what each learns of the network. The first two run
// pods of one tenant, the third a pod of another.

const SOON = { timeout: 20_000 };
const NODES = ['worker-1', 'worker-2', 'worker-3'] as const;
const KEY = '/v1-k3s/network/key';
const REPORT = '/v1-k3s/network/report';

type Name = (typeof NODES)[number];

let server: BareServer;
let admin: Caller;
const nodes = {} as Record<Name, Caller>;
const ranges = {} as Record<Name, string>;
const keys = {} as Record<Name, WireGuardKey>;

const call: BareServer['call'] = (...args) => server.call(...args);
const open = (name: Name, version?: string) => NodeView.open(server, nodes[name], version);

/** An address of a node's range. */
const addressOf = (name: Name, last: number) => ranges[name].replace('.0/24', `.${last}`);

beforeAll(async () => {
  server = await BareServer.start();
  admin = server.administrator;
  for (const name of NODES) {
    nodes[name] = await server.caller(`system:node:${name}`, 'system:nodes');
    const metadata = { name, labels: { 'kubernetes.io/hostname': name } };
    await created('/api/v1/nodes', { kind: 'Node', metadata }, nodes[name]);
  }
  for (const name of NODES) {
    const range = async () => objectIn(await call('GET', `/api/v1/nodes/${name}`, nodes[name])).spec.podCIDR;
    await vi.waitFor(async () => expect(await range()).toMatch(/\.0\/24$/), SOON);
    ranges[name] = await range();
  }
  for (const [name, owner] of [
    ['alice', '0xa'],
    ['bob', '0xb'],
  ] as const) {
    const labels = { 'daasvader.io/managed': 'true' };
    const annotations = { 'daasvader.io/requester': owner };
    await created('/api/v1/namespaces', { kind: 'Namespace', metadata: { name, labels, annotations } });
    const spec = { selector: { app: 'web' }, ports: [{ port: 80 }] };
    await created(`/api/v1/namespaces/${name}/services`, {
      kind: 'Service',
      metadata: { name: 'web' },
      spec,
    });
  }
  await run('worker-1', 'alice', 'web', 2);
  await run('worker-2', 'alice', 'db', 2);
  await run('worker-3', 'bob', 'web', 2);
});

afterAll(() => server?.[Symbol.asyncDispose]());

/** Makes an object as soon as the control plane is ready for it. */
async function created(path: string, object: object, as = admin): Promise<void> {
  await vi.waitFor(
    async () =>
      expect(await call('POST', path, as, { apiVersion: 'v1', ...object })).toMatchObject({ status: 201 }),
    SOON,
  );
}

/** Has a pod run on a node, as its kubelet would say. */
async function run(nodeName: Name, namespace: string, name: string, last: number): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 1_000,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const containers = [{ name: 'c', image: 'docker.io/library/test:1', securityContext }];
  const spec = { nodeName, automountServiceAccountToken: false, containers };
  await created(path, { kind: 'Pod', metadata: { name, labels: { app: name } }, spec });
  const podIP = addressOf(nodeName, last);
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] };
  expect(await call('PATCH', `${path}/${name}/status`, nodes[nodeName], { status })).toMatchObject({
    status: 200,
  });
}

/** Proves a new key for a node. */
async function prove(name: Name, challenge: string): Promise<void> {
  keys[name] = new WireGuardKey();
  expect(await call('POST', KEY, nodes[name], keys[name].proof(challenge, name))).toMatchObject({
    status: 204,
  });
}

test('a node learns of the nodes and pods that its own have to do with, and of nothing else', async () => {
  using one = await open('worker-1');
  using three = await open('worker-3');
  await expect
    .poll(() => one.keys('pods'), SOON)
    .toEqual([addressOf('worker-1', 2), addressOf('worker-2', 2)].sort());
  expect(one.keys('peers')).toEqual([]); // nobody has a key
  const { challenge } = one.self!;
  for (const name of NODES) await prove(name, challenge);
  await expect.poll(() => one.keys('peers'), SOON).toEqual(['worker-2']);
  expect(one.get('peers', 'worker-2')).toEqual({
    key: keys['worker-2'].text,
    address: addressOf('worker-2', 1),
    range: ranges['worker-2'],
  });
  expect(one.self).toEqual({ range: ranges['worker-1'], key: keys['worker-1'].text, challenge });
  expect(one.keys('namespaces')).toEqual(['alice', 'default']);
  expect(one.get('namespaces', 'alice')).toEqual({ owner: '0xa' });
  await expect.poll(() => one.keys('services'), SOON).toEqual(['alice/web', 'default/kubernetes']);
  const endpoint = [expect.objectContaining({ addresses: [addressOf('worker-1', 2)] })];
  const slice = () => one.get('endpointSlices', one.keys('endpointSlices')[0] ?? '');
  await expect.poll(slice, SOON).toMatchObject({ endpoints: endpoint });
  expect(JSON.stringify(slice())).not.toContain('managedFields');

  await expect.poll(() => three.self?.key, SOON).toBe(keys['worker-3'].text);
  expect(three.keys('services')).toEqual(['bob/web', 'default/kubernetes']);
  for (const [index, line] of three.lines.entries())
    for (const foreign of ['alice', 'worker-1', 'worker-2', '0xa', addressOf('worker-1', 2)])
      expect(line, `line ${index}`).not.toContain(foreign);
});

test('what changes is told to those whom it concerns, and who comes back hears only that', async () => {
  using one = await open('worker-1');
  using three = await open('worker-3');
  await expect.poll(() => [one.version, three.version], SOON).not.toContain('');
  const [before, linesBefore] = [one.version, three.lines.length];
  await run('worker-2', 'alice', 'more', 3);
  await expect.poll(() => one.keys('pods'), SOON).toContain(addressOf('worker-2', 3));
  const told = three.updates.slice(linesBefore);
  expect(told.filter(({ version }) => version !== three.updates[linesBefore - 1]?.version)).toEqual([]);
  using again = await open('worker-1', before);
  await expect.poll(() => again.version, SOON).toBe(one.version);
  expect(again.updates[0]?.reset).toBeUndefined();
  expect(Object.keys(again.updates[0]?.pods?.set ?? {})).toEqual([addressOf('worker-2', 3)]);
  expect(again.keys('services')).toEqual([]);
});

test('nobody gets another node’s key, nor states what is no endpoint', async () => {
  using three = await open('worker-3');
  await expect.poll(() => three.self, SOON).toBeDefined();
  const { challenge } = three.self!;
  const own = keys['worker-1'];
  const post = (path: string, body: object) => call('POST', path, nodes['worker-3'], body);
  expect(await post(KEY, own.proof(challenge, 'worker-1'))).toMatchObject({ status: 403 });
  expect(await post(KEY, own.proof(challenge, 'worker-3'))).toMatchObject({ status: 409 });
  for (const endpoint of ['127.0.0.1:51820', '169.254.169.254:80', `${addressOf('worker-1', 2)}:51820`])
    expect(await post(REPORT, { endpoints: [endpoint] }), endpoint).toMatchObject({ status: 400 });
  const note = { metadata: { annotations: { 'daasvader.io/wireguard-key': own.text } } };
  expect(await call('PATCH', '/api/v1/nodes/worker-3', nodes['worker-3'], note)).toMatchObject({
    status: 403,
  });
  expect(await call('GET', '/v1-k3s/network', await server.caller('sui:0x1'))).toMatchObject({ status: 403 });
  expect(await call('GET', '/v1-k3s/network', {})).toMatchObject({ status: 403 });
});

test('a node relays between two that share a namespace, and learns no range of theirs', async () => {
  using one = await open('worker-1');
  using three = await open('worker-3');
  const report = { endpoints: ['203.0.113.3:51820'] };
  expect(await call('POST', REPORT, nodes['worker-3'], report)).toMatchObject({ status: 204 });
  await expect
    .poll(() => one.get<{ relays?: string[] }>('peers', 'worker-2')?.relays, SOON)
    .toEqual(['worker-3']);
  expect(one.get('peers', 'worker-3')).toEqual({
    key: keys['worker-3'].text,
    address: addressOf('worker-3', 1),
    endpoints: report.endpoints,
  });
  await expect.poll(() => three.keys('peers'), SOON).toEqual(['worker-1', 'worker-2']);
  for (const name of ['worker-1', 'worker-2'] as const)
    expect(three.get('peers', name)).toEqual({
      key: keys[name].text,
      address: addressOf(name, 1),
      isClient: true,
    });
  expect(three.keys('pods')).toEqual([addressOf('worker-3', 2)]);
});

test('a kubelet reads the Services that its node knows', async () => {
  const list = objectIn(
    await call('GET', '/api/v1/services?fieldSelector=spec.clusterIP!%3DNone', nodes['worker-3']),
  );
  const names = list.items.map(({ metadata }: { metadata: { namespace: string; name: string } }) => metadata);
  expect(names).toMatchObject([
    { namespace: 'bob', name: 'web' },
    { namespace: 'default', name: 'kubernetes' },
  ]);
});

test.each([
  '/api/v1/namespaces',
  '/api/v1/namespaces/bob',
  '/api/v1/namespaces/bob/services',
  '/api/v1/namespaces/bob/services/web',
  '/api/v1/services?labelSelector=app',
  '/api/v1/namespaces/bob/endpoints/web',
  '/api/v1/nodes',
  '/api/v1/nodes/worker-1',
  '/api/v1/pods',
  '/apis/storage.k8s.io/v1/csinodes',
  '/apis/discovery.k8s.io/v1/endpointslices',
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/apis/networking.k8s.io/v1/servicecidrs',
  '/apis/certificates.k8s.io/v1/certificatesigningrequests',
  '/apis/certificates.k8s.io/v1/certificatesigningrequests?watch=true',
])('a node does not read %s', async (path) => {
  expect(await call('GET', path, nodes['worker-3'])).toMatchObject({ status: 403 });
});

test('a stream ends with the certificate that it came with', async () => {
  const brief = await server.caller('system:node:worker-1', 'system:nodes', 4);
  using view = await NodeView.open(server, brief);
  await view.ended;
  expect(view.keys('namespaces')).toEqual(['alice', 'default']);
});

test('keys outlast a restart of the server, whose challenge is another', async () => {
  using before = await open('worker-1');
  await expect.poll(() => before.self, SOON).toBeDefined();
  await server.restart();
  await before.ended;
  using after = await vi.waitFor(() => open('worker-1', before.version), SOON);
  await expect.poll(() => after.keys('peers'), SOON).toContain('worker-2');
  expect(after.updates[0]?.reset).toBe(true);
  expect(after.self?.key).toBe(keys['worker-1'].text);
  expect(after.self?.challenge).not.toBe(before.self?.challenge);
});

test('who is revoked hears nothing more, and has left the others’ views with its pods', async () => {
  using one = await open('worker-1');
  using two = await open('worker-2');
  await expect.poll(() => one.keys('peers'), SOON).toContain('worker-2');
  const list = { kind: 'ConfigMap', metadata: { name: 'revoked-nodes' }, data: { 'worker-2': '' } };
  await created('/api/v1/namespaces/kube-system/configmaps', list);
  await two.ended;
  await expect.poll(() => one.keys('pods'), SOON).toEqual([addressOf('worker-1', 2)]);
  expect(one.keys('peers')).not.toContain('worker-2');
});
