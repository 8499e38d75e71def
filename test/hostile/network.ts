import { createHmac, hkdfSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeView, WireGuardKey } from '@daasvader/testbed/cluster/node-view.ts';
import { type Attack, refused, survived } from './attack.ts';
import { type Field, HOSTILE_ADDRESS } from './field.ts';
import { nodeObject, ownPod } from './node.ts';
import { type Asked, Peer } from './peer.ts';
import { ROGUE } from './rogue-node.ts';

const NETWORK = '/v1-k3s/network';
const KEY = `${NETWORK}/key`;
const REPORT = `${NETWORK}/report`;
const OWN = `/api/v1/nodes/${ROGUE}`;
const HONEST = 'worker-1';
const KEY_NOTE = 'daasvader.io/wireguard-key';
const STREAMS = 200;
/** Between two questions, so that none is refused because there were many. */
const PAUSE_MS = 20;
const TOLD_MS = 1_500;
const FORGOTTEN_MS = 20_000;

/** X25519 keys with which everybody shares the same secret: zeros. */
const LOW_ORDER = {
  zero: Buffer.alloc(32),
  one: Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]),
  'of order 8': Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex'),
};

/** Refused for what it is, and not because much was asked before. */
const judged = (attack: string, run: Attack['run']): Attack => ({
  attack,
  expected: 'refused',
  refusal: /^(400|401|403|405|409|413) /,
  run,
});

const claims = (attack: string, claim: (field: Field) => Promise<object>) =>
  judged(`claims ${attack}`, async (field) =>
    field.node.try({ method: 'POST', path: KEY, body: await claim(field) }),
  );

/** What a provider with a real node certificate tries to learn of the network, and to be in it. */
export const NETWORK_ATTACKS: Attack[] = [
  claims('another node’s WireGuard key without a proof', async (field) => ({ key: await honestKey(field) })),
  claims('another node’s WireGuard key with a proof of its own', async (field) => ({
    key: await honestKey(field),
    proof: new WireGuardKey().proof(await challenge(field), ROGUE).proof,
  })),
  claims('a key with the proof that another node made', async (field) =>
    new WireGuardKey().proof(await challenge(field), HONEST),
  ),
  claims('a key with a proof for an earlier challenge', async () =>
    new WireGuardKey().proof(new WireGuardKey().text, ROGUE),
  ),
  ...Object.entries(LOW_ORDER).map(([name, key]) =>
    claims(`a key of which all know the secret: ${name}`, async () => provenByZeros(key)),
  ),
  refused('registers with another node’s WireGuard key', async (field) => {
    const body = nodeObject(ROGUE, {}, { [KEY_NOTE]: await honestKey(field) });
    return field.node.try({ method: 'POST', path: '/api/v1/nodes?dryRun=All', body });
  }),
  ...Object.entries({
    'another node’s WireGuard key': async (field: Field) => ({ [KEY_NOTE]: await honestKey(field) }),
    'where it can be reached': async () => ({ 'daasvader.io/wireguard-endpoints': '127.0.0.1:22' }),
  }).map(([what, annotations]) =>
    refused(`notes ${what}`, async (field) => {
      const body = { metadata: { annotations: await annotations(field) } };
      return field.node.try({ method: 'PATCH', path: OWN, body });
    }),
  ),
  refused('takes another range for its pods', ({ node }) => {
    const body = { spec: { podCIDR: '10.112.0.0/24', podCIDRs: ['10.112.0.0/24'] } };
    return node.try({ method: 'PATCH', path: OWN, body });
  }),
  ...[0, 1, 255].map((last) =>
    refused(`says that its pod has the address .${last} of its range`, async (field) => {
      const pod = await ownPod(field);
      const ip = (await ownRange(field)).replace('.0/24', `.${last}`);
      const body = { status: { podIP: ip, podIPs: [{ ip }] } };
      return field.node.try({ method: 'PATCH', path: `${pod}/status`, body });
    }),
  ),
  ...[
    '127.0.0.1:51820',
    '0.0.0.0:51820',
    '169.254.169.254:80',
    '224.0.0.1:51820',
    '255.255.255.255:51820',
    '10.43.0.1:443',
    '10.112.0.2:51820',
    '[::1]:51820',
    '[::ffff:25.77.0.1]:51820',
    '25.77.0.1:0',
  ].map((endpoint) =>
    judged(`says that it is reached at ${endpoint}`, ({ node }) =>
      node.try({ method: 'POST', path: REPORT, body: { endpoints: [endpoint] } }),
    ),
  ),
  judged('says that it is reached at thousands of addresses', ({ node }) => {
    const endpoints = Array.from({ length: 4_000 }, (_, port) => `25.77.0.1:${port + 1}`);
    return node.try({ method: 'POST', path: REPORT, body: { endpoints } });
  }),
  {
    attack: 'says of thousands that it reaches them, or not',
    expected: 'it has no more to do with them',
    refusal: /^no peers, no relays, served/,
    run: async (field) => {
      const names = [HONEST, ROGUE, '', ...Array.from({ length: 2_000 }, (_, index) => `worker-${index}`)];
      const body = { endpoints: ['25.77.0.1:51820'], reached: names, failed: names };
      const seen = await field.node.try({ method: 'POST', path: REPORT, body });
      if (!seen.startsWith('204')) return seen;
      const view = await look(field.node);
      const relays = view.self?.relays?.length ?? 0;
      return `${view.keys('peers').length || 'no'} peers, ${relays || 'no'} relays, ${await field.isServed()}`;
    },
  },
  survived('sends what is no report and no proof', async (field) => {
    const bodies = [
      '',
      '{',
      '[]',
      '{"key":1,"endpoints":1}',
      '['.repeat(60_000),
      '"'.repeat(100),
      'x'.repeat(120_000),
    ];
    for (const path of [KEY, REPORT])
      for (const body of bodies) {
        const seen = await field.node.try({ method: 'POST', path, body });
        if (!/^4\d\d /.test(seen)) return `${path} took ${body.slice(0, 10)}: ${seen}`;
      }
    return field.isServed();
  }),
  {
    attack: 'asks for the view of another node by every name',
    expected: 'its own',
    refusal: /^its own, \d times/,
    run: async (field) => {
      const own = await ownRange(field);
      const names = ['x-remote-user', 'impersonate-user', 'x-daasvader-user', 'from'];
      const asks: Asked[] = [
        { path: `${NETWORK}?node=${HONEST}&name=${HONEST}` },
        ...names.map((name) => ({ path: NETWORK, headers: { [name]: `system:node:${HONEST}` } })),
      ];
      for (const { path, headers } of asks) {
        const { self, lines } = await look(field.node, path, headers);
        if (self?.range !== own || leaks(field, lines.join())) return `ANOTHER’S by ${path}`;
      }
      return `its own, ${asks.length} times`;
    },
  },
  ...['1', '0', '-1', '9'.repeat(30), '', 'x', '%00'].map(
    (version): Attack => ({
      attack: `asks what has changed since version ${version || 'nothing'}`,
      expected: 'all that is its own',
      refusal: /^all that is its own/,
      run: async (field) => {
        const { updates, lines } = await look(field.node, `${NETWORK}?version=${version}`);
        return updates[0]?.reset && !leaks(field, lines.join()) ? 'all that is its own' : lines.join();
      },
    }),
  ),
  judged('reads it with a user’s certificate', ({ victim }) => victim.peer.try({ path: NETWORK })),
  judged('reads it without a certificate', ({ outsider }) => outsider.try({ path: NETWORK })),
  judged('reads it with a bootstrap token', async (field) =>
    (await bootstrapping(field)).try({ path: NETWORK }),
  ),
  judged('reads who asks for certificates with a bootstrap token', async (field) =>
    (await bootstrapping(field)).try({ path: '/apis/certificates.k8s.io/v1/certificatesigningrequests' }),
  ),
  ...['services', 'endpoints', 'namespaces', 'nodes', 'pods', 'events', 'configmaps', 'serviceaccounts'].map(
    (resource) => readsNothing('/api/v1', resource),
  ),
  readsNothing('/apis/discovery.k8s.io/v1', 'endpointslices'),
  ...['networkpolicies', 'ingresses', 'servicecidrs', 'ipaddresses'].map((resource) =>
    readsNothing('/apis/networking.k8s.io/v1', resource),
  ),
  ...['pods', 'nodes'].map((resource) => readsNothing('/apis/metrics.k8s.io/v1beta1', resource)),
  ...['deployments', 'replicasets'].map((resource) => readsNothing('/apis/apps/v1', resource)),
  readsNothing('/apis/certificates.k8s.io/v1', 'certificatesigningrequests'),
  readsNothing('/apis/coordination.k8s.io/v1', 'leases'),
  refused('publishes an endpoint of a Service of which it runs a pod', async (field) => {
    const namespace = (await ownPod(field)).split('/')[4]!;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    return field.node.try({ method: 'POST', path, body: endpointSlice(field.victimPod.name) });
  }),
  {
    attack: 'goes on to be told of a namespace whose pod is gone',
    expected: 'told of none',
    refusal: /^told of it, then of default alone/,
    run: async (field) => {
      const pod = await ownPod(field);
      using view = await open(field.node);
      await until(() => view.keys('namespaces').includes(pod.split('/')[4]!));
      await field.administrator.try({ method: 'DELETE', path: `${pod}?gracePeriodSeconds=0` });
      await until(() => view.keys('namespaces').length === 1);
      return `told of it, then of ${view.keys('namespaces')} alone`;
    },
  },
  {
    attack: `opens ${STREAMS} streams of its network`,
    expected: 'at most two go on, others are served',
    refusal: /^[012] go on, served/,
    run: async (field) => {
      const opened = await Promise.all(
        Array.from({ length: STREAMS }, () => open(field.node).catch(() => undefined)),
      );
      const ended = new Set<NodeView>();
      for (const view of opened) view?.ended.then(() => ended.add(view));
      await sleep(TOLD_MS);
      const goOn = opened.filter((view) => view && !ended.has(view));
      const served = await field.isServed();
      for (const view of opened) view?.[Symbol.dispose]();
      return `${goOn.length} go on, ${served}`;
    },
  },
];

/** Asks for a kind in every writing of its path: what is told must be the node's own. */
function readsNothing(prefix: string, resource: string): Attack {
  return {
    attack: `reads ${resource} of ${prefix} in every writing`,
    expected: 'told of nobody else',
    refusal: /^told of nobody in \d\d writings/,
    run: async (field) => {
      const asks = writings(prefix, resource, field.victim.namespace, field.victimPod.name);
      for (const asked of asks) {
        await sleep(PAUSE_MS);
        const { status, text } = await field.node.ask(asked);
        const isTold = status < 300 && (asked.method === 'HEAD' || leaks(field, text));
        if (isTold || status === 429)
          return `${asked.method ?? 'GET'} ${asked.path} ${JSON.stringify(asked.headers ?? {})}: ${status} ${text.slice(0, 100)}`;
      }
      return `told of nobody in ${asks.length} writings`;
    },
  };
}

function writings(prefix: string, resource: string, namespace: string, name: string): Asked[] {
  const all = `${prefix}/${resource}`;
  const own = `${prefix}/namespaces/${namespace}/${resource}`;
  const one = `${own}/${name}`;
  const encoded = `%${resource.charCodeAt(0).toString(16)}${resource.slice(1)}`;
  const watch = 'watch=1&timeoutSeconds=1';
  const paths = [
    all,
    `${all}/`,
    `/${all}`,
    `${prefix}//${resource}`,
    `${prefix}/./${resource}`,
    `${prefix}/x/../${resource}`,
    `${prefix}/${encoded}`,
    `${prefix}%2F${resource}`,
    `${all}%2F`,
    `${all}%00`,
    `${all};x`,
    `${all}#x`,
    `/x/..${all}`,
    `${all}?${watch}`,
    `${all}/?${watch}`,
    `/${all}?${watch}`,
    `${all}?${watch}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
    `${all}?resourceVersion=0`,
    `${all}?limit=1`,
    `${all}?fieldSelector=metadata.namespace%3D${namespace}`,
    `${all}?fieldSelector=metadata.name%3Dshop`,
    `${all}?fieldSelector=spec.nodeName%3D${HONEST}`,
    `${all}?labelSelector=app`,
    `${prefix}/watch/${resource}?timeoutSeconds=1`,
    `${prefix}/watch/namespaces/${namespace}/${resource}?timeoutSeconds=1`,
    own,
    `${own}/`,
    `${own}?${watch}`,
    `${own}?labelSelector=app%3Dshop`,
    one,
    `${one}/status`,
    `${own}/shop`,
    `${own}/shop/status`,
    `${own}/shop/proxy/`,
    `${all}/${HONEST}`,
    `${all}/${namespace}`,
  ];
  const types = ['application/vnd.kubernetes.protobuf', 'application/yaml', 'application/cbor'];
  const views = ['Table', 'PartialObjectMetadataList'].map(
    (kind) => `application/json;as=${kind};v=v1;g=meta.k8s.io`,
  );
  return [
    ...paths.map((path) => ({ path })),
    ...[all, own, one].map((path) => ({ method: 'HEAD', path })),
    ...[...types, ...views].map((accept) => ({ path: all, headers: { accept } })),
  ];
}

/** Whether a text tells of whom the node has nothing to do with. */
function leaks({ victim, victimPod }: Field, text: string): boolean {
  return [victim.namespace, victimPod.name, HONEST].some((name) => text.includes(name));
}

function open(peer: Peer, path = NETWORK, headers: Asked['headers'] = {}): Promise<NodeView> {
  return NodeView.at(peer.open({ path, headers }));
}

/** What the node is told at first. */
async function look(peer: Peer, path = NETWORK, headers: Asked['headers'] = {}): Promise<NodeView> {
  using view = await open(peer, path, headers);
  await until(() => view.self !== undefined);
  return view;
}

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + FORGOTTEN_MS; !(await is()); await sleep(50))
    if (Date.now() > deadline) throw new Error('Cannot go on: what must come did not');
}

async function challenge({ node }: Field): Promise<string> {
  return (await look(node)).self!.challenge;
}

async function ownRange({ administrator }: Field): Promise<string> {
  return (await administrator.object<{ spec: { podCIDR: string } }>({ path: OWN })).spec.podCIDR;
}

async function honestKey({ administrator }: Field): Promise<string> {
  const path = `/api/v1/nodes/${HONEST}`;
  const { metadata } = await administrator.object<{ metadata: { annotations: Record<string, string> } }>({
    path,
  });
  const key = metadata.annotations[KEY_NOTE];
  if (!key) throw new Error(`Cannot attack: ${HONEST} has no WireGuard key yet`);
  return key;
}

/** A claim of a key with the secret that all share by it. */
function provenByZeros(key: Buffer) {
  const secret = hkdfSync('sha256', Buffer.alloc(32), '', 'daasvader wireguard key proof v1', 32);
  const proof = createHmac('sha256', Buffer.from(secret)).update(key).update(ROGUE).digest('base64');
  return { key: key.toString('base64'), proof };
}

/** Somebody with a bootstrap token, as each worker has one while it joins. */
async function bootstrapping({ administrator, cluster }: Field): Promise<Peer> {
  const [id, secret] = ['netatk', '0123456789abcdef'];
  const stringData = {
    'token-id': id,
    'token-secret': secret,
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:daasvader',
  };
  const metadata = { name: `bootstrap-token-${id}`, namespace: 'kube-system' };
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata,
    stringData,
  };
  const seen = await administrator.try({
    method: 'POST',
    path: '/api/v1/namespaces/kube-system/secrets',
    body,
  });
  if (!/^(201|409) /.test(seen)) throw new Error(`Cannot make a bootstrap token: ${seen}`);
  const joiner = new Peer(cluster.addresses.kubernetesUrl, { token: `${id}.${secret}` }, HOSTILE_ADDRESS);
  await until(async () => !(await joiner.try({ path: NETWORK })).startsWith('401'));
  return joiner;
}

function endpointSlice(name: string) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `of-${name}`, labels: { 'kubernetes.io/service-name': 'shop' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.112.200.1'] }],
    ports: [{ port: 8080 }],
  };
}
