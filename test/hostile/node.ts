import {
  attribute,
  COMMON_NAME,
  name,
  newKeys,
  nodeName,
  requestPem,
} from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { type Attack, refused, refusedOrCut, survived } from './attack.ts';
import type { Field } from './field.ts';
import { onlyRights } from './rights.ts';
import { certificateFor, ROGUE } from './rogue-node.ts';

const OWN = `/api/v1/nodes/${ROGUE}`;
const HONEST = 'worker-1';
const EVENTS_IN_FLOOD = 400;
const EVENT_BYTES = 200_000;
const REQUESTS_IN_FLOOD = 600;

const patch = (attack: string, path: string, body: object) =>
  refused(attack, ({ node }) => node.try({ method: 'PATCH', path, body }));

/** A certificate that must not be had: refused at once, denied, or left alone for ever. */
const unsigned = (attack: string, request: Parameters<typeof certificateFor>[1]): Attack => ({
  attack,
  expected: 'no certificate',
  refusal: /^(denied|never signed|4\d\d )/,
  run: async ({ node }) => {
    const seen = await certificateFor(node, request);
    return typeof seen === 'string' ? seen : 'SIGNED';
  },
});

const manager = () =>
  requestPem({ keys: newKeys(), subject: name([attribute(COMMON_NAME, 'system:kube-controller-manager')]) });
const masters = () =>
  requestPem({
    keys: newKeys(),
    subject: name([attribute('55040a', 'system:masters')], [attribute(COMMON_NAME, `system:node:${ROGUE}`)]),
  });

/** What a provider with a real node certificate tries. */
export const NODE_ATTACKS: Attack[] = [
  refused('reads the Secrets of a tenant', ({ node, victim }) =>
    node.try({ path: `/api/v1/namespaces/${victim.namespace}/secrets` }),
  ),
  refused('reads all Secrets', ({ node }) => node.try({ path: '/api/v1/secrets' })),
  refused('reads all pods', ({ node }) => node.try({ path: '/api/v1/pods' })),
  refused('reads another node', ({ node }) => node.try({ path: `/api/v1/nodes/${HONEST}/proxy/pods` })),
  refused('says that it has deleted a volume of another node', ({ node }) =>
    node.try({
      method: 'POST',
      path: '/v1-k3s/volumes',
      body: { name: 'pvc-00000000-0000-4000-8000-000000000001', outcome: 'deleted' },
    }),
  ),
  refused('makes a volume that leads to its own files', ({ node }) =>
    node.try({
      method: 'POST',
      path: '/api/v1/persistentvolumes',
      body: {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'mine' },
        spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/' } },
      },
    }),
  ),
  refused('calls itself the administrator in a header', ({ node }) =>
    node.try({
      path: '/api/v1/secrets',
      headers: { 'x-remote-user': 'system:admin', 'x-remote-group': 'system:masters' },
    }),
  ),
  refused('impersonates', ({ node }) =>
    node.try({
      path: '/api/v1/secrets',
      headers: { 'impersonate-user': 'system:admin', 'impersonate-group': 'system:masters' },
    }),
  ),
  unsigned('asks for another node’s certificate', {
    name: 'other-node',
    request: requestPem({ keys: newKeys(), subject: nodeName(HONEST) }),
  }),
  unsigned('hides the controller manager’s request behind its own', {
    name: 'hidden',
    request: `x${requestPem({ keys: newKeys(), subject: nodeName(ROGUE) })}${manager()}`,
  }),
  unsigned('hides its own request behind the controller manager’s', {
    name: 'hidden-too',
    request: `x${manager()}${requestPem({ keys: newKeys(), subject: nodeName(ROGUE) })}`,
  }),
  unsigned('asks the signer of clients for the controller manager’s certificate', {
    name: 'manager',
    request: manager(),
    signerName: 'kubernetes.io/kube-apiserver-client',
  }),
  unsigned('asks to be of the group of masters', { name: 'masters', request: masters() }),
  refused('approves its own request', ({ node }) =>
    node.try({
      method: 'PATCH',
      path: '/apis/certificates.k8s.io/v1/certificatesigningrequests/manager/approval',
      body: { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x', message: 'x' }] } },
    }),
  ),
  refused('makes a node of another name', ({ node }) =>
    node.try({ method: 'POST', path: '/api/v1/nodes', body: nodeObject('rogue-2', {}) }),
  ),
  ...Object.entries<object>({
    'the whole pod range': { podCIDR: '10.112.0.0/12', podCIDRs: ['10.112.0.0/12'] },
    'a taint': { taints: [{ key: 'mine', value: 'only', effect: 'NoSchedule' }] },
    'a provider id': { providerID: 'aws:///x' },
    'that it takes no pods': { unschedulable: true },
  }).map(([what, spec]) =>
    refused(`registers with ${what}`, ({ node }) =>
      node.try({ method: 'POST', path: '/api/v1/nodes?dryRun=All', body: nodeObject(ROGUE, spec) }),
    ),
  ),
  patch('cordons itself', OWN, { spec: { unschedulable: true } }),
  patch('gives itself a taint', OWN, { spec: { taints: [{ key: 'mine', effect: 'NoSchedule' }] } }),
  patch('gives itself a label that steers placement', OWN, {
    metadata: { labels: { 'topology.kubernetes.io/zone': 'a' } },
  }),
  patch('gives itself a label of the cluster', OWN, {
    metadata: { labels: { 'daasvader.io/gateway': 'true' } },
  }),
  patch('gives itself a role', OWN, {
    metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } },
  }),
  patch('gives itself an annotation', OWN, { metadata: { annotations: { 'daasvader.io/x': 'y' } } }),
  patch('gives itself a finalizer', OWN, { metadata: { finalizers: ['example.com/never'] } }),
  patch('invents a resource', `${OWN}/status`, { status: { capacity: { 'example.com/gpu': '8' } } }),
  patch('calls itself by another node’s host name', `${OWN}/status`, {
    status: { addresses: [{ type: 'Hostname', address: HONEST }] },
  }),
  patch('has the loopback as its address', `${OWN}/status`, {
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] },
  }),
  refused('changes another node', ({ node }) =>
    node.try({
      method: 'PATCH',
      path: `/api/v1/nodes/${HONEST}/status`,
      body: { status: { phase: 'Terminated' } },
    }),
  ),
  refused('takes another node’s lease', ({ node }) =>
    node.try({
      method: 'PATCH',
      path: `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${HONEST}`,
      body: { spec: { holderIdentity: ROGUE } },
    }),
  ),
  refused('offers devices', ({ node }) =>
    node.try({ method: 'POST', path: '/apis/resource.k8s.io/v1/resourceslices', body: resourceSlice() }),
  ),
  refused('makes a pod in a tenant’s namespace', ({ node, victim }) =>
    node.try({ method: 'POST', path: `/api/v1/namespaces/${victim.namespace}/pods`, body: mirrorPod() }),
  ),
  refused('deletes another node’s pod', ({ node, victim, victimPod }) =>
    node.try({ method: 'DELETE', path: `/api/v1/namespaces/${victim.namespace}/pods/${victimPod.name}` }),
  ),
  refused('evicts another node’s pod', ({ node, victim, victimPod }) =>
    node.try({
      method: 'POST',
      path: `/api/v1/namespaces/${victim.namespace}/pods/${victimPod.name}/eviction`,
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: victimPod.name } },
    }),
  ),
  refused('gets a token of a tenant’s service account', ({ node, victim }) =>
    node.try({
      method: 'POST',
      path: `/api/v1/namespaces/${victim.namespace}/serviceaccounts/default/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    }),
  ),
  refused('publishes an endpoint of a tenant’s Service', ({ node, victim }) =>
    node.try({
      method: 'POST',
      path: `/apis/discovery.k8s.io/v1/namespaces/${victim.namespace}/endpointslices`,
      body: endpointSlice(),
    }),
  ),
  refused('tells events of another node’s pod', ({ node, victim, victimPod }) =>
    node.try({
      method: 'POST',
      path: `/api/v1/namespaces/${victim.namespace}/events`,
      body: event('lie', victim.namespace, { name: victimPod.name, uid: victimPod.uid }, 'lies'),
    }),
  ),
  refused('tells them by the newer API', ({ node, victim, victimPod }) =>
    node.try({
      method: 'POST',
      path: `/apis/events.k8s.io/v1/namespaces/${victim.namespace}/events`,
      body: newerEvent(victim.namespace, victimPod),
    }),
  ),
  {
    attack: 'asks for a certificate of a tenant’s pod',
    expected: 'refused',
    refusal: /^(403|500 PodCertificateRequest for pod)/, // Kubernetes's own check has that number for it
    run: ({ node, victim, victimPod }) =>
      node.try({
        method: 'POST',
        path: `/apis/certificates.k8s.io/v1/namespaces/${victim.namespace}/podcertificaterequests`,
        body: podCertificateRequest(victimPod),
      }),
  },
  ...['192.168.1.1', '8.8.8.8', '127.0.0.1', '10.43.0.1', '169.254.169.254'].map((address) =>
    refused(`says that its pod has the address ${address}`, async (field) => {
      const pod = await ownPod(field);
      const body = { status: { podIP: address, podIPs: [{ ip: address }] } };
      return field.node.try({ method: 'PATCH', path: `${pod}/status`, body });
    }),
  ),
  refused('says that its pod has the address of another node’s', async (field) => {
    const address = await field.victim.user.kubectl(
      'get',
      'pod',
      field.victimPod.name,
      '-o',
      'jsonpath={.status.podIP}',
    );
    const pod = await ownPod(field);
    const body = { status: { podIP: address, podIPs: [{ ip: address }] } };
    return field.node.try({ method: 'PATCH', path: `${pod}/status`, body });
  }),
  refused('relabels its pod through the status', async (field) => {
    const pod = await ownPod(field);
    const before = await field.administrator.object<Labelled>({ path: pod });
    const body = { metadata: { labels: { app: 'shop' } } };
    const seen = await field.node.try({ method: 'PATCH', path: `${pod}/status`, body });
    const after = await field.administrator.object<Labelled>({ path: pod });
    const isSame = JSON.stringify(after.metadata.labels) === JSON.stringify(before.metadata.labels);
    return isSame && seen.startsWith('200') ? '405 taken, and without effect' : seen;
  }),
  refusedOrCut('sends a body of 8 MiB', ({ node }) => {
    const body = { metadata: { annotations: { x: 'x'.repeat(8 << 20) } } };
    return node.try({ method: 'PATCH', path: `${OWN}/status`, body });
  }),
  {
    attack: `sends ${EVENTS_IN_FLOOD} events of ${EVENT_BYTES / 1_000} KB`,
    expected: 'none stored, others are served',
    refusal: /^0 stored, served/,
    run: async (field) => {
      const pod = await ownPod(field);
      const namespace = pod.split('/')[4]!;
      const { metadata } = await field.administrator.object<Labelled>({ path: pod });
      const stored = await count(EVENTS_IN_FLOOD, (index) => {
        const body = event(`flood-${index}`, namespace, metadata, 'x'.repeat(EVENT_BYTES));
        return field.node.try({ method: 'POST', path: `/api/v1/namespaces/${namespace}/events`, body });
      });
      return `${stored} stored, ${await field.isServed()}`;
    },
  },
  survived(`asks ${REQUESTS_IN_FLOOD} times at once`, async (field) => {
    const flood = count(REQUESTS_IN_FLOOD, () => field.node.try({ path: OWN }));
    const served = await field.isServed();
    return `${served}; ${await flood} of ${REQUESTS_IN_FLOOD} answered`;
  }),
];

/** What Kubernetes lets each node ask for; the attacks above are on what admission narrows of it. */
const RIGHTS: RegExp[] = [
  /^(get|list|watch) (runtimeclasses\.node|csidrivers\.storage|clustertrustbundles\.certificates)\.k8s\.io$/,
  /^create certificatesigningrequests\.certificates\.k8s\.io$/,
  /^(create|patch|update) (nodes|nodes\/status|events|events\.events\.k8s\.io)$/,
  /^(create|patch|update|delete) (pods|pods\/status|pods\/eviction)$/,
  /^create (resourceslices\.resource|csinodes\.storage|podcertificaterequests\.certificates)\.k8s\.io$/,
  /^create (\w*subject(access|rules)reviews\.authorization|(tokenreviews|selfsubjectreviews)\.authentication)\.k8s\.io$/,
];

export const nodeRights = onlyRights(
  'has any right that is not on the list',
  () => ({
    subject: { user: `system:node:${ROGUE}`, groups: ['system:nodes', 'system:authenticated'] },
    namespace: undefined,
  }),
  RIGHTS,
);

interface Labelled {
  metadata: { name: string; uid: string; labels?: Record<string, string> };
}

/** How many of many requests at once were granted. */
async function count(total: number, ask: (index: number) => Promise<string>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: total }, (_, index) => ask(index).catch(String)));
  return answers.filter((answer) => /^20\d /.test(answer)).length;
}

/** A pod that was really given to the hostile node, once for all; its path. */
export async function ownPod({ administrator, tenants }: Field): Promise<string> {
  const path = `/api/v1/namespaces/${tenants.developer.namespace}/pods`;
  const body = { ...mirrorPod(), metadata: { name: 'given' } };
  const seen = await administrator.try({ method: 'POST', path, body });
  if (!/^(201|409) /.test(seen)) throw new Error(`Cannot give the hostile node a pod: ${seen}`);
  return `${path}/given`;
}

export function nodeObject(node: string, spec: object, annotations: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: node, annotations }, spec };
}

function mirrorPod() {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `static-${ROGUE}`, annotations: { 'kubernetes.io/config.mirror': 'x' } },
    spec: {
      nodeName: ROGUE,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'c',
          image: 'docker.io/library/test:1',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

function event(eventName: string, namespace: string, about: { name: string; uid: string }, message: string) {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: eventName, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, ...about },
    reason: 'Lies',
    message,
    type: 'Normal',
    source: { component: 'kubelet', host: ROGUE },
    reportingComponent: 'kubelet',
    reportingInstance: ROGUE,
  };
}

function newerEvent(namespace: string, { name: podName, uid }: { name: string; uid: string }) {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'newer-lie', namespace },
    regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: podName, uid },
    eventTime: new Date().toISOString().replace('Z', '000Z'),
    reason: 'Lies',
    action: 'Lying',
    type: 'Normal',
    reportingController: 'kubelet',
    reportingInstance: ROGUE,
  };
}

function podCertificateRequest({ name: podName, uid }: { name: string; uid: string }) {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'PodCertificateRequest',
    metadata: { name: 'stolen' },
    spec: {
      signerName: 'example.com/signer',
      podName,
      podUID: uid,
      serviceAccountName: 'default',
      serviceAccountUID: uid,
      nodeName: ROGUE,
      nodeUID: uid,
      pkixPublicKey: '',
      proofOfPossession: '',
    },
  };
}

function resourceSlice() {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name: 'slice' },
    spec: {
      driver: 'gpu.example.com',
      nodeName: ROGUE,
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      devices: [],
    },
  };
}

function endpointSlice() {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'stolen', labels: { 'kubernetes.io/service-name': 'shop' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.112.200.1'] }],
    ports: [{ port: 8080 }],
  };
}
