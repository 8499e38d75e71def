import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { IMAGE, LiveCluster, order } from '@daasvader/testbed/cluster/live-cluster.ts';
import { type RunningPod, User } from '@daasvader/testbed/cluster/user.ts';
import { SITE_PREFIX, siteOf } from '@daasvader/testbed/vm/network.ts';
import { hostPidOf, runInVm, spawnInVm } from '@daasvader/testbed/vm/vm.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

const RUN_TIMEOUT_MS = 60_000;
const FETCH = `
  const response = await fetch(process.argv[1], { signal: AbortSignal.timeout(3_000) });
  process.stdout.write(await response.text());`;

interface Tenant {
  user: User;
  pod: RunningPod;
  address: string;
}

let live: LiveCluster;
let alice: Tenant;
let bob: Tenant;

beforeAll(async () => {
  live = await LiveCluster.start();
  [alice, bob] = await Promise.all([tenant('alice'), tenant('bob')]);
});

afterAll(() => live?.[Symbol.asyncDispose]());

/** A developer with a running pod. */
async function tenant(name: string): Promise<Tenant> {
  const user = await User.create(live.cluster, name);
  await user.daas('stake', '2');
  await user.untilRole();
  await user.login();
  await user.untilCompleted(await order(user, name), RUN_TIMEOUT_MS);
  const pod = await user.untilRunning(name, RUN_TIMEOUT_MS);
  return { user, pod, address: await podAddress(user, pod) };
}

function podAddress(user: User, { name }: RunningPod): Promise<string> {
  return user.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}');
}

/**
 * Fetches a page from inside the network of a tenant's pod. Debian's static busybox, of which the image is made, cannot
 * look up even an address, so Node does it from the pod's namespace.
 */
async function fetchFrom(tenant: Tenant, host: string): Promise<string> {
  return runIn(tenant, [process.execPath, '--input-type=module', '--eval', FETCH, `http://${host}:8080/`]);
}

/** Runs a program of the VM, as its root, in the network of a tenant's pod. */
async function runIn({ pod }: Tenant, argv: string[]): Promise<string> {
  const [, pid = ''] = (await live.worker.task(pod.containerId.replace('containerd://', ''))).split(/ +/);
  return runInVm(live.worker.vm, ['nsenter', `--net=/proc/${pid}/ns/net`, ...argv]);
}

test('a user reads the log of its pod, for which the kubelet has a certificate that the API server believes', async () => {
  expect(await alice.user.kubectl('logs', alice.pod.name, '--all-containers')).toEqual(expect.any(String));
});

test('a pod reaches its own namespace and nobody else', async () => {
  expect(await fetchFrom(alice, alice.address)).toBe('still here\n');
  await expect(fetchFrom(alice, bob.address)).rejects.toThrow(/TimeoutError/);
  const service = await bob.user.kubectl('get', 'service', 'bob', '-o', 'jsonpath={.spec.clusterIP}');
  expect(await fetchFrom(bob, service)).toBe('still here\n');
  await expect(fetchFrom(alice, service)).rejects.toThrow(/TimeoutError/);
});

test.each([
  ['flushes the mangle table', 'iptables -t mangle -F'],
  ['lets everything pass before our rules', 'iptables -t mangle -I FORWARD -j ACCEPT'],
])('who %s on the node opens no way between tenants for long', async (_, change) => {
  await runInVm(live.worker.vm, ['sh', '-c', change]);
  await expect
    .poll(() => fetchFrom(alice, bob.address).catch(() => 'kept out'), { timeout: 20_000, interval: 500 })
    .toBe('kept out');
  expect(await fetchFrom(alice, alice.address)).toBe('still here\n');
  expect(await runInVm(live.worker.vm, ['iptables', '-t', 'mangle', '-S', 'FORWARD'])).toMatch(
    /^-P FORWARD ACCEPT\n-A FORWARD -j K3S-ISOLATE-FORWARD\n/,
  );
});

test('a pod reaches no service of its node, by IPv4 or by an IPv6 that it turned on', async () => {
  const { vm } = live.worker;
  const serve = `require('http').createServer((_, r) => r.end('node')).listen(9999, '::', () => console.log('listens'))`;
  const server = await spawnInVm(vm, [process.execPath, '--eval', serve]);
  await once(server.stdout!, 'data', { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) });
  const [{ dev }] = JSON.parse(await runInVm(vm, ['ip', '-json', 'route', 'get', alice.address]));
  const [{ addr_info: addresses }] = JSON.parse(
    await runInVm(vm, ['ip', '-json', '-6', 'address', 'show', dev]),
  );
  const address = addresses[0].local as string;
  const connect = (host: string) =>
    `require('net').connect({ host: '${host}', port: 9999, timeout: 3000 })
      .on('connect', () => process.exit(0)).on('timeout', () => process.exit(1))`;
  await runInVm(vm, [process.execPath, '--eval', connect(`${address}%${dev}`)]); // the node itself reaches it
  await runIn(alice, ['sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; sleep 3']);
  expect(await runIn(alice, ['ip', '-6', 'address', 'show', 'dev', 'eth0'])).toContain('inet6 fe80::');
  for (const host of [`${address}%eth0`, vm.address])
    await expect(runIn(alice, [process.execPath, '--eval', connect(host)]), host).rejects.toMatchObject({
      code: 'command',
    });
  process.kill((await hostPidOf(server))!);
});

test('a pod asks for names of the cluster, and learns none of the network that its node stands in', async () => {
  const ask = (name: string) => {
    const script = `const resolver = new (require('dns').Resolver)({ timeout: 3000, tries: 1 });
      resolver.setServers(['10.43.0.10']);
      resolver.resolve4('${name}', (error, addresses) => process.stdout.write(error?.code ?? addresses.join()));`;
    return runIn(alice, [process.execPath, '--eval', script]);
  };
  const { user } = alice;
  const service = ['get', 'service', 'alice', '-o', 'jsonpath={.spec.clusterIP} {.metadata.namespace}'];
  const [address, namespace] = (await user.kubectl(...service)).split(' ');
  expect(await ask(`alice.${namespace}.svc.cluster.local`)).toBe(address);
  for (const name of ['nas.lan', 'printer.local', 'gateway', '1.0.77.10.in-addr.arpa'])
    expect(await ask(name), name).toBe('ENOTFOUND');
});

test('a pod starts no more processes than a node allows', async () => {
  const find = `find /sys/fs/cgroup -path '*pod${alice.pod.uid}/pids.max' -exec cat {} +`;
  expect(await runInVm(live.worker.vm, ['sh', '-c', find])).toBe('2048\n');
});

test('images come from the mirror that a provider names', async () => {
  const asked: string[] = [];
  const mirror = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.writeHead(404).end();
  }).listen(0, live.worker.vm.gateway);
  await once(mirror, 'listening', { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) });
  const folder = join(live.worker.vm.disk, 'var/lib/k3s/agent/etc/containerd/certs.d/registry.example.org');
  await mkdir(folder, { recursive: true });
  const url = `http://${live.worker.vm.gateway}:${(mirror.address() as AddressInfo).port}`;
  await writeFile(join(folder, 'hosts.toml'), `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`);
  await alice.user.json('deploy', 'mirrored', '--image', 'registry.example.org/app:1');
  await expect
    .poll(() => asked, { timeout: RUN_TIMEOUT_MS })
    .toContainEqual(expect.stringMatching(/^\/v2\/app\/manifests\/1\?ns=registry\.example\.org$/));
  mirror.close();
});

test('the control plane reaches a node by its name, which no DNS knows', async () => {
  const admin = join(live.cluster.directory, 'host/k3s/server/cred/admin.kubeconfig');
  const kubectl = (...args: string[]) =>
    promisify(execFile)(live.cluster.k3s, ['kubectl', '--kubeconfig', admin, ...args]);
  const { stdout: node } = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}');
  expect(await kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/healthz`)).toMatchObject({
    stdout: 'ok',
  });
});

test("a user's credential opens no other namespace, and writes nothing but through the chain", async () => {
  const { user } = alice;
  const namespace = await bob.user.kubectl('get', 'pods', '-o', 'jsonpath={.items[0].metadata.namespace}');
  const attempts = [
    ['get', 'pods', '-n', namespace],
    ['exec', '-n', namespace, bob.pod.name, '--', 'id'],
    ['port-forward', '-n', namespace, bob.pod.name, ':8080'],
    ['get', 'secrets', '-n', namespace],
    ['create', 'secret', 'generic', 'theirs', '--from-literal=a=b', '-n', namespace],
    ['get', 'nodes'],
    ['get', 'secrets', '-n', 'kube-system'],
    ['delete', 'pod', alice.pod.name],
    ['create', 'configmap', 'mine', '--from-literal=a=b'],
    ['create', 'namespace', 'u-somebody-else'],
  ];
  for (const attempt of attempts)
    await expect(user.kubectl(...attempt), attempt.join(' ')).rejects.toThrow(/Forbidden|forbidden/);
  await user.kubectl('create', 'secret', 'generic', 'mine', '--from-literal=a=b'); // which the chain must not see
  expect(await user.kubectl('get', 'secret', 'mine', '-o', 'name')).toContain('secret/mine');
});

test('a granted role opens its namespace as far as it goes, and closes when it is taken back', async () => {
  const namespace = await bob.user.kubectl('get', 'pods', '-o', 'jsonpath={.items[0].metadata.namespace}');
  const look = () => alice.user.kubectl('get', 'pods', '-n', namespace, '-o', 'name').catch(String);
  const patience = { timeout: 20_000 };
  await bob.user.daas('stake', '3'); // with the 2 from before, an admin's
  await bob.user.daas('role', 'grant', namespace, alice.user.address, 'viewer');
  await expect.poll(look, patience).toContain(bob.pod.name);
  const write = () => alice.user.json('deploy', 'guest', '--image', IMAGE, '--namespace', namespace);
  await expect(write()).rejects.toThrow(/ERoleTooLow/);
  await bob.user.daas('role', 'grant', namespace, alice.user.address, 'developer');
  const { requests } = (await write()) as { requests: { id: string }[] };
  await alice.user.untilCompleted(
    requests.map(({ id }) => id),
    RUN_TIMEOUT_MS,
  );
  await bob.user.untilRunning('guest', RUN_TIMEOUT_MS);
  const goingOn = [
    ['exec', '-n', namespace, bob.pod.name, '--', 'sleep', '600'],
    ['logs', '-f', '-n', namespace, bob.pod.name],
    ['get', 'pods', '-n', namespace, '--watch'],
  ].map((command) => alice.user.kubectl(...command).catch(String));
  expect(await Promise.race([...goingOn, sleep(3_000, 'all go on')])).toBe('all go on');
  await bob.user.daas('role', 'revoke', namespace, alice.user.address);
  await Promise.all(goingOn); // each has ended
  await expect.poll(look, patience).toMatch(/forbidden/i);
  await expect(write()).rejects.toThrow(/EBadNamespace/);
});

test('a namespace that an admin claims holds pods, and is gone with them when it is given up', async () => {
  const { user } = bob; // an admin by now
  const own = await user.kubectl('get', 'pods', '-o', 'jsonpath={.items[0].metadata.namespace}');
  const namespace = `${own}-b`;
  const deploy = () => user.json('deploy', 'second', '--image', IMAGE, '--namespace', namespace);
  await expect(deploy()).rejects.toThrow(/EBadNamespace/);
  await user.daas('namespace', 'claim', 'b');
  const { requests } = (await deploy()) as { requests: { id: string }[] };
  await user.untilCompleted(
    requests.map(({ id }) => id),
    RUN_TIMEOUT_MS,
  );
  const pods = () => user.kubectl('get', 'pods', '-n', namespace, '-o', 'name').catch(String);
  expect(await pods()).toMatch(/^pod\/second-/);
  await user.daas('namespace', 'release', 'b');
  await expect.poll(pods, { timeout: 30_000 }).toMatch(/forbidden/i);
  await expect(deploy()).rejects.toThrow(/EBadNamespace/);
});

test('a node whose address changes tells the new one, and its pods go on', async () => {
  const { vm } = live.worker;
  const task = () => live.worker.task(alice.pod.containerId.replace('containerd://', ''));
  const former = await task();
  const { router, second: other } = siteOf(live.cluster.network, 1);
  await runInVm(vm, ['ip', 'address', 'add', `${other}/${SITE_PREFIX}`, 'dev', 'eth0']);
  await runInVm(vm, ['ip', 'route', 'replace', 'default', 'via', router, 'src', other]);
  const kubeconfig = '/var/lib/k3s/agent/kubelet.kubeconfig';
  const told = () =>
    runInVm(vm, [
      live.cluster.k3s,
      ...['kubectl', '--kubeconfig', kubeconfig, 'get', 'node', vm.name],
      ...['-o', 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'],
    ]);
  await expect.poll(() => told().catch(String), { timeout: RUN_TIMEOUT_MS }).toBe(other);
  expect(await task()).toBe(former);
  expect(await fetchFrom(alice, alice.address)).toBe('still here\n');
});
