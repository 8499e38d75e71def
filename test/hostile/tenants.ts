import { setTimeout as sleep } from 'node:timers/promises';
import { userOf } from '@daasvader/verifier/user.ts';
import { type Attack, refused, survived } from './attack.ts';
import type { Field } from './field.ts';
import { onlyRights } from './rights.ts';
import type { Tenant, TenantRole } from './tenant.ts';

const SECRET_BYTES = 700_000;
const SECRET_UPDATES = 100;
const CUT_OFF_TIMEOUT_MS = 20_000;
const CORE = '/api/v1/namespaces';

/** What somebody with a stake tries with kubectl's own credential, whatever the role. */
export function tenantAttacks(role: TenantRole): Attack[] {
  const attempt = (attack: string, run: (tenant: Tenant, field: Field) => Promise<string>) =>
    refused(attack, (field) => run(field.tenants[role], field));
  const get = (attack: string, path: (field: Field) => string) =>
    attempt(attack, ({ peer }, field) => peer.try({ path: path(field) }));
  const post = (
    attack: string,
    path: (tenant: Tenant, field: Field) => string,
    body: (field: Field) => object,
  ) =>
    attempt(attack, (tenant, field) =>
      tenant.peer.try({ method: 'POST', path: path(tenant, field), body: body(field) }),
    );
  return [
    get('reads another’s Secrets', ({ victim }) => `${CORE}/${victim.namespace}/secrets`),
    get('reads another’s pods', ({ victim }) => `${CORE}/${victim.namespace}/pods`),
    get(
      'reads another’s logs',
      ({ victim, victimPod }) => `${CORE}/${victim.namespace}/pods/${victimPod.name}/log`,
    ),
    get('runs a command in another’s pod', execPath),
    get('reads the cluster’s Secrets', () => `${CORE}/kube-system/secrets`),
    get('reads all Secrets', () => '/api/v1/secrets'),
    get('asks a kubelet', () => '/api/v1/nodes/worker-1/proxy/pods'),
    get(
      'reaches a Service through the API server',
      ({ victim }) => `${CORE}/${victim.namespace}/services/shop:8080/proxy/`,
    ),
    get('reads the metrics of the API server', () => '/metrics'),
    get('reads its profile', () => '/debug/pprof/heap'),
    attempt('impersonates the administrator', ({ peer }) =>
      peer.try({
        path: '/api/v1/secrets',
        headers: { 'impersonate-user': 'system:admin', 'impersonate-group': 'system:masters' },
      }),
    ),
    post(
      'asks for a certificate',
      () => '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      () => signingRequest(),
    ),
    post(
      'makes a pod beside the chain',
      ({ namespace }) => `${CORE}/${namespace}/pods`,
      () => pod(),
    ),
    post(
      'makes a namespace',
      () => CORE,
      () => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mine' } }),
    ),
    post(
      'gives itself a role',
      ({ namespace }) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
      () => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'more' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:authenticated' }],
      }),
    ),
    post(
      'gets a token of its service account',
      ({ namespace }) => `${CORE}/${namespace}/serviceaccounts/default/token`,
      () => ({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {},
      }),
    ),
    post(
      'makes a Secret that Kubernetes fills with a token',
      ({ namespace }) => `${CORE}/${namespace}/secrets`,
      () => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'lasting', annotations: { 'kubernetes.io/service-account.name': 'default' } },
        type: 'kubernetes.io/service-account-token',
      }),
    ),
    post(
      'adds an ephemeral container',
      ({ namespace }) => `${CORE}/${namespace}/pods/x/ephemeralcontainers`,
      () => pod(),
    ),
    attempt('switches off the rules on nodes', ({ peer }) =>
      peer.try({
        method: 'DELETE',
        path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/daasvader.no-pods-of-nodes',
      }),
    ),
    attempt('lets an expelled node in', ({ peer }) =>
      peer.try({ method: 'DELETE', path: `${CORE}/kube-system/configmaps/revoked-nodes` }),
    ),
    attempt('widens its quota', ({ peer, namespace }) =>
      peer.try({
        method: 'PATCH',
        path: `${CORE}/${namespace}/resourcequotas/daasvader`,
        body: { spec: { hard: { pods: '1000' } } },
      }),
    ),
    rights(role),
  ];
}

const READ = new RegExp(
  `^(get|list|watch) (${[
    'pods(/log)?|services|endpoints|configmaps|persistentvolumeclaims|serviceaccounts|events|resourcequotas|limitranges',
    '(deployments|statefulsets)\\.apps(/scale)?|(daemonsets|replicasets|controllerrevisions)\\.apps',
    '(jobs|cronjobs)\\.batch|horizontalpodautoscalers\\.autoscaling|poddisruptionbudgets\\.policy',
    '(networkpolicies|ingresses)\\.networking\\.k8s\\.io|endpointslices\\.discovery\\.k8s\\.io|events\\.events\\.k8s\\.io',
  ].join('|')})$|^(get|list) pods\\.metrics\\.k8s\\.io$`,
);
const SHELL = /^(get|create) pods\/(exec|attach|portforward)$/;
const SECRETS = /^(get|list|watch|create|update|patch|delete) secrets$/;
const REVIEWS = /^create self\w+reviews\.\w+\.k8s\.io$/;
/** What is to be ordered; of their own, users may do no more of it than ask what it would come to. */
const DEVELOPS = new RegExp(
  `^(create|update|patch|delete) (${[
    'pods|services|configmaps|persistentvolumeclaims|serviceaccounts|(deployments|statefulsets)\\.apps',
    '(jobs|cronjobs)\\.batch|(networkpolicies|ingresses)\\.networking\\.k8s\\.io',
  ].join('|')})$`,
);
const SCALES = /^(update|patch) (deployments|statefulsets)\.apps\/scale$/;
const ADMINISTERS =
  /^(create|update|patch|delete) (horizontalpodautoscalers\.autoscaling|poddisruptionbudgets\.policy)$/;
const DEVELOPER = [READ, REVIEWS, SHELL, SECRETS, DEVELOPS, SCALES];
/** What a role may do in its own namespace, and nothing else. */
export const RIGHTS: Record<TenantRole, RegExp[]> = {
  viewer: [READ, REVIEWS],
  developer: DEVELOPER,
  admin: [...DEVELOPER, ADMINISTERS],
  super: [
    ...DEVELOPER,
    ADMINISTERS,
    /^(create|update|patch|delete) daemonsets\.apps$/,
    /^use priorityclasses\.daasvader\.io$/,
    /^(get|list|watch) (pods|nodes)\.metrics\.k8s\.io$/,
  ],
};

function rights(role: TenantRole): Attack {
  return onlyRights(
    'has any right in its namespace that is not on the list',
    ({ tenants }) => {
      const { namespace, user } = tenants[role];
      return { subject: { user: userOf(user.address), groups: ['system:authenticated'] }, namespace };
    },
    RIGHTS[role],
  );
}

/** What nobody may order, whatever the role; each is paid for and must end. */
export const ORDER_ATTACKS: Attack[] = [
  ...Object.entries<object>({
    'the host’s files': { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    'the host’s network': { hostNetwork: true },
    'the host’s processes': { hostPID: true },
    'a node of its choice': { nodeName: 'worker-1' },
    'a toleration of everything': { tolerations: [{ operator: 'Exists' }] },
    'another service account': { serviceAccountName: 'daasvader' },
    'a projected token': {
      volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
    },
  }).map(([what, spec]) => ordered(`orders a pod with ${what}`, () => pod(spec))),
  ordered('orders a privileged pod', () =>
    pod({ containers: [{ ...container(), securityContext: { privileged: true } }] }),
  ),
  ...['169.254.169.254/x:1', 'localhost:10249/x:1', '192.168.1.1/x:1', 'registry.internal/x:1'].map((image) =>
    ordered(`orders a pod with the image ${image}`, () => pod({ containers: [{ ...container(), image }] })),
  ),
  ordered('orders a volume twice', () =>
    pod({
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'v', emptyDir: {} },
      ],
    }),
  ),
  ordered('orders an impossible size', () =>
    pod({ volumes: [{ name: 'v', emptyDir: { sizeLimit: '500MB' } }] }),
  ),
  orderedIn('orders in another’s namespace', ({ victim }) => victim.namespace),
  orderedIn('orders in the cluster’s namespace', () => 'kube-system'),
  survived('orders something good after all of that', async ({ tenants: { developer } }) => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'good' }, data: { a: 'b' } };
    const path = `${CORE}/${developer.namespace}/configmaps`;
    const seen = await developer.order({ path, body: object });
    return seen.startsWith('COMPLETED') ? 'served: COMPLETED' : seen;
  }),
];

/** What a right that is gone must not go on giving. */
export const REVOCATION_ATTACKS: Attack[] = [
  {
    attack: `writes one Secret of ${SECRET_BYTES / 1_000} KB ${SECRET_UPDATES} times`,
    expected: 'bounded, others are served',
    refusal: /^[0-9] written, served/,
    run: async (field) => {
      const { peer, namespace } = field.tenants.admin;
      let written = 0;
      for (let index = 0; index < SECRET_UPDATES; index++) {
        const data = { x: Buffer.alloc(SECRET_BYTES, `${index}`).toString('base64') };
        const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `large-${index}` }, data };
        const seen = await peer
          .try({ method: 'POST', path: `${CORE}/${namespace}/secrets`, body })
          .catch(String);
        if (seen.startsWith('201')) written++;
      }
      return `${written} written, ${await field.isServed()}`;
    },
  },
  {
    attack: 'goes on watching after its grant was taken back',
    expected: 'cut off within 20 s',
    refusal: /^cut off/,
    run: async (field) => {
      const { victim, tenants } = field;
      const guest = tenants.viewer;
      await victim.user.daas('role', 'grant', victim.namespace, guest.user.address, 'viewer');
      const path = `${CORE}/${victim.namespace}/pods`;
      await until(async () => (await guest.peer.try({ path })).startsWith('200'));
      const watching = guest.peer.ask({ path: `${path}?watch=true` }).then(
        () => 'cut off',
        (error: Error) => `not cut off: ${error.message}`,
      );
      await victim.user.daas('role', 'revoke', victim.namespace, guest.user.address);
      const begun = Date.now();
      const seen = await watching;
      return `${seen} after ${Math.ceil((Date.now() - begun) / 1_000)} s`;
    },
  },
  refused('reads what a grant opened, after it was taken back', ({ victim, tenants }) =>
    tenants.viewer.peer.try({ path: `${CORE}/${victim.namespace}/pods` }),
  ),
];

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + CUT_OFF_TIMEOUT_MS; !(await condition()); await sleep(100))
    if (Date.now() > deadline) throw new Error('Cannot go on: the grant did not come into force');
}

function ordered(attack: string, object: () => object): Attack {
  return order(attack, ({ tenants }) => tenants.super.namespace, object);
}

function orderedIn(attack: string, namespace: (field: Field) => string): Attack {
  return order(attack, namespace, () => pod());
}

function order(attack: string, namespaceOf: (field: Field) => string, object: () => object): Attack {
  return {
    attack,
    expected: 'FAILED, or not taken',
    refusal: /^(FAILED \S|not taken)/,
    run: (field) => field.tenants.super.order({ path: `${CORE}/${namespaceOf(field)}/pods`, body: object() }),
  };
}

function execPath({ victim, victimPod }: Field): string {
  return `${CORE}/${victim.namespace}/pods/${victimPod.name}/exec?command=id&stdout=true`;
}

function container() {
  return { name: 'c', image: 'docker.io/library/test:1' };
}

function pod(spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'hostile' },
    spec: { containers: [container()], ...spec },
  };
}

function signingRequest() {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'tenant' },
    spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
  };
}
