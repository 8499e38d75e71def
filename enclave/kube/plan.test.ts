import { ROLE } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { V1DaemonSet, V1Deployment, V1Pod, V1Service } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import type { ScheduledRequest } from '../chain/requests.ts';
import { planRequest } from './plan.ts';

const ALICE = `0x${'a1'.repeat(32)}`;
const BOB = `0x${'b0'.repeat(32)}`;

function request(changes: Partial<ScheduledRequest> = {}): ScheduledRequest {
  return {
    requestId: 7n,
    method: 'POST',
    path: '/apis/apps/v1/namespaces/default/deployments',
    name: 'web',
    labels: '',
    namespace: 'default',
    containerName: 'web',
    image: 'nginx:alpine',
    port: '80',
    requester: ALICE,
    owner: ALICE,
    query: '',
    contentType: '',
    body: undefined,
    size: 0,
    blob: undefined,
    atMs: 0,
    ...changes,
  };
}

function withManifest(manifest: unknown, changes: Partial<ScheduledRequest> = {}): ScheduledRequest {
  const body = new TextEncoder().encode(JSON.stringify(manifest));
  const flat = { name: '', containerName: '', image: '', port: '' };
  return request({ ...flat, contentType: 'application/json', body, ...changes });
}

function pod(spec: object): ScheduledRequest {
  const manifest = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec };
  return withManifest(manifest, { path: '/api/v1/namespaces/default/pods' });
}

describe('planRequest()', () => {
  test('builds a restricted Deployment in the namespace of the requester', () => {
    const plan = planRequest(request());
    const { spec, metadata } = plan.object as V1Deployment;
    expect(plan).toMatchObject({
      verb: 'apply',
      kind: 'Deployment',
      name: 'web',
      namespace: namespaceOf(ALICE),
    });
    expect(metadata?.annotations).toEqual({ 'daasvader.io/request-id': '7' });
    expect(spec?.selector.matchLabels).toEqual({ app: 'web' });
    expect(spec?.template.spec?.automountServiceAccountToken).toBe(false);
    expect(spec?.template.spec?.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(spec?.template.spec?.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('gives the same object for the same request', () => {
    expect(planRequest(request())).toEqual(planRequest(request()));
  });

  test('builds a Service that selects the workload of the same name', () => {
    const plan = planRequest(request({ path: '/api/v1/namespaces/default/services', image: '' }));
    expect((plan.object as V1Service).spec).toEqual({
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 80 }],
    });
  });

  test('plans a deletion of the identity alone', () => {
    const plan = planRequest(
      request({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/web', image: '' }),
    );
    expect(plan).toMatchObject({ verb: 'delete', object: { kind: 'Pod', metadata: { name: 'web' } } });
  });

  test('accepts a manifest and keeps what it may choose', () => {
    const plan = planRequest(pod({ containers: [{ name: 'c', image: 'busybox', args: ['sleep', '9'] }] }));
    expect((plan.object as V1Pod).spec?.containers[0]).toMatchObject({
      args: ['sleep', '9'],
      imagePullPolicy: 'IfNotPresent',
    });
  });

  test('accepts resources that name some of what there is', () => {
    const limits = { cpu: '500m', memory: '256Mi' };
    const resources = { limits, requests: { cpu: 1 } };
    const plan = planRequest(pod({ containers: [{ name: 'c', image: 'busybox', resources }] }));
    expect((plan.object as V1Pod).spec?.containers[0]?.resources).toEqual(resources);
    const unknown = { limits: { 'nvidia.com/gpu': '1' } };
    expect(() =>
      planRequest(pod({ containers: [{ name: 'c', image: 'busybox', resources: unknown }] })),
    ).toThrow('resources');
  });

  test.each([namespaceOf(BOB), `${namespaceOf(BOB)}-b`])(
    'what a role was granted for goes to the owner of %s',
    (namespace) => {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const plan = planRequest(request({ owner: BOB, namespace, path }));
      expect(plan.namespace).toBe(namespace);
    },
  );

  test.each([
    ["the requester's own namespace under another owner", namespaceOf(ALICE)],
    ['`default` under another owner', 'default'],
    ["a namespace that begins like the owner's", `${namespaceOf(BOB)}b`],
  ])('refuses %s', (_, namespace) => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    expect(() => planRequest(request({ owner: BOB, namespace, path }))).toThrow('not its owner');
  });

  test.each([
    ['a reading method', { method: 'GET' }],
    ['a cluster-scoped path', { path: '/api/v1/nodes' }],
    ['a path that climbs', { path: '/api/v1/namespaces/../namespaces/default/pods' }],
    ['secrets', { path: '/api/v1/namespaces/default/secrets' }],
    ['an unknown resource', { path: '/apis/apps/v1/namespaces/default/statefulsets' }],
    ['a resource of a prototype', { path: '/api/v1/namespaces/default/constructor' }],
    ['a resource in another group', { path: '/api/v1/namespaces/default/deployments' }],
    ['kube-system', { path: '/apis/apps/v1/namespaces/kube-system/deployments', namespace: 'kube-system' }],
    ['path and namespace that disagree', { namespace: namespaceOf(ALICE) }],
    [
      "another's namespace",
      { path: `/apis/apps/v1/namespaces/${namespaceOf(BOB)}/deployments`, namespace: namespaceOf(BOB) },
    ],
    ['a bad image', { image: 'nginx:alpine;rm' }],
    ['an upper-case image', { image: 'Nginx' }],
    ['no image', { image: '' }],
    ['a reserved label', { labels: 'daasvader.io/managed=true' }],
    ['a label of Kubernetes', { labels: 'app.kubernetes.io/name=x' }],
    ['a label without value', { labels: 'app' }],
    ['a label twice', { labels: 'a=1,a=2' }],
    ['port zero', { port: '0' }],
    ['a port too high', { port: '65536' }],
    ['a port with a sign', { port: '+80' }],
    ['a name that is no label', { name: 'Web' }],
    ['names that disagree', { method: 'PUT', path: '/apis/apps/v1/namespaces/default/deployments/other' }],
    ['a name in the path of POST', { path: '/apis/apps/v1/namespaces/default/deployments/web' }],
  ])('refuses %s', (_, changes) => {
    expect(() => planRequest(request(changes))).toThrow(expect.objectContaining({ code: 'request' }));
  });

  const container = { name: 'c', image: 'busybox' };
  test.each([
    ['hostNetwork', pod({ containers: [container], hostNetwork: true })],
    ['hostPID', pod({ containers: [container], hostPID: true })],
    ['nodeName', pod({ containers: [container], nodeName: 'worker-2' })],
    ['serviceAccountName', pod({ containers: [container], serviceAccountName: 'default' })],
    ['tolerations', pod({ containers: [container], tolerations: [] })],
    ['hostPath', pod({ containers: [container], volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
    ['privileged', pod({ containers: [{ ...container, securityContext: { privileged: true } }] })],
    ['runAsUser', pod({ containers: [{ ...container, securityContext: { runAsUser: 0 } }] })],
    ['hostPort', pod({ containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 80 }] }] })],
    ['ephemeralContainers', pod({ containers: [container], ephemeralContainers: [container] })],
  ])('refuses %s in a manifest and names it', (field, hostile) => {
    expect(() => planRequest(hostile)).toThrow(field);
  });

  test('refuses a manifest of another kind, in another namespace, too large or not JSON', () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'web' },
      rules: [],
    };
    const elsewhere = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web', namespace: 'kube-system' },
    };
    const path = '/api/v1/namespaces/default/configmaps';
    expect(() => planRequest(withManifest(role))).toThrow('kind');
    expect(() => planRequest(withManifest(elsewhere, { path }))).toThrow('kube-system');
    const body = (bytes: Uint8Array) => request({ name: '', contentType: 'application/json', body: bytes });
    expect(() => planRequest(body(new Uint8Array(98_305)))).toThrow('98304');
    expect(() => planRequest(body(new Uint8Array([0xff])))).toThrow('JSON');
  });
});

test('namespaceOf() encodes the whole address in base32', () => {
  expect(namespaceOf(`0x${'00'.repeat(32)}`)).toBe(`u-${'a'.repeat(52)}`);
  expect(namespaceOf(ALICE)).toHaveLength(54);
  expect(() => namespaceOf('0x1')).toThrow(TypeError);
});

describe('what admins and super users may', () => {
  const paths = {
    Ingress: '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
    HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    DaemonSet: '/apis/apps/v1/namespaces/default/daemonsets',
  };
  const metadata = { name: 'web' };
  const container = { name: 'c', image: 'busybox' };
  const service = { name: 'web', port: { number: 80 } };
  const rule = { host: 'web.example.com', http: { paths: [{ pathType: 'Prefix', backend: { service } }] } };
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata,
    spec: { rules: [rule] },
  };
  const autoscaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 3 },
  };

  test('an Ingress and an autoscaler take their manifest', () => {
    const planned = planRequest(withManifest(ingress, { path: paths.Ingress }));
    expect(planned.object).toMatchObject({ kind: 'Ingress', spec: { rules: [rule] } });
    const scaled = planRequest(withManifest(autoscaler, { path: paths.HorizontalPodAutoscaler }));
    expect(scaled.object).toMatchObject({ spec: autoscaler.spec });
  });

  test('a DaemonSet has the restrictions of every pod and prefers no node', () => {
    const { spec } = planRequest(request({ path: paths.DaemonSet })).object as V1DaemonSet;
    expect(spec?.template.spec).toMatchObject({ securityContext: { runAsNonRoot: true } });
    expect(spec?.template.spec?.affinity).toBeUndefined();
    expect(spec).not.toHaveProperty('replicas');
  });

  test.each([
    ['annotations of an Ingress', { ...ingress, metadata: { ...metadata, annotations: { a: 'b' } } }],
    ['an Ingress for an address', { ...ingress, spec: { rules: [{ ...rule, host: '10.0.0.1' }] } }],
    ['an Ingress with TLS for an address', { ...ingress, spec: { tls: [{ hosts: ['10.0.0.1'] }] } }],
    ['an Ingress to a resource', { ...ingress, spec: { defaultBackend: { resource: {} } } }],
    ['an Ingress for everything', { ...ingress, spec: { rules: [{ ...rule, host: '*' }] } }],
    [
      'an autoscaler of something else',
      {
        ...autoscaler,
        spec: { ...autoscaler.spec, scaleTargetRef: { apiVersion: 'v1', kind: 'Node', name: 'worker-1' } },
      },
    ],
    [
      'an autoscaler by metrics of others',
      { ...autoscaler, spec: { ...autoscaler.spec, metrics: [{ type: 'External', external: {} }] } },
    ],
    ['an autoscaler without end', { ...autoscaler, spec: { ...autoscaler.spec, maxReplicas: 1_000 } }],
  ])('refuses %s', (_, manifest) => {
    const path = paths[manifest.kind as keyof typeof paths];
    expect(() => planRequest(withManifest(manifest, { path }))).toThrow('Cannot accept manifest');
  });

  test('a PriorityClass is for super users, and one that the cluster offers', () => {
    const prior = (priorityClassName: string) =>
      planRequest(pod({ containers: [container], priorityClassName }));
    expect((prior('daasvader-high').object as V1Pod).spec?.priorityClassName).toBe('daasvader-high');
    expect(prior('daasvader-high').leastRole).toBe(ROLE.super);
    expect(() => prior('system-node-critical')).toThrow('priorityClassName');
    const template = { spec: { containers: [container], priorityClassName: 'daasvader-high' } };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } };
    const path = '/apis/batch/v1/namespaces/default/jobs';
    expect(planRequest(withManifest(job, { path })).leastRole).toBe(ROLE.super);
  });

  test.each([
    ['Ingress', ingress, ROLE.developer],
    ['HorizontalPodAutoscaler', autoscaler, ROLE.admin],
  ] as const)('writing, and deleting, one %s takes the role that it takes', (kind, manifest, role) => {
    expect(planRequest(withManifest(manifest, { path: paths[kind] })).leastRole).toBe(role);
    const deletion = { method: 'DELETE', path: `${paths[kind]}/web`, image: '' };
    expect(planRequest(request(deletion)).leastRole).toBe(role);
  });

  test('a DaemonSet takes the role super, a Deployment a developer', () => {
    expect(planRequest(request({ path: paths.DaemonSet })).leastRole).toBe(ROLE.super);
    expect(planRequest(request()).leastRole).toBe(ROLE.developer);
  });
});

describe('a request to Kubernetes', () => {
  const web = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } };
  const configMaps = '/api/v1/namespaces/default/configmaps';

  test('is planned as flat arguments are', () => {
    expect(planRequest(withManifest(web, { path: configMaps }))).toMatchObject({
      verb: 'apply',
      name: 'web',
    });
    const gone = { method: 'DELETE', path: `${configMaps}/web`, name: '', body: new Uint8Array() };
    expect(planRequest(request(gone))).toMatchObject({ verb: 'delete', name: 'web' });
  });

  test.each([
    ['a query', { query: 'dryRun=All' }, 'the query "dryRun=All" cannot be replayed yet'],
    ['another content type', { contentType: 'application/apply-patch+yaml' }, 'cannot be replayed yet'],
    [
      'a JSON patch',
      { method: 'PATCH', contentType: 'application/json-patch+json' },
      'cannot be replayed yet',
    ],
    [
      'its body elsewhere',
      { blob: { digest: new Uint8Array(32), size: 1, blobId: new Uint8Array(32) }, body: new Uint8Array() },
      'cannot be fetched yet',
    ],
    ['a DELETE with a body', { method: 'DELETE', path: `${configMaps}/web` }, 'cannot be replayed yet'],
    [
      'a subresource',
      { method: 'PUT', path: `${configMaps}/web/status` },
      'configmaps/status cannot be written',
    ],
    [
      'a resource that is not known',
      { path: '/apis/apps/v1/namespaces/default/statefulsets' },
      'statefulsets cannot',
    ],
    ['a group that is not known', { path: '/apis/example.com/v1/namespaces/default/webs' }, 'webs cannot be'],
    ['no body', { body: new Uint8Array() }, 'not JSON'],
  ])('with %s is refused in one line that says so', (_, changes, reason) => {
    const hostile = () => planRequest(withManifest(web, { path: configMaps, ...changes }));
    expect(hostile).toThrow(reason);
    expect(hostile).toThrow(/^[^\n]*$/);
    expect(hostile).toThrow(expect.objectContaining({ code: 'request' }));
  });
});
