import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { generateSelfSigned } from '@daasvader/program/self-signed.ts';
import { IMAGE, LiveCluster, order } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { spawnInVm } from '@daasvader/testbed/vm/vm.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANSWERS_PORT, GROUP } from './support/answering-server.ts';

const SERVER = resolve(import.meta.dirname, 'support/answering-server.ts');

// The API server reaches pods, through the tunnel of their node: for cluster-admin, webhooks and aggregated APIs.

const RUN_TIMEOUT_MS = 60_000;
const SOON = { timeout: 30_000 };

let live: LiveCluster;
let caBundle: string;

beforeAll(async () => {
  live = await LiveCluster.start();
  await apply(POD, SERVICE);
  await admin('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s');
  caBundle = await answerIn('web');
});

afterAll(() => live?.[Symbol.asyncDispose]());

/** kubectl as the cluster's administrator. */
async function admin(...args: string[]): Promise<string> {
  const kubeconfig = join(live.cluster.directory, 'host/k3s/server/cred/admin.kubeconfig');
  const words = ['kubectl', '--kubeconfig', kubeconfig, ...args];
  return (await promisify(execFile)(live.cluster.k3s, words)).stdout.trim();
}

async function apply(...items: object[]): Promise<string> {
  const file = join(live.cluster.directory, 'reach.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return admin('apply', '-f', file);
}

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        ...{ name: 'web', image: IMAGE, ports: [{ containerPort: 8080 }] },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};
const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    selector: { app: 'web' },
    ports: [
      { name: 'page', port: 80, targetPort: 8080 },
      { name: 'answers', port: 443, targetPort: ANSWERS_PORT },
    ],
  },
};

/** Has a pod answer what the API server asks, over TLS; resolves to the certificate that it shows, in base64. */
async function answerIn(pod: string): Promise<string> {
  const id = await admin('get', 'pod', pod, '-o', 'jsonpath={.status.containerStatuses[0].containerID}');
  const [, pid = ''] = (await live.worker.task(id.replace('containerd://', ''))).split(/ +/);
  const { key, certificate } = await generateSelfSigned(['web.default.svc']);
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', SERVER, key, certificate];
  const argv = ['nsenter', `--net=/proc/${pid}/ns/net`, ...program];
  const server = await spawnInVm(live.worker.vm, argv);
  await once(server.stdout!, 'data', { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) });
  return Buffer.from(certificate).toString('base64');
}

const CORE = '/api/v1/namespaces/default';
const service = (path?: string) => ({ namespace: 'default', name: 'web', ...(path && { path }) });

test('an administrator reaches a pod, and a Service by the pods that it has', async () => {
  expect(await admin('get', '--raw', `${CORE}/pods/web:8080/proxy/`)).toBe('still here');
  expect(await admin('get', '--raw', `${CORE}/services/web:page/proxy/index.html`)).toBe('still here');
});

test('what is no pod that lives is not reached, and the answer says why', async () => {
  const refused = (path: string) => admin('get', '--raw', path).catch(String);
  const node = await admin('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}');
  expect(await admin('get', '--raw', `/api/v1/nodes/${node}/proxy/healthz`)).toBe('ok');
  expect(await refused(`/api/v1/nodes/${node}:22/proxy/`)).toContain('of a node only the kubelet is reached');
  expect(await refused(`${CORE}/pods/web:9/proxy/`)).toContain('EOF'); // nobody listens
});

test('a user reaches no pod and no Service by the API server, not even its own', async () => {
  const alice = await User.create(live.cluster, 'alice');
  await alice.daas('stake', '10'); // for the most rights that there are
  await alice.untilRole();
  await alice.login();
  await alice.untilCompleted(await order(alice, 'mine'), RUN_TIMEOUT_MS);
  const { name } = await alice.untilRunning('mine', RUN_TIMEOUT_MS);
  const namespace = await alice.kubectl('get', 'pod', name, '-o', 'jsonpath={.metadata.namespace}');
  for (const path of [`pods/${name}:8080`, 'services/mine:8080']) {
    const raw = `/api/v1/namespaces/${namespace}/${path}/proxy/`;
    await expect(alice.kubectl('get', '--raw', raw), path).rejects.toThrow(/[Ff]orbidden/);
  }
});

test('a webhook in a pod is asked before something is written', async () => {
  const webhook = (path: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'reach' },
    webhooks: [
      {
        ...{ name: 'reach.example.com', sideEffects: 'None', admissionReviewVersions: ['v1'] },
        ...{ clientConfig: { caBundle, service: service(path) }, timeoutSeconds: 1 },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
      },
    ],
  });
  const write = () => admin('create', 'configmap', 'judged', '--dry-run=server', '-o', 'name').catch(String);
  await apply(webhook('/'));
  await expect.poll(write, SOON).toContain('denied the request: the pod says no');
  await apply(webhook('/hang'));
  await expect.poll(write, SOON).toMatch(/deadline exceeded/);
  await admin('delete', 'validatingwebhookconfiguration', 'reach');
  await expect.poll(write, SOON).toBe('configmap/judged');
});

test('objects of a kind are converted by a webhook in a pod', async () => {
  const version = (name: string, storage: boolean) => ({
    ...{ name, storage, served: true },
    schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  });
  const names = { plural: 'boxes', singular: 'box', kind: 'Box' };
  await apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boxes.example.com' },
    spec: {
      ...{ group: 'example.com', scope: 'Cluster', names },
      versions: [version('v1', true), version('v2', false)],
      conversion: {
        strategy: 'Webhook',
        webhook: { clientConfig: { caBundle, service: service('/') }, conversionReviewVersions: ['v1'] },
      },
    },
  });
  const box = { apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 'b' } };
  await expect.poll(() => apply(box).catch(String), SOON).toContain('box.example.com/b');
  const converted = JSON.parse(await admin('get', '--raw', '/apis/example.com/v2/boxes/b'));
  expect(converted).toMatchObject({ apiVersion: 'example.com/v2', metadata: { name: 'b' } });
});

test('an API that a pod serves is one of the cluster', async () => {
  await apply({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${GROUP}` },
    spec: {
      ...{ group: GROUP, version: 'v1', groupPriorityMinimum: 1_000, versionPriority: 15 },
      caBundle,
      service: service(),
    },
  });
  await admin('wait', '--for=condition=Available', `apiservice/v1.${GROUP}`, '--timeout=60s');
  const things = () => admin('get', '--raw', `/apis/${GROUP}/v1/namespaces/default/things`).catch(String);
  await expect.poll(things, SOON).toContain('from a pod');
});
