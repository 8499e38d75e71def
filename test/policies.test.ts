import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';

// The control plane alone, without nodes: which objects of tenants the API server takes. The namespace asks for nothing of
// Pod Security, so that what is refused is refused by the policies.

const NAMESPACE = 'tenant-1';
const SOON = { timeout: 30_000 };
const MANAGED = { 'daasvader.io/managed': 'true' };
const ORDERS = 'daasvader:orders';
const USER = 'sui:tester';
const SUPER = 'sui:super';
/** One of the cluster's own, which may write what users may not. */
const CONTROLLER = 'system:serviceaccount:kube-system:some';

type Json = Record<string, unknown>;

let server: BareServer;
let orders = 0;
/** All that was refused or warned of. */
const told = new Set<string>();

beforeAll(async () => {
  server = await BareServer.start();
  for (const object of [
    namespace(NAMESPACE, { ...MANAGED, 'pod-security.kubernetes.io/enforce': 'privileged' }),
    namespace('elsewhere', {}),
    role('everything', [
      { apiGroups: ['', 'apps', 'batch', 'autoscaling', 'policy'], resources: ['*'], verbs: ['*'] },
      { apiGroups: ['networking.k8s.io'], resources: ['*'], verbs: ['*'] },
    ]),
    role('priority', [{ apiGroups: ['daasvader.io'], resources: ['priorityclasses'], verbs: ['use'] }]),
    binding('everything', [USER, SUPER, CONTROLLER]),
    binding('priority', [SUPER]),
    ...['daasvader-high', 'other'].map((name) => ({
      ...{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value: 10 },
    })),
  ])
    await server.kubernetes.apply(object);
  // The rights take a moment, and so does the account that pods are given.
  const account = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`;
  await vi.waitUntil(async () => (await ask('GET', account)).status === 200, SOON);
});

afterAll(() => server?.[Symbol.asyncDispose]());

function namespace(name: string, labels: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function role(name: string, rules: object[]) {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
}

function binding(name: string, users: string[]) {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    ...{ apiVersion: `${apiGroup}/v1`, kind: 'ClusterRoleBinding', metadata: { name } },
    roleRef: { apiGroup, kind: 'ClusterRole', name },
    subjects: users.map((user) => ({ apiGroup, kind: 'User', name: user })),
  };
}

// --- Who asks ---

interface Told {
  readonly status: number;
  /** The message of a refusal; empty when it was accepted. */
  readonly message: string;
  readonly warnings: string[];
  readonly object: { metadata: { name: string } } & Json;
}

/** Asks the API server as the enclave does in somebody's name, or as the enclave itself. */
async function ask(
  method: string,
  path: string,
  body?: object,
  user = USER,
  type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
): Promise<Told> {
  orders += 1;
  const sent = server.open(method, path, server.administrator, {
    'content-type': type,
    ...(user !== 'enclave' && {
      'impersonate-user': user,
      'impersonate-group': ORDERS,
      'impersonate-extra-daasvader.io%2forder': `${orders}`,
    }),
  });
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  sent.on('error', reject);
  sent.on('response', async (response) => {
    const object = JSON.parse(await text(response));
    const status = response.statusCode ?? 0;
    // A header may come once for each warning, or once for all: `299 - "…", 299 - "…"`.
    const warnings = [response.headers.warning ?? []]
      .flat()
      .flatMap((header) => header.split(/, (?=299 - ")/));
    const message = status < 300 ? '' : object.message;
    for (const line of [message, ...warnings]) told.add(line);
    resolve({ status, message, warnings, object });
  });
  sent.end(body && JSON.stringify(body));
  return promise;
}

const PATHS: Readonly<Record<string, string>> = {
  v1: '/api/v1',
  'apps/v1': '/apis/apps/v1',
  'batch/v1': '/apis/batch/v1',
  'networking.k8s.io/v1': '/apis/networking.k8s.io/v1',
  'autoscaling/v1': '/apis/autoscaling/v1',
  'autoscaling/v2': '/apis/autoscaling/v2',
  'policy/v1': '/apis/policy/v1',
};

interface Made {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string } & Json;
  readonly [field: string]: unknown;
}

function pathOf({ apiVersion, kind }: Made, inNamespace = NAMESPACE): string {
  const lower = kind.toLowerCase();
  const plural = { networkpolicy: 'networkpolicies', ingress: 'ingresses' }[lower] ?? `${lower}s`;
  return `${PATHS[apiVersion]}/namespaces/${inNamespace}/${plural}`;
}

const create = (object: Made, user = USER) => ask('POST', pathOf(object), object, user);
const patch = (object: Made, change: object, subresource = '', user = USER) =>
  ask('PATCH', `${pathOf(object)}/${object.metadata.name}${subresource}`, change, user);

// --- What is asked for ---

let made = 0;
/** Names are not used twice, as nothing is deleted. */
const newName = () => `t${++made}`;

const POD = { automountServiceAccountToken: false, containers: [{ name: 'web', image: 'nginx' }] };
const labels = { app: 'web' };
const selector = { matchLabels: labels };

function configMap(name = newName(), metadata: object = {}): Made {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata } };
}

function deployment(spec: object, others: object = {}): Made {
  const template = { metadata: { labels }, spec };
  // Paused, it makes no pods.
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: newName() } },
    spec: { paused: true, replicas: 0, selector, template, ...others },
  };
}

function statefulSet(others: object): Made {
  const template = { metadata: { labels }, spec: POD };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: newName() } },
    spec: { replicas: 0, selector, template, serviceName: 'web', ...others },
  };
}

function claim(spec: object, metadata: object = {}): Made {
  return {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: newName(), ...metadata } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  };
}

function simple(apiVersion: string, kind: string, spec: object, metadata: object = {}): Made {
  return { apiVersion, kind, metadata: { name: newName(), ...metadata }, spec };
}

const service = (spec: object) =>
  simple('v1', 'Service', { ports: [{ port: 80 }], selector: labels, ...spec });
const onlyOnce = { ...POD, restartPolicy: 'Never' };
const job = (spec: object, metadata: object = {}) =>
  simple(
    'batch/v1',
    'Job',
    { suspend: true, template: { spec: { ...POD, restartPolicy: 'Never' } }, ...spec },
    metadata,
  );

/** Each kind that holds a pod or its template: where in the object it is, and the object. */
const HOLDERS: Record<string, [path: string, make: (spec: object, metadata?: object) => Made]> = {
  Pod: ['spec', (spec, metadata = {}) => simple('v1', 'Pod', spec, metadata)],
  Deployment: [
    'spec.template.spec',
    (spec, metadata = {}) => deployment(spec, { template: { metadata: { labels, ...metadata }, spec } }),
  ],
  ReplicaSet: [
    'spec.template.spec',
    (spec, metadata = {}) =>
      simple('apps/v1', 'ReplicaSet', {
        replicas: 0,
        selector,
        template: { metadata: { labels, ...metadata }, spec },
      }),
  ],
  StatefulSet: [
    'spec.template.spec',
    (spec, metadata = {}) => statefulSet({ template: { metadata: { labels, ...metadata }, spec } }),
  ],
  DaemonSet: [
    'spec.template.spec',
    (spec, metadata = {}) =>
      simple('apps/v1', 'DaemonSet', { selector, template: { metadata: { labels, ...metadata }, spec } }),
  ],
  Job: [
    'spec.template.spec',
    (spec, metadata = {}) => job({ template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } }),
  ],
  CronJob: [
    'spec.jobTemplate.spec.template.spec',
    (spec, metadata = {}) =>
      simple('batch/v1', 'CronJob', {
        ...{ schedule: '0 0 1 1 *', suspend: true },
        jobTemplate: { spec: { template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } } },
      }),
  ],
};

const container = (fields: object) => ({ containers: [{ ...POD.containers[0], ...fields }] });
const initContainer = (fields: object) => ({
  initContainers: [{ name: 'setup', image: 'busybox', ...fields }],
});
const secured = (securityContext: object) => container({ securityContext });
const volume = (source: object) => ({ volumes: [{ name: 'data', ...source }] });
const httpGet = (host?: string) => ({ httpGet: { path: '/', port: 80, ...(host && { host }) } });
const affinity = (term: object) => ({
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', ...term } },
      ],
    },
  },
});

type PodRow = readonly [
  what: string,
  spec: object,
  /** The end of the path of what is refused; nothing where it is accepted. */
  refused?: string,
  /** Kinds for which Kubernetes itself, or nobody, minds. */
  except?: readonly string[],
];

const POD_ROWS: PodRow[] = [
  ['an ordinary pod', {}],
  ['a node', { nodeName: 'worker-1' }, 'nodeName'],
  ['a node selector', { nodeSelector: { disk: 'ssd' } }],
  ['another scheduler', { schedulerName: 'mine' }, 'schedulerName'],
  ['the scheduler there is', { schedulerName: 'default-scheduler' }],
  ['scheduling gates', { schedulingGates: [{ name: 'example.com/later' }] }, 'schedulingGates'],
  ['a toleration of everything', { tolerations: [{ operator: 'Exists' }] }, 'tolerations[0].key'],
  [
    'a toleration of another taint',
    { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] },
    'tolerations[0].key',
  ],
  [
    'how long to stay with a node that is away',
    {
      tolerations: [
        {
          key: 'node.kubernetes.io/unreachable',
          effect: 'NoExecute',
          operator: 'Exists',
          tolerationSeconds: 30,
        },
      ],
    },
  ],
  ['anti-affinity to pods of another namespace', affinity({ namespaces: ['kube-system'] }), 'affinity'],
  ['anti-affinity to pods of any namespace', affinity({ namespaceSelector: {} }), 'affinity'],
  ['anti-affinity to pods of its own', affinity({ labelSelector: selector })],
  [
    'affinity to pods of another namespace',
    {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', namespaces: ['other'] },
          ],
        },
      },
    },
    'affinity',
  ],
  ["a super user's priority", { priorityClassName: 'daasvader-high' }, 'priorityClassName'],
  ["the system's priority", { priorityClassName: 'system-node-critical' }, 'priorityClassName'],
  ['a raw priority', { priority: 1_000 }, 'priority', ['Pod']],
  ['pre-emption', { preemptionPolicy: 'Never' }, 'priority', ['Pod']],
  ['devices', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] }, 'resourceClaims'],
  ["the node's network", { hostNetwork: true }, 'hostNetwork'],
  ["the node's processes", { hostPID: true }, 'hostPID'],
  ["the node's memory", { hostIPC: true }, 'hostIPC'],
  ['users of its own', { hostUsers: false }],
  ['another runtime', { runtimeClassName: 'other' }, 'runtimeClassName', ['Pod']],
  ['another system', { os: { name: 'windows' } }, 'os.name', ['Pod']],
  ['a port', container({ ports: [{ containerPort: 80 }] })],
  [
    'a port of the node',
    container({ ports: [{ containerPort: 80, hostPort: 80 }] }),
    'containers[web].ports',
  ],
  [
    'an address of the node',
    container({ ports: [{ containerPort: 80, hostIP: '127.0.0.1' }] }),
    'containers[web].ports',
  ],
  ['a probe', container({ livenessProbe: httpGet() })],
  ['a probe elsewhere', container({ livenessProbe: httpGet('169.254.169.254') }), 'lifecycle'],
  [
    'a readiness probe elsewhere',
    container({ readinessProbe: { tcpSocket: { port: 80, host: '10.0.0.1' } } }),
    'lifecycle',
  ],
  ['a startup probe elsewhere', container({ startupProbe: httpGet('localhost') }), 'lifecycle'],
  ['a hook elsewhere', container({ lifecycle: { preStop: httpGet('10.0.0.1') } }), 'lifecycle'],
  ['another hook elsewhere', container({ lifecycle: { postStart: httpGet('10.0.0.1') } }), 'lifecycle'],
  [
    'a sidecar that probes elsewhere',
    initContainer({ restartPolicy: 'Always', livenessProbe: httpGet('10.0.0.1') }),
    'lifecycle',
  ],
  ['ten minutes to end', { terminationGracePeriodSeconds: 600 }],
  ['an hour to end', { terminationGracePeriodSeconds: 3_600 }, 'terminationGracePeriodSeconds'],
  [
    'an hour to end after a probe',
    container({ livenessProbe: { ...httpGet(), terminationGracePeriodSeconds: 3_600 } }),
    'terminationGracePeriodSeconds',
  ],
  ['a path of the node', volume({ hostPath: { path: '/' } }), 'volumes[data]'],
  ['a volume of a file server', volume({ nfs: { server: '10.0.0.1', path: '/' } }), 'volumes[data]'],
  ['a volume of a driver', volume({ csi: { driver: 'example.com' } }), 'volumes[data]'],
  [
    'a claim of its own',
    volume({
      ephemeral: {
        volumeClaimTemplate: {
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      },
    }),
    'volumes[data]',
  ],
  ['a claim', volume({ persistentVolumeClaim: { claimName: 'data' } })],
  ['a ConfigMap', volume({ configMap: { name: 'config', defaultMode: 0o444 } })],
  ['a Secret', volume({ secret: { secretName: 'secret' } })],
  [
    'its own fields',
    volume({ downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }),
  ],
  ['an empty directory', volume({ emptyDir: { sizeLimit: '1Gi' } })],
  ['an empty directory in memory', volume({ emptyDir: { medium: 'Memory' } })],
  ['huge pages', volume({ emptyDir: { medium: 'HugePages' } }), 'volumes[data].emptyDir.medium'],
  ['projected Secrets', volume({ projected: { sources: [{ secret: { name: 'secret' } }] } })],
  [
    'a projected token',
    volume({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
    'volumes[data].projected',
  ],
  [
    'a certificate',
    volume({
      projected: {
        sources: [
          {
            podCertificate: { signerName: 'example.com/any', keyType: 'ED25519', credentialBundlePath: 'c' },
          },
        ],
      },
    }),
    'volumes[data].projected',
  ],
  ['the token of its account', { automountServiceAccountToken: true }, 'automountServiceAccountToken'],
  ['limits', container({ resources: { limits: { cpu: '1', memory: '1Gi' } } })],
  [
    'memory without a limit, as a limit of nothing',
    container({ resources: { limits: { memory: '0' } } }),
    'containers[web].resources.limits',
  ],
  [
    'a processor without a limit',
    container({ resources: { limits: { cpu: '0' } } }),
    'containers[web].resources.limits',
  ],
  [
    'a disk without a limit',
    initContainer({ resources: { limits: { 'ephemeral-storage': '0' } } }),
    'initContainers[setup].resources.limits',
  ],
  ['memory of the whole pod without a limit', { resources: { limits: { memory: '0' } } }, 'resources.limits'],
  ['a privileged container', secured({ privileged: true }), 'containers[web].securityContext.privileged'],
  [
    'a way to more rights',
    secured({ allowPrivilegeEscalation: true }),
    'securityContext.allowPrivilegeEscalation',
  ],
  ['a capability', secured({ capabilities: { add: ['NET_ADMIN'] } }), 'securityContext.capabilities.add'],
  ['ports below 1024', secured({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } })],
  ['all of /proc', { ...secured({ procMount: 'Unmasked' }), hostUsers: false }, 'securityContext.procMount'],
  ['root', secured({ runAsUser: 0 }), 'containers[web].securityContext.runAsUser'],
  ['root for the whole pod', { securityContext: { runAsUser: 0 } }, 'spec.securityContext.runAsUser'],
  [
    'perhaps root',
    { securityContext: { runAsNonRoot: false } },
    'containers[web].securityContext.runAsNonRoot',
  ],
  ['root among users of its own', { ...secured({ runAsUser: 0, runAsNonRoot: false }), hostUsers: false }],
  ['a user', secured({ runAsUser: 1_000, runAsNonRoot: true, readOnlyRootFilesystem: true })],
  [
    'all system calls',
    secured({ seccompProfile: { type: 'Unconfined' } }),
    'securityContext.seccompProfile.type',
  ],
  [
    'no profile of AppArmor',
    { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
    'spec.securityContext.appArmorProfile.type',
  ],
  [
    "a profile of the node's for system calls",
    { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'all.json' } } },
    'spec.securityContext.seccompProfile.type',
  ],
  [
    "a profile of the node's of AppArmor, which may confine nothing",
    secured({ appArmorProfile: { type: 'Localhost', localhostProfile: 'runc' } }),
    'containers[web].securityContext.appArmorProfile.type',
  ],
  ['an image of the local network', container({ image: 'registry.local/app' }), 'containers[web].image'],
  ['an image of an address', initContainer({ image: '10.0.0.1:5000/app' }), 'initContainers[setup].image'],
  ['an image as a volume', volume({ image: { reference: 'ghcr.io/some/data:1' } })],
  ['an image of the local network as a volume', volume({ image: { reference: 'nas/data:1' } })],
  [
    'an image of an address as a volume',
    volume({ image: { reference: 'localhost:5000/data' } }),
    'volumes[data].image.reference',
  ],
];

describe.each(Object.entries(HOLDERS))('in a %s', (kind, [at, make]) => {
  for (const [what, spec, refused, except] of POD_ROWS) {
    if (except?.includes(kind)) continue;
    test(what, async () => {
      const { status, message } = await create(make({ ...POD, ...spec }));
      if (refused === undefined) expect({ status, message }).toEqual({ status: 201, message: '' });
      else {
        expect({ status, message }).toEqual({
          status: 422,
          message: expect.stringContaining(`${refused}: `),
        });
        expect(message).toContain(` denied request: ${at}.`);
      }
    });
  }

  test('the annotations of a pod of the node itself', async () => {
    const refused = await create(make(POD, { annotations: { 'kubernetes.io/config.source': 'file' } }));
    expect(refused).toMatchObject({ status: 422, message: expect.stringContaining('static pods') });
    expect(await create(make(POD, { annotations: { 'example.com/note': 'mine' } }))).toMatchObject({
      status: 201,
    });
  });

  test.skipIf(kind === 'Pod')('keys of the enclave’s, which its pods would get', async () => {
    for (const metadata of [
      { labels: { ...labels, ...MANAGED } },
      { annotations: { 'daasvader.io/request-id': '9' } },
    ])
      expect(await create(make(POD, metadata))).toMatchObject({
        status: 422,
        message: expect.stringContaining(`${at.replace(/spec$/, 'metadata')}.labels or annotations: `),
      });
  });

  test('finalizers, which its pods would get', async () => {
    const refused = await create(make(POD, { finalizers: ['example.com/never'] }));
    const told = ` denied request: ${at.replace(/spec$/, 'metadata')}.finalizers: leave it out`;
    expect(refused).toMatchObject({ status: 422, message: expect.stringContaining(told) });
  });

  test("a super user's priority, for a super user", async () => {
    const object = make({ ...POD, priorityClassName: 'daasvader-high' });
    expect(await create(object, SUPER)).toMatchObject({ status: 201 });
  });

  test('what the enclave itself asks for', async () => {
    expect(await create(make({ ...POD, hostNetwork: true }), 'enclave')).toMatchObject({ status: 201 });
  });
});

// --- Images ---

// The agent's own test reads the same table: containerd takes each for an image of the same registry.
const IMAGES: readonly { reference: string; accepted: boolean }[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../k3s/agent/testdata/images.json'), 'utf8'),
);

test.each([
  ...IMAGES,
  { reference: `ghcr.io/${'a'.repeat(247)}`, accepted: true },
  { reference: `ghcr.io/${'a'.repeat(248)}`, accepted: false },
  { reference: 'ghcr.io:65535/app', accepted: true },
  { reference: 'example.test/app:1', accepted: true },
  { reference: 'ghcr.io:65536/app', accepted: false },
])('image $reference: accepted $accepted', async ({ reference, accepted }) => {
  const { status } = await create(deployment({ ...POD, ...container({ image: reference }) }));
  expect(status).toBe(accepted ? 201 : 422);
});

test('thirty-two containers are judged, each with a long image', async () => {
  const containers = Array.from({ length: 32 }, (_, i) => ({
    name: `c${i}`,
    image: `registry.example.org/${'a/'.repeat(110)}a`,
    env: Array.from({ length: 30 }, (__, n) => ({ name: `E${n}`, value: 'x'.repeat(20) })),
  }));
  expect(await create(deployment({ ...POD, containers }))).toMatchObject({ status: 201, message: '' });
});

// --- Other objects ---

const ingress = (spec: object, metadata: object = {}) =>
  simple('networking.k8s.io/v1', 'Ingress', { defaultBackend: backend, ...spec }, metadata);
const backend = { service: { name: 'web', port: { number: 80 } } };
const resource = { resource: { apiGroup: 'example.com', kind: 'Bucket', name: 'b' } };
const ingressPath = (to: object) => ({ path: '/', pathType: 'Prefix', backend: to });
const networkPolicy = (spec: object) =>
  simple('networking.k8s.io/v1', 'NetworkPolicy', { podSelector: {}, ...spec });
const autoscaler = (spec: object) =>
  simple('autoscaling/v2', 'HorizontalPodAutoscaler', {
    ...{ maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
    ...spec,
  });
const secret = (fields: object): Made => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: newName() } },
  ...fields,
});
const owner = (fields: object) => ({
  ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'first', uid: '1-2-3', ...fields }],
});
const BY_CRON_JOB = { apiVersion: 'batch/v1', kind: 'CronJob', controller: true };
const externalMetric = {
  type: 'External',
  external: { metric: { name: 'm' }, target: { type: 'Value', value: '1' } },
};
const template = (spec: object, metadata: object = {}) => {
  const { spec: full } = claim(spec);
  return statefulSet({ volumeClaimTemplates: [{ metadata: { name: 'data', ...metadata }, spec: full }] });
};

const ROWS: readonly [what: string, object: () => Made, refused?: string][] = [
  ['a Service', () => service({})],
  ['a headless Service', () => service({ clusterIP: 'None' })],
  ['a Service on the nodes', () => service({ type: 'NodePort' }), 'spec.type'],
  ['a Service of a balancer', () => service({ type: 'LoadBalancer' }), 'spec.type'],
  [
    'a Service that names a host',
    () => service({ type: 'ExternalName', externalName: 'example.com' }),
    'spec.type',
  ],
  [
    'a Service that names a host by the way',
    () => service({ externalName: 'example.com' }),
    'spec.externalName',
  ],
  ['a Service of an address', () => service({ externalIPs: ['192.0.2.1'] }), 'spec.externalIPs'],
  [
    'a Service of too many ports',
    () => service({ ports: Array.from({ length: 33 }, (_, i) => ({ name: `p${i}`, port: 80 + i })) }),
    'spec.ports',
  ],
  ['a hundred replicas', () => deployment(POD, { replicas: 100 })],
  ['a hundred and one', () => deployment(POD, { replicas: 101 }), 'spec.replicas'],
  ['a hundred and one of a StatefulSet', () => statefulSet({ replicas: 101 }), 'spec.replicas'],
  ['many former versions', () => deployment(POD, { revisionHistoryLimit: 21 }), 'spec.revisionHistoryLimit'],
  ['a Job', () => job({ parallelism: 100, completions: 1_000, completionMode: 'Indexed' })],
  ['a Job of many pods', () => job({ parallelism: 101 }), 'spec.parallelism'],
  ['a Job of very many pods', () => job({ completions: 1_001 }), 'spec.completions'],
  ['a Job that always tries again', () => job({ backoffLimit: 101 }), 'spec.backoffLimit'],
  [
    'a Job that always tries again, part by part',
    () => job({ completions: 2, completionMode: 'Indexed', backoffLimitPerIndex: 101 }),
    'spec.backoffLimitPerIndex',
  ],
  ['a Job of somebody else', () => job({ managedBy: 'example.com/me' }), 'spec.managedBy'],
  [
    'a CronJob of many pods',
    () =>
      simple('batch/v1', 'CronJob', {
        schedule: '0 0 1 1 *',
        jobTemplate: { spec: { parallelism: 101, template: { spec: { ...POD, restartPolicy: 'Never' } } } },
      }),
    'spec.jobTemplate.spec.parallelism',
  ],
  [
    'a CronJob that keeps all',
    () =>
      simple('batch/v1', 'CronJob', {
        ...{ schedule: '0 0 1 1 *', suspend: true, failedJobsHistoryLimit: 21 },
        jobTemplate: { spec: { template: { spec: { ...POD, restartPolicy: 'Never' } } } },
      }),
    'successfulJobsHistoryLimit',
  ],
  ['a claim', () => claim({})],
  ['a claim of the class', () => claim({ storageClassName: 'local-path' })],
  ['a claim of another class', () => claim({ storageClassName: 'fast' }), 'spec.storageClassName'],
  ['a claim of no class', () => claim({ storageClassName: '' }), 'spec.storageClassName'],
  [
    'a claim of another class by annotation',
    () => claim({}, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'fast' } }),
    'metadata.annotations',
  ],
  [
    'a claim that says it is bound',
    () => claim({}, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }),
    'metadata.annotations',
  ],
  ['a claim of many writers', () => claim({ accessModes: ['ReadWriteMany'] }), 'spec.accessModes'],
  ['a raw disk', () => claim({ volumeMode: 'Block' }), 'spec.volumeMode'],
  ["somebody's volume", () => claim({ volumeName: 'pvc-1' }), 'spec.volumeName'],
  ['a volume by its labels', () => claim({ selector: { matchLabels: { a: 'b' } } }), 'spec.selector'],
  [
    'a copy',
    () => claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'other' } }),
    'spec.dataSource',
  ],
  [
    'attributes of a volume',
    () => claim({ volumeAttributesClassName: 'fast' }),
    'spec.volumeAttributesClassName',
  ],
  ['claims of a StatefulSet', () => template({ storageClassName: 'local-path' })],
  [
    'its claims of another class',
    () => template({ storageClassName: 'fast' }),
    'volumeClaimTemplates[data].spec.storageClassName',
  ],
  [
    "its claims of somebody's volume",
    () => template({ volumeName: 'pvc-1' }),
    'volumeClaimTemplates[data].spec.volumeName',
  ],
  [
    'its claims of many writers',
    () => template({ accessModes: ['ReadWriteMany'] }),
    'volumeClaimTemplates[data].spec.accessModes',
  ],
  [
    'its claims of another class by annotation',
    () => template({}, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'fast' } }),
    'volumeClaimTemplates[data].metadata.annotations',
  ],
  [
    'its claims that stay',
    () => template({}, { finalizers: ['example.com/never'] }),
    'volumeClaimTemplates[data].metadata.finalizers',
  ],
  [
    'its claims that go with another object',
    () => template({}, owner({})),
    'volumeClaimTemplates[data].metadata.ownerReferences',
  ],
  [
    'its claims as the enclave’s own',
    () => template({}, { labels: MANAGED }),
    'volumeClaimTemplates[data].metadata.labels or annotations',
  ],
  [
    'a CronJob of Jobs as some order’s own',
    () =>
      simple('batch/v1', 'CronJob', {
        schedule: '0 0 1 1 *',
        jobTemplate: {
          metadata: { annotations: { 'daasvader.io/request-id': '9' } },
          spec: { template: { spec: { ...POD, restartPolicy: 'Never' } } },
        },
      }),
    'spec.jobTemplate.metadata.labels or annotations',
  ],
  ['an Ingress', () => ingress({ ingressClassName: 'daasvader' })],
  [
    'an Ingress of paths',
    () => ingress({ rules: [{ host: 'a.example.com', http: { paths: [ingressPath(backend)] } }] }),
  ],
  ['an Ingress of another class', () => ingress({ ingressClassName: 'nginx' }), 'spec.ingressClassName'],
  [
    'an Ingress of another class by annotation',
    () => ingress({}, { annotations: { 'kubernetes.io/ingress.class': 'nginx' } }),
    'spec.ingressClassName',
  ],
  ['an Ingress to a resource', () => ingress({ defaultBackend: resource }), 'spec.defaultBackend.resource'],
  [
    'an Ingress with a path to a resource',
    () => ingress({ rules: [{ http: { paths: [ingressPath(resource)] } }] }),
    'spec.rules.http.paths.backend.resource',
  ],
  [
    'an Ingress of many rules',
    () => ingress({ rules: Array.from({ length: 33 }, (_, i) => ({ host: `h${i}.example.com` })) }),
    'spec',
  ],
  ['a NetworkPolicy', () => networkPolicy({ ingress: [{ from: [{ podSelector: {} }] }] })],
  [
    'a NetworkPolicy of many rules',
    () => networkPolicy({ egress: Array.from({ length: 33 }, () => ({})) }),
    'spec',
  ],
  [
    'a NetworkPolicy of many peers',
    () => networkPolicy({ ingress: [{ from: Array.from({ length: 33 }, () => ({ podSelector: {} })) }] }),
    'spec',
  ],
  ['a HorizontalPodAutoscaler', () => autoscaler({})],
  ['one in the former version', () => ({ ...autoscaler({}), apiVersion: 'autoscaling/v1' })],
  ['one of many replicas', () => autoscaler({ maxReplicas: 101 }), 'spec.maxReplicas'],
  [
    'one of many replicas, in the former version',
    () => ({ ...autoscaler({ maxReplicas: 101 }), apiVersion: 'autoscaling/v1' }),
    'spec.maxReplicas',
  ],
  [
    'one of something else',
    () => autoscaler({ scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Thing', name: 'x' } }),
    'spec.scaleTargetRef',
  ],
  ['one of outside metrics', () => autoscaler({ metrics: [externalMetric] }), 'spec.metrics'],
  ['a PodDisruptionBudget', () => simple('policy/v1', 'PodDisruptionBudget', { minAvailable: 1, selector })],
  ['a ServiceAccount', () => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: newName() } })],
  ['a Secret', () => secret({ stringData: { a: 'b' } })],
  [
    'a token without end',
    () => ({
      ...secret({ type: 'kubernetes.io/service-account-token' }),
      metadata: { name: newName(), annotations: { 'kubernetes.io/service-account.name': 'default' } },
    }),
    'type',
  ],
  [
    'an object that stays',
    () => configMap(newName(), { finalizers: ['example.com/never'] }),
    'metadata.finalizers',
  ],
  [
    'a Secret that stays',
    () => ({ ...secret({}), metadata: { name: newName(), finalizers: ['example.com/never'] } }),
    'metadata.finalizers',
  ],
  ['an object that goes with another', () => configMap(newName(), owner({}))],
  [
    'an object that goes with a node',
    () => configMap(newName(), owner({ kind: 'Node' })),
    'metadata.ownerReferences',
  ],
  [
    'an object that says it is controlled',
    () => configMap(newName(), owner({ controller: true })),
    'metadata.ownerReferences',
  ],
  ['a Job that a CronJob controls, as kubectl makes it', () => job({}, owner(BY_CRON_JOB))],
  [
    'a Job that a Job controls',
    () => job({}, owner({ ...BY_CRON_JOB, kind: 'Job' })),
    'metadata.ownerReferences',
  ],
  [
    'a Job that a CronJob of another group controls',
    () => job({}, owner({ ...BY_CRON_JOB, apiVersion: 'apps/v1' })),
    'metadata.ownerReferences',
  ],
  [
    'an object that a CronJob controls',
    () => configMap(newName(), owner(BY_CRON_JOB)),
    'metadata.ownerReferences',
  ],
];

test.each(ROWS)('%s', async (_, object, refused) => {
  const { status, message } = await create(object());
  if (refused === undefined) expect({ status, message }).toEqual({ status: 201, message: '' });
  else expect({ status, message }).toEqual({ status: 422, message: expect.stringContaining(`${refused}: `) });
});

test('in a namespace that is no tenant’s nothing is judged', async () => {
  const object = service({ type: 'NodePort' });
  expect(await ask('POST', pathOf(object, 'elsewhere'), object)).toMatchObject({ status: 201 });
});

// --- Ways around ---

test('a patch is judged by what comes of it', async () => {
  const object = deployment(POD);
  await create(object);
  expect(await patch(object, { spec: { template: { spec: { hostNetwork: true } } } })).toMatchObject({
    status: 422,
  });
  expect(await patch(object, { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } })).toMatchObject({
    status: 200,
  });
});

test.each(['Deployment', 'StatefulSet'])('scaling a %s is judged', async (kind) => {
  const object = kind === 'Deployment' ? deployment(POD) : statefulSet({});
  await create(object);
  const scale = (replicas: number) => patch(object, { spec: { replicas } }, '/scale');
  expect(await scale(101)).toMatchObject({
    status: 422,
    message: expect.stringContaining('spec.replicas: at most 100'),
  });
  expect(await scale(1)).toMatchObject({ status: 200 });
  expect(await scale(0)).toMatchObject({ status: 200 });
});

test('a container that is added to a running pod is judged', async () => {
  const pod = simple('v1', 'Pod', POD);
  await create(pod);
  const add = (image: string, user: string) =>
    patch(pod, { spec: { ephemeralContainers: [{ name: 'debug', image }] } }, '/ephemeralcontainers', user);
  expect(await add('10.0.0.1/debug', CONTROLLER)).toMatchObject({
    ...{ status: 422, message: expect.stringContaining('spec.ephemeralContainers[debug].image: ') },
  });
  expect(await add('busybox', USER)).toMatchObject({ status: 403 });
  expect(await add('busybox', CONTROLLER)).toMatchObject({ status: 200 });
});

test('a claim that waits is not bound to somebody’s volume by its owner', async () => {
  const object = claim({});
  await create(object);
  expect(await patch(object, { spec: { volumeName: 'pvc-1' } })).toMatchObject({ status: 422 });
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
  expect(await patch(object, { metadata: { annotations } })).toMatchObject({ status: 422 });
  expect(await patch(object, { metadata: { annotations: { note: 'mine' } } })).toMatchObject({ status: 200 });
});

test('a claim keeps what protects its volume', async () => {
  const object = claim({});
  await create(object);
  const refused = await patch(object, { metadata: { finalizers: null } });
  expect(refused).toMatchObject({ status: 422, message: expect.stringContaining('pvc-protection') });
});

test('what the controllers make of a template is judged as well', async () => {
  const { metadata } = (
    await create(deployment({ ...POD, hostNetwork: true }, { paused: false, replicas: 1 }), 'enclave')
  ).object;
  const state = async () =>
    JSON.stringify(
      (await ask('GET', `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${metadata.name}`)).object,
    );
  await expect.poll(state, SOON).toContain('spec.template.spec.hostNetwork: leave it out');
});

test('what the controllers add to pods and claims is accepted', async () => {
  await server.kubernetes.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1' } });
  const labelled = (app: string) => ({
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: POD },
  });
  await create(simple('apps/v1', 'DaemonSet', labelled('daemon')));
  await create(job({ suspend: false, template: { metadata: { labels: { app: 'job' } }, spec: onlyOnce } }));
  const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: claim({}).spec }];
  const set = statefulSet({ ...labelled('set'), replicas: 1, volumeClaimTemplates });
  await create(set);
  const listed = async (what: string) =>
    (await ask('GET', `/api/v1/namespaces/${NAMESPACE}/${what}`)).object.items;
  for (const app of ['daemon', 'job', 'set'])
    await expect.poll(() => listed(`pods?labelSelector=app%3D${app}`), SOON).toHaveLength(1);
  await expect.poll(() => listed('persistentvolumeclaims?labelSelector=app%3Dset'), SOON).toHaveLength(1);
});

test('pods of a super user are made by the controllers', async () => {
  const object = deployment(
    { ...POD, priorityClassName: 'daasvader-high' },
    {
      ...{ paused: false, replicas: 1, selector: { matchLabels: { app: 'high' } } },
      template: {
        metadata: { labels: { app: 'high' } },
        spec: { ...POD, priorityClassName: 'daasvader-high' },
      },
    },
  );
  expect(await create(object, SUPER)).toMatchObject({ status: 201 });
  const pods = async () =>
    (await ask('GET', `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app%3Dhigh`)).object.items;
  await expect.poll(pods, SOON).toHaveLength(1);
});

// --- What is there already ---

test('an update that leaves what would be refused today as it was is accepted', async () => {
  const old = deployment({ ...POD, hostNetwork: true });
  await create(old, 'enclave');
  expect(await patch(old, { metadata: { labels: { a: 'b' } }, spec: { replicas: 0 } })).toMatchObject({
    status: 200,
  });
  expect(await patch(old, { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } })).toMatchObject({
    status: 422,
  });
  expect(await patch(old, { spec: { template: { spec: { hostNetwork: false } } } })).toMatchObject({
    status: 200,
  });
});

test('finalizers and owners that an object has may stay and go, not come', async () => {
  const object = configMap(newName(), { finalizers: ['example.com/old'], ...owner({ kind: 'Node' }) });
  await create(object, 'enclave');
  expect(await patch(object, { metadata: { labels: { a: 'b' } } })).toMatchObject({ status: 200 });
  expect(
    await patch(object, { metadata: { finalizers: ['example.com/old', 'example.com/new'] } }),
  ).toMatchObject({ status: 422 });
  expect(await patch(object, { metadata: { finalizers: [], ownerReferences: [] } })).toMatchObject({
    status: 200,
  });
});

test("the enclave's own objects are neither changed nor deleted by anybody else", async () => {
  const object = { ...networkPolicy({}), metadata: { name: newName(), labels: MANAGED } };
  await create(object, 'enclave');
  const refused = { status: 422, message: expect.stringContaining("is the enclave's") };
  expect(await patch(object, { spec: { ingress: [{}] } })).toMatchObject(refused);
  expect(await patch(object, { metadata: { labels: { 'daasvader.io/managed': null } } })).toMatchObject(
    refused,
  );
  const path = `${pathOf(object)}/${object.metadata.name}`;
  expect(await ask('DELETE', path)).toMatchObject(refused);
  expect(await ask('DELETE', pathOf(object), {})).toMatchObject(refused);
  expect(await ask('DELETE', path, undefined, 'enclave')).toMatchObject({ status: 200 });
});

test('an object is not written by ever more managers', async () => {
  const object = configMap();
  await create(object);
  const { apiVersion, kind, metadata } = object;
  const apply = (manager: number) =>
    ask(
      'PATCH',
      `${pathOf(object)}/${metadata.name}?fieldManager=m${manager}`,
      { apiVersion, kind, metadata, data: { [`k${manager}`]: 'v' } },
      USER,
      'application/apply-patch+yaml',
    );
  const answers = [];
  for (let manager = 0; manager < 40; manager += 1) answers.push(await apply(manager));
  expect(answers[0]).toMatchObject({ status: 200 });
  const refused = expect.stringContaining('metadata.managedFields: at most 32');
  expect(answers.at(-1)).toMatchObject({ status: 422, message: refused });
});

// --- How it is told ---

test('all complaints come at once, as warnings, and the first one as the reason', async () => {
  const { message, warnings } = await create(
    deployment({ ...POD, ...container({ image: '10.0.0.1/app' }), hostNetwork: true, nodeName: 'worker-1' }),
  );
  expect(message).toContain("ValidatingAdmissionPolicy '");
  for (const path of ['containers[web].image', 'hostNetwork', 'nodeName'])
    expect(warnings.join('\n')).toContain(`spec.template.spec.${path}: `);
});

test('what several containers have wrong is told of each', async () => {
  const { message } = await create(
    deployment({ ...POD, ...container({ image: '10.0.0.1/a' }), ...initContainer({ image: '10.0.0.1/b' }) }),
  );
  expect(message).toContain(
    'spec.template.spec.containers[web].image, spec.template.spec.initContainers[setup].image: name an image',
  );
});

test.each([['an Ingress', () => ingress({}), 'nothing serves it yet']])(
  '%s is accepted with a warning of what is not there yet',
  async (_, object, warning) => {
    const { status, warnings } = await create(object());
    expect({ status, warnings }).toEqual({ status: 201, warnings: [expect.stringContaining(warning)] });
  },
);

test('what is as it should be is accepted without a warning', async () => {
  expect(await create(deployment(POD))).toMatchObject({ status: 201, warnings: [] });
  expect(await create(autoscaler({}))).toMatchObject({ status: 201, warnings: [] });
});

test('no rule is without an object that it refuses', async () => {
  const folder = join(import.meta.dirname, '../k3s/policies');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  const rules = await Promise.all(
    files.map(async (file) => {
      const policy: { rules: { message: string }[] } = parse(await readFile(join(folder, file), 'utf8'));
      return policy.rules.map(({ message }) => ({ file, message }));
    }),
  );
  const all = [...told].join('\n').replaceAll('\\"', '"');
  expect(rules.flat().filter(({ message }) => !all.includes(message))).toEqual([]);
});
