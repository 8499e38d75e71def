import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { BareServer, type Caller, objectIn } from '@daasvader/testbed/cluster/bare-server.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// The control plane alone, and nodes that are only certificates: what a node may say, and when what it opened ends.

const SOON = { timeout: 20_000 };
const MIB = 2 ** 20;

let server: BareServer;
let admin: Caller;
let node: Caller;

beforeAll(async () => {
  server = await BareServer.start();
  admin = server.administrator;
  node = await server.caller('system:node:worker-1', 'system:nodes');
  await call('POST', '/api/v1/nodes', node, registered());
});

afterAll(() => server?.[Symbol.asyncDispose]());

const call: BareServer['call'] = (...args) => server.call(...args);

const registered = (name = 'worker-1', spec: object = {}, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec,
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.1.7' },
      { type: 'Hostname', address: name },
    ],
  },
});

/** The answer to what is forbidden, for this reason. */
const refused = (why: string) => ({ status: 403, text: expect.stringContaining(why) });
const NOT_ITS_OWN = refused('not its own to set');

test('a node registers without a range, a taint or a label that the control plane did not give it', async () => {
  const dryRun = '/api/v1/nodes?dryRun=All';
  const other = await server.caller('system:node:worker-2', 'system:nodes');
  const register = (spec: object, labels: object) =>
    call('POST', dryRun, other, registered('worker-2', spec, labels));
  expect(await register({}, {})).toMatchObject({ status: 201 });
  expect(await register({ podCIDR: '10.42.0.0/16', podCIDRs: ['10.42.0.0/16'] }, {})).toMatchObject(
    NOT_ITS_OWN,
  );
  expect(await register({ taints: [{ key: 'mine', effect: 'NoSchedule' }] }, {})).toMatchObject(NOT_ITS_OWN);
  expect(await register({}, { 'topology.kubernetes.io/zone': 'a' })).toMatchObject(NOT_ITS_OWN);
  expect(await register({}, { 'example.com/fast': 'true' })).toMatchObject(NOT_ITS_OWN);
});

test('a node that is cordoned does not uncordon itself, nor is it made anew', async () => {
  const path = '/api/v1/nodes/worker-1';
  expect(await call('PATCH', path, admin, { spec: { unschedulable: true } })).toMatchObject({ status: 200 });
  const uncordon = { spec: { unschedulable: null } };
  expect(await call('PATCH', path, node, uncordon)).toMatchObject(NOT_ITS_OWN);
  expect(await call('DELETE', path, node)).toMatchObject({ status: 403 });
  expect(await call('PATCH', path, admin, uncordon)).toMatchObject({ status: 200 });
});

const bound = (name: string, nodeName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
});
const PODS = '/api/v1/namespaces/kube-system/pods';

test('a pod has an address of the range of its node, and no other', async () => {
  const range = async () => objectIn(await call('GET', '/api/v1/nodes/worker-1', node)).spec.podCIDR ?? '';
  await expect.poll(range, SOON).toMatch(/^10\.42\.\d+\.0\/24$/);
  const own = (await range()).replace('.0/24', '.9');
  await expect
    .poll(() => call('POST', PODS, admin, bound('addressed', 'worker-1')), SOON)
    .toMatchObject({
      status: 201,
    });
  const report = (podIP: string) =>
    call('PATCH', `${PODS}/addressed/status`, node, { status: { podIP, podIPs: [{ ip: podIP }] } });
  for (const address of [
    '192.168.1.1',
    '8.8.8.8',
    '10.42.200.1',
    '10.43.0.10',
    '127.0.0.1',
    '169.254.169.254',
  ])
    expect(await report(address), address).toMatchObject(refused("is not within the node's range"));
  expect(await report(own)).toMatchObject({ status: 200 });
  const note = { metadata: { annotations: { a: 'b' } } };
  expect(await call('PATCH', `${PODS}/addressed/status`, node, note)).toMatchObject(
    refused('not its metadata'),
  );
});

test('a node makes no pods, not even static ones', async () => {
  const { uid } = objectIn(await call('GET', '/api/v1/nodes/worker-1', node)).metadata;
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'worker-1', uid, controller: true };
  const pod = bound('static-worker-1', 'worker-1');
  const metadata = {
    ...pod.metadata,
    annotations: { 'kubernetes.io/config.mirror': 'x' },
    ownerReferences: [owner],
  };
  expect(await call('POST', PODS, node, { ...pod, metadata })).toMatchObject(
    refused('nothing that a node writes'),
  );
});

const VOLUMES = '/v1-k3s/volumes';
const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';

/** A claim for which the scheduler chose a node. */
const claimOn = (nodeName: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, annotations: { 'volume.kubernetes.io/selected-node': nodeName } },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
});

test('a node learns of its own volumes alone, and says only of these what became of them', async () => {
  const other = await server.caller('system:node:worker-2', 'system:nodes');
  const user = await server.caller('sui:0x1');
  const claim = objectIn(await call('POST', CLAIMS, admin, claimOn('worker-2', 'data')));
  const name = `pvc-${claim.metadata.uid}`;
  const listed = async (who: Caller) => objectIn(await call('GET', VOLUMES, who)).volumes;
  const says = (who: Caller, outcome: string) => call('POST', VOLUMES, who, { name, outcome });
  await expect.poll(() => listed(other), SOON).toEqual([{ name, bytes: 16 * MIB, state: 'make' }]);
  expect(await listed(node)).toEqual([]);
  for (const outsider of [user, {}])
    expect(await call('GET', VOLUMES, outsider)).toMatchObject({ status: 403 });
  expect(await says(node, 'made')).toMatchObject({ status: 404 });
  expect(await says(other, 'made')).toMatchObject({ status: 204 });
  const phase = async () => objectIn(await call('GET', `${CLAIMS}/data`, admin)).status.phase;
  await expect.poll(phase, SOON).toBe('Bound');
  expect(await listed(other)).toEqual([{ name, bytes: 16 * MIB, state: 'keep' }]);
  expect(await says(node, 'deleted')).toMatchObject({ status: 404 });
  expect(await says(other, 'deleted')).toMatchObject({ status: 409 });
  expect(await call('DELETE', `${CLAIMS}/data`, admin)).toMatchObject({ status: 200 });
  await expect.poll(() => listed(other), SOON).toEqual([{ name, bytes: 16 * MIB, state: 'delete' }]);
  const volume = () => call('GET', `/api/v1/persistentvolumes/${name}`, admin);
  expect(objectIn(await volume()).status.phase).toBe('Released');
  expect(await says(other, 'deleted')).toMatchObject({ status: 204 });
  await expect.poll(volume, SOON).toMatchObject({ status: 404 });
  expect(await listed(other)).toEqual([]);
});

test('a node for which there is no room says so, and the owner of the claim reads it', async () => {
  const other = await server.caller('system:node:worker-2', 'system:nodes');
  const { uid } = objectIn(await call('POST', CLAIMS, admin, claimOn('worker-2', 'large'))).metadata;
  const failed = { name: `pvc-${uid}`, outcome: 'failed', reason: 'the node has no room for 16 MiB' };
  await expect.poll(() => call('POST', VOLUMES, other, failed), SOON).toMatchObject({ status: 204 });
  const selected = async () => objectIn(await call('GET', `${CLAIMS}/large`, admin)).metadata.annotations;
  await expect.poll(selected, SOON).not.toHaveProperty(['volume.kubernetes.io/selected-node']);
  const events = () =>
    call('GET', '/api/v1/namespaces/default/events?fieldSelector=reason=ProvisioningFailed', admin);
  await expect
    .poll(async () => objectIn(await events()).items.map((event: { message: string }) => event.message), SOON)
    .toEqual(['no volume on node worker-2: the node has no room for 16 MiB']);
});

test('a node tells events of its own pods, and no slices of devices', async () => {
  const path = '/api/v1/namespaces/kube-system/events';
  await call('POST', PODS, admin, bound('elsewhere', 'worker-2'));
  const event = async (pod: string) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: 'e-', namespace: 'kube-system' },
    involvedObject: {
      ...{ apiVersion: 'v1', kind: 'Pod', namespace: 'kube-system', name: pod },
      uid: objectIn(await call('GET', `${PODS}/${pod}`, admin)).metadata.uid,
    },
    source: { component: 'kubelet', host: 'worker-1' },
    type: 'Normal',
    reason: 'Tested',
  });
  expect(await call('POST', path, node, await event('addressed'))).toMatchObject({ status: 201 });
  expect(await call('POST', path, node, await event('elsewhere'))).toMatchObject(
    refused('a node tells of itself'),
  );
  const slice = {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name: 's' },
    spec: {
      ...{ nodeName: 'worker-1', driver: 'd.example.com' },
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
    },
  };
  const made = await call('POST', '/apis/resource.k8s.io/v1/resourceslices', node, slice);
  expect(made).toMatchObject({ status: 403 });
});

test('the control plane calls no webhook that is not a pod of the cluster', async () => {
  const group = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const caBundle = Buffer.from(await server.k3s.serverCa()).toString('base64');
  const webhook = (clientConfig: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'w' },
    webhooks: [
      {
        ...{ name: 'w.example.com', sideEffects: 'None', admissionReviewVersions: ['v1'] },
        clientConfig: { caBundle, ...clientConfig },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
    ],
  });
  const core = '/api/v1/namespaces/default';
  const meta = { metadata: { name: 'elsewhere' } };
  expect(
    await call('POST', `${core}/services`, admin, { ...meta, spec: { ports: [{ port: 443 }] } }),
  ).toMatchObject({ status: 201 });
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const slice = {
    metadata: { name: 'elsewhere', labels: { 'kubernetes.io/service-name': 'elsewhere' } },
    ...{ addressType: 'IPv4', endpoints: [{ addresses: ['192.168.1.7'] }], ports: [{ port: 10250 }] },
  };
  expect(await call('POST', slices, admin, slice)).toMatchObject({ status: 201 });
  const service = { namespace: 'default', name: 'elsewhere' };
  for (const [where, why] of [
    [{ url: 'https://127.0.0.1:6443/' }, 'connects to kubelets, and to pods by way of a Service'],
    [{ url: 'https://169.254.169.254/' }, 'connects to kubelets, and to pods by way of a Service'],
    [{ service }, "192.168.1.7:10250: it is in no node's range of pods"],
  ] as const) {
    expect(await call('POST', group, admin, webhook(where))).toMatchObject({ status: 201 });
    const write = () => call('POST', `${core}/configmaps?dryRun=All`, admin, { metadata: { name: 'x' } });
    await expect.poll(write, SOON).toMatchObject({ status: 500, text: expect.stringContaining(why) });
    expect(await call('DELETE', `${group}/w`, admin)).toMatchObject({ status: 200 });
    await expect.poll(write, SOON).toMatchObject({ status: 201 });
  }
  expect(await call('GET', `${core}/services/elsewhere/proxy/`, admin)).toMatchObject({
    status: 503,
    text: expect.stringContaining('no endpoints available'), // Kubernetes itself asks for pods
  });
});

const SECRETS = '/api/v1/namespaces/default/secrets?watch=true';
const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';

/** Gives a user the right to watch Secrets, through a binding named like the user. */
async function letWatch(user: string): Promise<void> {
  const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['watch'] }];
  await call('POST', `${RBAC}/roles`, admin, { metadata: { name: 'watch' }, rules });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'watch' };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }];
  const binding = { metadata: { name: user }, roleRef, subjects };
  expect(await call('POST', `${RBAC}/rolebindings`, admin, binding)).toMatchObject({ status: 201 });
}

/** Opens a watch on Secrets, which must be allowed. */
function watch(as: Caller, headers: OutgoingHttpHeaders = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ ended: Promise<string> }>();
  const sent = server.open('GET', SECRETS, as, headers).on('error', reject);
  sent.on('response', (response) => {
    if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
    resolve({ ended: new Promise((end) => response.resume().on('close', () => end('ended'))) });
  });
  sent.end();
  return promise;
}

/** Opens a watch as soon as the right to it is known everywhere. */
const watchSoon = (as: Caller, headers?: OutgoingHttpHeaders) => vi.waitFor(() => watch(as, headers), SOON);

test('who loses a role loses what it had open, impersonated or not, and nobody else does', async () => {
  for (const user of ['leaving', 'impersonated', 'staying']) await letWatch(user);
  const own = await watchSoon(await server.caller('leaving'));
  const impersonated = await watchSoon(admin, { 'impersonate-user': 'impersonated' });
  const staying = await watchSoon(await server.caller('staying'));
  await call('DELETE', `${RBAC}/rolebindings/leaving`, admin);
  await call('DELETE', `${RBAC}/rolebindings/impersonated`, admin);
  expect(await Promise.all([own.ended, impersonated.ended])).toEqual(['ended', 'ended']);
  expect(await Promise.race([staying.ended, 'goes on'])).toBe('goes on');
});

test('what a certificate opened ends with it', async () => {
  await letWatch('brief');
  await watchSoon(await server.caller('brief'));
  const seconds = 5;
  const from = Date.now();
  const { ended } = await watch(await server.caller('brief', undefined, seconds));
  await ended;
  expect(Date.now() - from).toBeGreaterThan((seconds - 2) * 1_000); // it was this, and nothing before
});

/** Opens worker-1's tunnel, as far as its node could. */
function tunnel(as = node): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const headers = { connection: 'upgrade', upgrade: 'daasvader-tunnel-2' };
  const sent = server.open('GET', '/v1-k3s/connect', as, headers);
  sent.on('upgrade', (_, socket) => resolve(socket));
  sent.on('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
  sent.on('error', reject);
  sent.end();
  return promise;
}

test('a tunnel ends with the certificate of its node', async () => {
  const socket = await tunnel(await server.caller('system:node:worker-1', 'system:nodes', 3));
  await once(socket.resume(), 'close', { signal: AbortSignal.timeout(SOON.timeout) });
});

/** A frame of yamux: kind, flags, stream and length, then what it holds. */
function frame(kind: number, flags: number, stream: number, length: number, body = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(kind, 1);
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(stream, 4);
  header.writeUInt32BE(length, 8);
  return Buffer.concat([header, body]);
}

/** Sends until the server has had enough; resolves with the MiB that it took, at most 600. */
async function flood(socket: Socket, first: Buffer, again: Buffer): Promise<number> {
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => {}));
  socket.resume().write(first);
  let sent = 0;
  for (; sent < 600 * MIB && !socket.destroyed; sent += again.length)
    if (!socket.write(again))
      await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))]);
  socket.destroy();
  return Math.round(sent / MIB);
}

/** MiB of memory that the server held at most since it was asked last. */
async function peak(): Promise<number> {
  const pid = await server.pid();
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  return Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1_024);
}

/** Opens a tunnel in which the server, which is asked for the log of a pod, has opened stream 1. */
async function tunnelInUse(): Promise<Socket> {
  const socket = await tunnel();
  const asked = once(socket, 'data', { signal: AbortSignal.timeout(SOON.timeout) });
  void call('GET', `${PODS}/addressed/log`, admin).catch(() => undefined); // answered 500: there is no kubelet
  const [opening] = (await asked) as [Buffer];
  expect(opening.subarray(0, 8)).toEqual(frame(1, 1, 1, 0).subarray(0, 8));
  socket.write(frame(1, 2, 1, 0));
  return socket;
}

const QUARTER = Buffer.alloc(MIB / 4);
test.each([
  { attack: 'in one frame that never ends', first: frame(0, 0, 1, 600 * MIB), again: QUARTER, most: 16 },
  {
    attack: 'in frames that may be',
    first: QUARTER.subarray(0, 0),
    again: frame(0, 0, 1, MIB / 4, QUARTER),
    most: 16,
  },
  {
    attack: 'in frames of no stream',
    first: QUARTER.subarray(0, 0),
    again: frame(0, 0, 9, MIB / 4, QUARTER),
    most: 600,
  },
  { attack: 'asking over and over', first: frame(2, 1, 0, 1), again: frame(2, 1, 0, 1), most: 16 },
  { attack: 'opening streams', first: frame(1, 1, 2, 0), again: frame(1, 1, 2, 0), most: 16 },
])(
  'a node that sends 600 MiB through its tunnel, $attack, does not fill the control plane',
  async (given) => {
    await peak();
    const before = await peak();
    const taken = await flood(await tunnelInUse(), given.first, given.again);
    const after = await peak();
    console.log(
      `${given.attack}: ${taken} MiB taken; memory ${before} MiB before, ${after} MiB at most since`,
    );
    expect(taken).toBeLessThanOrEqual(given.most);
    expect(after - before).toBeLessThan(100);
  },
);
