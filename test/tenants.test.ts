import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runInVm } from '@daasvader/worker-agent/vm/vm.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningPod, User } from '../scripts/demo/user.ts';
import { IMAGE, LiveCluster, order } from './support/live-cluster.ts';

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
async function fetchFrom({ pod }: Tenant, host: string): Promise<string> {
  const [, pid = ''] = (await live.worker.task(pod.containerId.replace('containerd://', ''))).split(/ +/);
  const node = [process.execPath, '--input-type=module', '--eval', FETCH, `http://${host}:8080/`];
  return runInVm(live.worker.vm, ['nsenter', `--net=/proc/${pid}/ns/net`, ...node]);
}

test('a pod reaches its own namespace and nobody else', async () => {
  expect(await fetchFrom(alice, alice.address)).toBe('still here\n');
  await expect(fetchFrom(alice, bob.address)).rejects.toThrow(/TimeoutError/);
  const service = await bob.user.kubectl('get', 'service', 'bob', '-o', 'jsonpath={.spec.clusterIP}');
  expect(await fetchFrom(bob, service)).toBe('still here\n');
  await expect(fetchFrom(alice, service)).rejects.toThrow(/TimeoutError/);
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
    ['get', 'secrets'],
    ['get', 'nodes'],
    ['get', 'secrets', '-n', 'kube-system'],
    ['delete', 'pod', alice.pod.name],
    ['create', 'namespace', 'u-somebody-else'],
  ];
  for (const attempt of attempts)
    await expect(user.kubectl(...attempt), attempt.join(' ')).rejects.toThrow(/Forbidden|forbidden/);
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
