import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { IMAGE, LiveCluster, silent } from '@daasvader/testbed/cluster/live-cluster.ts';
import { joinWorker } from '@daasvader/testbed/cluster/steps.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { type InPod, PodNetwork, progressOf } from '@daasvader/testbed/pod/network.ts';
import type { Probe } from '@daasvader/testbed/pod/probe.ts';
import { ECHO_PORT, SERVER_PORT } from '@daasvader/testbed/pod/server.ts';
import { buildWebImage, WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import { internetOf, PROVIDER, SERVER_NAME, siteOf } from '@daasvader/testbed/vm/network.ts';
import { LAN } from '@daasvader/testbed/vm/router.ts';
import {
  changeAddressOf,
  rebootRouterOf,
  removeWorkerVm,
  runInVm,
  visitsOnInternet,
  visitsOnLan,
} from '@daasvader/testbed/vm/vm.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// One network over three workers: the first has a public address, the others are behind NAT, the second one's router with a
// small MTU, the third one's with another port for each destination. Alice has pods on all of them, and so has Bob.

const SOON = { timeout: 60_000, interval: 250 };
const NEXT_IMAGE = 'docker.io/library/test:2';
const NO_ANSWER = expect.stringMatching(/^no answer/);
const run = promisify(execFile);

interface TestPod {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly network: PodNetwork;
}

let live: LiveCluster;
let workers: Worker[];
let alice: string;
let second: string;
let bob: string;
/** The DNS server that pods have. */
let dns: string;
const pods: Record<string, TestPod> = {};

beforeAll(async () => {
  live = await LiveCluster.start();
  const { cluster } = live;
  const others = [
    joinWorker(cluster, silent, 2, { nat: 'cone', mtu: 1280 }),
    joinWorker(cluster, silent, 3, { nat: 'symmetric' }),
  ];
  workers = [live.worker, ...(await Promise.all(others))];
  await importImages(...workers);
  const [owner, stranger] = await Promise.all([tenant('alice', 5), tenant('bob', 2)]);
  await owner.daas('namespace', 'claim', 'b');
  [alice, second, bob] = [
    namespaceOf(owner.address),
    `${namespaceOf(owner.address)}-b`,
    namespaceOf(stranger.address),
  ];
  await kubectl('wait', '--for=create', `namespace/${second}`, '--timeout=60s');
  await Promise.all([
    start(alice, 'a1', 1),
    start(alice, 'a2', 2),
    start(alice, 'a3', 3),
    start(second, 'b3', 3),
    start(bob, 'c1', 1),
    start(bob, 'c3', 3),
  ]);
  dns =
    /^nameserver (.+)$/m.exec(
      await kubectl('exec', '-n', alice, 'a1', '--', 'cat', '/etc/resolv.conf'),
    )?.[1] ?? '';
});

afterAll(() => live?.[Symbol.asyncDispose]());
async function importImages(...targets: Worker[]): Promise<void> {
  for (const [reference, page] of [
    [IMAGE, 'one\n'],
    [NEXT_IMAGE, 'two\n'],
  ] as const) {
    const image = await buildWebImage({ reference, page });
    await Promise.all(targets.map((worker) => worker.importImage(image)));
  }
}

/** A user with a role, and thus a namespace. */
async function tenant(name: string, stake: number): Promise<User> {
  const user = await User.create(live.cluster, name);
  await user.daas('stake', `${stake}`);
  await user.untilRole();
  await user.login(); // which opens its first namespace
  return user;
}

/** The administrator's kubectl. */
async function kubectl(...args: string[]): Promise<string> {
  const { k3s, adminKubeconfig } = live.cluster;
  return (await run(k3s, ['kubectl', '--kubeconfig', adminKubeconfig, ...args])).stdout;
}

/** Writes objects as the administrator, who need not wait for the chain. */
async function apply(namespace: string, ...objects: object[]): Promise<void> {
  const file = join(live.cluster.directory, `${Math.random()}.json`);
  await writeFile(file, objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  await kubectl('apply', '-n', namespace, '-f', file);
}

const podSpec = (image: string) => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ name: 'c', image, resources: { requests: { cpu: '10m', memory: '16Mi' } } }],
});

/** A pod of that name on a worker, which answers with its name and is ready. */
async function start(namespace: string, name: string, worker: number): Promise<void> {
  const spec = podSpec(IMAGE);
  const [container] = spec.containers;
  const readinessProbe = {
    httpGet: { path: '/ready', port: SERVER_PORT },
    periodSeconds: 1,
    failureThreshold: 1,
  };
  await apply(namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'test', pod: name } },
    spec: {
      ...spec,
      ...{ hostname: name, subdomain: 'all', nodeSelector: { 'kubernetes.io/hostname': `worker-${worker}` } },
      containers: [{ ...container, readinessProbe }],
    },
  });
  pods[name] = await enter(namespace, name);
  await pods[name].network.serve(name);
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
}

async function enter(namespace: string, name: string): Promise<TestPod> {
  const isRunning = '--for=jsonpath={.status.phase}=Running';
  await kubectl('wait', '-n', namespace, isRunning, `pod/${name}`, '--timeout=60s');
  const { spec, status } = JSON.parse(await kubectl('get', 'pod', '-n', namespace, name, '-o', 'json'));
  const worker = workers.find(({ vm }) => vm.name === spec.nodeName) as Worker;
  const network = await PodNetwork.enter(worker, status.containerStatuses[0].containerID);
  return { name, namespace, address: status.podIP, network };
}

const pod = (name: string) => pods[name] as TestPod;
const probe = (from: string, ...probes: Probe[]) => pod(from).network.probe(...probes);
const page = (host: string): Probe => ({ get: `http://${host}:${SERVER_PORT}/` });
const datagram = (host: string): Probe => ({ udp: host, port: SERVER_PORT });
const name = (name: string): Probe => ({ name, resolver: dns });

/** What a pod is told by another one that it asks by its address. */
const ask = async (from: string, to: string) => (await probe(from, page(pod(to).address)))[0];

function service(name: string, spec: object): object {
  const ports = [
    { name: 'http', port: SERVER_PORT, protocol: 'TCP' },
    { name: 'udp', port: SERVER_PORT, protocol: 'UDP' },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: 'test' }, ports, ...spec },
  };
}

const addressOf = (namespace: string, service: string) =>
  kubectl('get', 'service', '-n', namespace, service, '-o', 'jsonpath={.spec.clusterIP}');

test('pods of one tenant reach each other on any two nodes, by TCP and UDP', async () => {
  for (const from of ['a1', 'a2', 'a3'])
    for (const to of ['a1', 'a2', 'a3'])
      expect(await probe(from, page(pod(to).address), datagram(pod(to).address)), `${from} to ${to}`).toEqual(
        [to, to],
      );
});

test('a Service leads to pods of every node, by name too, and with affinity to one of them', async () => {
  const affinity = { sessionAffinity: 'ClientIP' };
  await apply(alice, service('any', {}), service('one', affinity), service('all', { clusterIP: 'None' }));
  const suffix = `${alice}.svc.cluster.local`;
  const [any, one] = [await addressOf(alice, 'any'), await addressOf(alice, 'one')];
  const all = ['a1', 'a2', 'a3']
    .map((each) => pod(each).address)
    .sort()
    .join(' ');
  for (const from of ['a1', 'a2', 'a3']) {
    const names = ['any', 'one', 'all', 'a2.all'].map((each) => name(`${each}.${suffix}`));
    await expect.poll(() => probe(from, ...names), SOON).toEqual([any, one, all, pod('a2').address]);
    const answers = await probe(from, ...Array.from({ length: 20 }, () => page(any)));
    expect([...new Set(answers)].sort(), from).toEqual(['a1', 'a2', 'a3']);
    const same = await probe(from, ...Array.from({ length: 10 }, () => page(one)));
    expect(new Set(same).size, from).toBe(1);
    expect(['a1', 'a2', 'a3']).toContain(same[0]);
    expect(await probe(from, datagram(any))).toEqual([expect.stringMatching(/^a[123]$/)]);
  }
});

test('a pod that is not ready gets nothing until it is again', async () => {
  const any = await addressOf(alice, 'any');
  const seen = async () =>
    [...new Set(await probe('a3', ...Array.from({ length: 20 }, () => page(any))))].sort();
  const tell = (what: string) =>
    probe('a2', { get: `http://${pod('a2').address}:${SERVER_PORT}/${what}`, bytes: 0 });
  await tell('unready');
  await expect.poll(seen, SOON).toEqual(['a1', 'a3']);
  const all = ['a1', 'a3']
    .map((each) => pod(each).address)
    .sort()
    .join(' ');
  await expect.poll(() => probe('a1', name(`all.${alice}.svc.cluster.local`)), SOON).toEqual([all]);
  expect(await ask('a3', 'a2')).toBe('a2');
  await tell('ready');
  await expect.poll(seen, SOON).toEqual(['a1', 'a2', 'a3']);
});

test('who sent datagrams to a pod that is gone reaches another one, and no node remembers the connection', async () => {
  await start(alice, 'a4', 1);
  await apply(alice, service('four', { selector: { pod: 'a4' } }));
  const four = await addressOf(alice, 'four');
  const steady: Probe = { udp: four, port: SERVER_PORT, from: 40_000 };
  await expect.poll(() => probe('a2', steady), SOON).toEqual(['a4']);
  const { address } = pod('a4');
  const remembered = async () =>
    (await Promise.all(workers.map(({ vm }) => runInVm(vm, ['conntrack', '--dump']))))
      .join('')
      .split('\n')
      .filter((line) => line.includes(`${address} `));
  expect(await remembered()).not.toEqual([]);
  await apply(alice, service('four', { selector: { pod: 'a1' } }));
  await kubectl('delete', 'pod', '-n', alice, 'a4');
  await expect.poll(() => probe('a2', steady), SOON).toEqual(['a1']);
  await expect.poll(remembered, SOON).toEqual([]);
});

test('a Deployment answers all the time while it is rolled over', async () => {
  const labels = { app: 'rolled' };
  const spread = {
    topologyKey: 'kubernetes.io/hostname',
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: labels },
  };
  const deployment = (image: string) => {
    const spec = podSpec(image);
    const [container] = spec.containers;
    // Until every node has heard that a pod is going, it still gets requests.
    const patient = {
      ...container,
      readinessProbe: { tcpSocket: { port: WEB_PORT }, periodSeconds: 1 },
      lifecycle: { preStop: { sleep: { seconds: 3 } } },
    };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'rolled' },
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...spec,
            terminationGracePeriodSeconds: 10,
            containers: [patient],
            topologySpreadConstraints: [spread],
          },
        },
      },
    };
  };
  const ports = [{ port: WEB_PORT }];
  await apply(alice, deployment(IMAGE), service('rolled', { selector: labels, ports }));
  await kubectl('rollout', 'status', '-n', alice, 'deployment/rolled', '--timeout=60s');
  const asked: Probe = { get: `http://${await addressOf(alice, 'rolled')}:${WEB_PORT}/` };
  await expect.poll(() => probe('a2', asked), SOON).toEqual(['one\n']);
  const answers: string[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) answers.push(...(await probe('a2', asked, asked, asked)));
  })();
  await apply(alice, deployment(NEXT_IMAGE));
  await kubectl('rollout', 'status', '-n', alice, 'deployment/rolled', '--timeout=90s');
  isOver = true;
  await asking;
  expect([...new Set(answers)].sort()).toEqual(['one\n', 'two\n']);
  await expect
    .poll(async () => new Set(await probe('a3', asked, asked, asked, asked)), SOON)
    .toEqual(new Set(['two\n']));
  await kubectl('delete', '-n', alice, 'deployment/rolled', 'service/rolled');
});

test('tenants reach each other on no node, by address, Service or name, whatever their policies say', async () => {
  const open = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'open' } };
  const anybody = [{ namespaceSelector: {} }, { ipBlock: { cidr: '0.0.0.0/0' } }];
  const spec = {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{}, { from: anybody }],
    egress: [{}, { to: anybody }],
  };
  for (const namespace of [alice, bob]) await apply(namespace, { ...open, spec });
  await apply(bob, service('theirs', {}));
  const theirs = await addressOf(bob, 'theirs');
  await expect
    .poll(() => probe('c1', page(theirs), page(pod('c3').address)), SOON)
    .toEqual([expect.stringMatching(/^c[13]$/), 'c3']);
  for (const from of ['a1', 'a2', 'a3'])
    expect(
      await probe(
        from,
        page(pod('c1').address),
        page(pod('c3').address),
        datagram(pod('c3').address),
        page(theirs),
        name(`theirs.${bob}.svc.cluster.local`),
      ),
      from,
    ).toEqual([NO_ANSWER, NO_ANSWER, NO_ANSWER, NO_ANSWER, NO_ANSWER]);
  expect(await ask('c3', 'a3')).toEqual(NO_ANSWER);
  expect(await ask('c1', 'a2')).toEqual(NO_ANSWER);
  for (const namespace of [alice, bob]) await kubectl('delete', 'networkpolicy', '-n', namespace, 'open');
});

/** Has a policy in a namespace for as long as something is tried. */
async function under<T>(namespace: string, spec: object, attempt: () => Promise<T>): Promise<T> {
  const metadata = { name: 'tried' };
  await apply(namespace, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec });
  try {
    return await attempt();
  } finally {
    await kubectl('delete', 'networkpolicy', '-n', namespace, 'tried');
  }
}

const labelled = (...names: string[]) => ({
  podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: names }] },
});
const inNamespace = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});

test('a policy lets in on every node whom it names, on the ports that it names', async () => {
  const to = labelled('a1').podSelector;
  const seen = (from: string) => probe(from, page(pod('a1').address), datagram(pod('a1').address));
  await under(alice, { podSelector: to, policyTypes: ['Ingress'] }, async () => {
    for (const from of ['a2', 'a3'])
      await expect.poll(() => seen(from), SOON).toEqual([NO_ANSWER, NO_ANSWER]);
    expect(await ask('a2', 'a3')).toBe('a3');
  });
  const ports = [{ protocol: 'TCP', port: SERVER_PORT }];
  await under(alice, { podSelector: to, ingress: [{ from: [labelled('a2')], ports }] }, async () => {
    await expect.poll(() => seen('a2'), SOON).toEqual(['a1', NO_ANSWER]);
    expect(await seen('a3')).toEqual([NO_ANSWER, NO_ANSWER]);
  });
  await expect.poll(() => seen('a3'), SOON).toEqual(['a1', 'a1']);
});

test('a policy lets out to the part of the internet that it names', async () => {
  const { server } = internetOf(live.cluster.network);
  const internet: Probe = { get: `http://${server}/` };
  const answers = expect.stringContaining('"from"');
  const egress = (cidr: string, ...except: string[]) => ({
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr, except } }] }],
  });
  for (const from of ['a1', 'a2', 'a3'])
    await expect.poll(() => probe(from, internet), SOON).toEqual([answers]);
  await under(alice, egress(`${server}/32`), async () => {
    for (const [from, to] of [
      ['a1', 'a2'],
      ['a2', 'a3'],
      ['a3', 'a1'],
    ] as const)
      await expect
        .poll(() => probe(from, internet, page(pod(to).address)), SOON)
        .toEqual([answers, NO_ANSWER]);
  });
  await under(alice, egress('25.0.0.0/8', `${server}/32`), async () => {
    for (const from of ['a2', 'a3'])
      await expect.poll(() => probe(from, internet), SOON).toEqual([NO_ANSWER]);
  });
  await expect.poll(() => probe('a2', internet, page(pod('a1').address)), SOON).toEqual([answers, 'a1']);
});

test('two namespaces of one owner reach each other when both say so', async () => {
  const seen = () => ask('a2', 'b3');
  const out = { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [inNamespace(second)] }] };
  const into = { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [inNamespace(alice)] }] };
  expect(await seen()).toEqual(NO_ANSWER);
  await under(alice, out, async () => expect(await seen()).toEqual(NO_ANSWER));
  await under(second, into, async () => {
    expect(await seen()).toEqual(NO_ANSWER);
    await under(alice, out, async () => {
      await expect.poll(seen, SOON).toBe('b3');
      expect(await ask('b3', 'a2')).toEqual(NO_ANSWER);
    });
  });
  await expect.poll(seen, SOON).toEqual(NO_ANSWER);
});

test('a pod reaches the internet by name, but neither its node, the provider, the control plane nor mail servers', async () => {
  const { server, resolver } = internetOf(live.cluster.network);
  const serving = `
    require('net').createServer((socket) => socket.end('node')).listen(9999);
    process.stdout.write('listens')`;
  for (const [index, from] of ['a1', 'a2', 'a3'].entries()) {
    const worker = workers[index] as Worker;
    const site = siteOf(live.cluster.network, index + 1);
    const [named, direct] = await probe(from, name(SERVER_NAME), { get: `http://${server}/` });
    expect(named).toBe(server);
    expect(JSON.parse(direct ?? '').from, from).toBe(site.first);
    await runInVm(worker.vm, [
      'sh',
      '-c',
      `${process.execPath} --eval "${serving}" >/run/serving 2>&1 & until grep -q listens /run/serving; do sleep 0.1; done`,
    ]);
    const near = index === 0 ? [site.router, site.neighbour] : [];
    const hosts = [LAN.router, LAN.neighbour, ...near, ...Object.values(PROVIDER)];
    const gateways = ['a1', 'a2', 'a3'].map((each) => pod(each).address.replace(/\d+$/, '1'));
    const ofNodes = [worker.vm.address, ...gateways];
    const attempts: Probe[] = [
      ...hosts.flatMap((host): Probe[] => [
        { tcp: host, port: 80 },
        { tcp: host, port: 443 },
        { udp: host, port: 53 },
      ]),
      ...ofNodes.flatMap((host): Probe[] => [
        { tcp: host, port: 9999 },
        { tcp: host, port: 10250 },
      ]),
      ...[6443, 8443, 9000, 31_415].map((port): Probe => ({ tcp: live.cluster.addresses.gateway, port })),
      { tcp: server, port: 25 },
    ];
    const outcomes = await probe(from, ...attempts);
    expect(
      attempts.filter((_, each) => !outcomes[each]?.startsWith('no answer')),
      from,
    ).toEqual([]);
  }
  // From the nodes themselves, the same hosts are reached.
  await runInVm((workers[1] as Worker).vm, ['busybox', 'nc', '-w', '1', LAN.neighbour, '22']).catch(
    () => undefined,
  );
  const onLan = (await Promise.all(['worker-2', 'worker-3'].map((each) => visitsOnLan(each)))).flat();
  expect(onLan.map(({ to }) => to)).toEqual([`${LAN.neighbour}:22`]);
  const beyond = (await visitsOnInternet(live.cluster.network)).map(({ to }) => to);
  expect(beyond.filter((to) => ![`${server}:80`, `${resolver}:53`].includes(to))).toEqual([]);
});

test('pods have no IPv6', async () => {
  for (const from of ['a1', 'a2', 'a3'])
    expect(await pod(from).network.run(['ip', '-6', 'address', 'show', 'dev', 'eth0'])).toBe('');
});

test('much passes both ways between any two nodes, also where packets must be small', async () => {
  const bytes = 5_000_000;
  for (const [from, to] of [
    ['a1', 'a2'],
    ['a2', 'a3'],
    ['a3', 'a1'],
  ] as const) {
    const url = `http://${pod(to).address}:${SERVER_PORT}`;
    const [received, sent] = await probe(
      from,
      { get: `${url}/bytes/${bytes}`, timeoutMs: 60_000 },
      { get: `${url}/`, bytes, timeoutMs: 60_000 },
    );
    expect(received, `${from} from ${to}`).toBe(`${bytes}`);
    expect(sent, `${from} to ${to}`).toBe(`${bytes}`);
  }
});

/** Connections between all nodes, for as long as something happens to them. */
async function streams(...pairs: readonly (readonly [string, string])[]): Promise<InPod[]> {
  return Promise.all(pairs.map(([from, to]) => pod(from).network.stream(pod(to).address, ECHO_PORT)));
}

/** Something that is said from now on comes back. */
async function goesOn(stream: InPod): Promise<void> {
  const { said } = progressOf(stream);
  await expect.poll(() => progressOf(stream).heard, SOON).toBeGreaterThan(said);
  expect(stream.child.exitCode).toBeNull();
}

test('connections go on when a router reboots, and when it has another address then', async () => {
  const open = await streams(['a1', 'a2'], ['a2', 'a3'], ['a3', 'a2'], ['a3', 'a1']);
  for (const router of ['worker-2', 'worker-3']) {
    await rebootRouterOf(router, 3_000);
    await Promise.all(open.map(goesOn));
    await changeAddressOf(router);
    await Promise.all(open.map(goesOn));
  }
  expect(await ask('a3', 'a2')).toBe('a2');
  await Promise.all(open.map((each) => each.stop()));
});

test('a worker that joins disturbs nobody, and takes over when the one goes through which others met', async () => {
  const open = await streams(['a2', 'a3'], ['a3', 'a2']);
  const joined = await joinWorker(live.cluster, silent, 4, { nat: 'none' });
  workers.push(joined);
  await importImages(joined);
  await start(alice, 'a5', 4);
  for (const from of ['a2', 'a3']) await expect.poll(() => ask(from, 'a5'), SOON).toBe('a5');
  await Promise.all(open.map(goesOn));
  await sleep(5_000); // until it has been told of as one that others reach
  await removeWorkerVm('worker-1');
  await Promise.all(open.map(goesOn));
  expect(await ask('a5', 'a2')).toBe('a2');
  await Promise.all(open.map((each) => each.stop()));
});
