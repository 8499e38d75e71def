import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningPod, User } from '../scripts/demo/user.ts';
import { LiveCluster, order } from './support/live-cluster.ts';

const RUN_TIMEOUT_MS = 60_000;
const ELSEWHERE = 'u-somebody-else';

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

/** Fetches a page from inside a tenant's pod. */
function fetchFrom({ user, pod }: Tenant, host: string): Promise<string> {
  return user.kubectl('exec', pod.name, '--', 'wget', '-q', '-T', '3', '-O', '-', `http://${host}:8080/`);
}

test('a pod reaches its own namespace and nobody else', async () => {
  expect(await fetchFrom(alice, alice.address)).toBe('still here\n');
  await expect(fetchFrom(alice, bob.address)).rejects.toThrow(/timed out/);
  const service = await bob.user.kubectl('get', 'service', 'bob', '-o', 'jsonpath={.spec.clusterIP}');
  expect(await fetchFrom(bob, service)).toBe('still here\n');
  await expect(fetchFrom(alice, service)).rejects.toThrow(/timed out/);
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
    ['create', 'namespace', ELSEWHERE],
  ];
  for (const attempt of attempts)
    await expect(user.kubectl(...attempt), attempt.join(' ')).rejects.toThrow(/Forbidden|forbidden/);
});
