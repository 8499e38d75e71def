import { decodeEvent } from '@daasvader/chain/events.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { FakeCluster } from '@daasvader/testbed/enclave/fake-cluster.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { ClusterState } from '../chain/cluster-state.ts';
import { GRACE_MS, KEPT_MS } from '../chain/tenure.ts';
import { Tenants } from './tenants.ts';

const [NONE, VIEWER, DEVELOPER, ADMIN, SUPER] = [0, 1, 2, 3, 4];
const GUEST = `0x${'0b'.repeat(32)}`;
const OWN = namespaceOf(OWNER);
const further = (index: number) => `${OWN}-${index}`;

let chain: FakeChain;
let cluster: FakeCluster;
let tenants: Tenants;

beforeEach(() => {
  chain = new FakeChain();
  cluster = new FakeCluster();
  const state = new ClusterState(() => undefined);
  const take = (event: FakeChain['events'][number]) => state.apply(decodeEvent(event)!);
  for (const event of chain.events) take(event);
  chain.seat(take, (nowMs) => state.roles.passTime(nowMs));
  tenants = new Tenants(cluster, state.roles);
});

const rights = (namespace = OWN) =>
  [...cluster.objects.keys()]
    .filter((id) => id.startsWith(`RoleBinding/${namespace}/`) || id.startsWith('ClusterRoleBinding/'))
    .map((id) => id.split('/').at(-1)!.replace('daasvader:', ''))
    .sort();
const pods = () => tenants.namespacesOf(OWNER).map((namespace) => Number(cluster.hard(namespace).pods));
const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
/** A pod that somebody makes, if the quota lets it. */
const run = (namespace: string, name: string) =>
  cluster.apply({ kind: 'Pod', metadata: { name, namespace } }).catch(() => undefined);
const fill = async (namespace: string, count: number) => {
  for (let index = 0; index < count; index += 1) await run(namespace, `pod-${index}`);
};

describe('rights', () => {
  test('are those of the role of now and no others', async () => {
    chain.hold(SUPER);
    await tenants.ensure(OWNER);
    expect(rights()).toEqual(['super', `super:cluster:${OWNER}`]);
    chain.hold(DEVELOPER);
    await tenants.follow(OWNER);
    expect(rights()).toEqual(['developer']);
    chain.hold(NONE);
    await tenants.follow(OWNER);
    expect(rights()).toEqual([]);
  });

  test('end as the last change says, however changes come together', async () => {
    chain.hold(DEVELOPER);
    await tenants.ensure(OWNER);
    const changes = [SUPER, NONE].map((role) => {
      chain.hold(role);
      return tenants.follow(OWNER);
    });
    await Promise.all(changes);
    expect(rights()).toEqual([]);
  });

  test.each([
    ['the role before', DEVELOPER, ['developer']],
    ['none', NONE, []],
  ])('that were given by halves go when the role is %s again', async (_, role, expected) => {
    chain.hold(role || VIEWER);
    await tenants.ensure(OWNER);
    chain.hold(ADMIN);
    chain.grant(VIEWER, GUEST, OWN);
    cluster.onCall = (what) => {
      if (what.includes(':granted:')) throw new Error('Kubernetes is away');
    };
    await expect(tenants.follow(OWNER)).rejects.toThrow('away');
    expect(rights()).toContain('admin');
    cluster.onCall = () => undefined;
    chain.hold(role);
    await tenants.follow(OWNER);
    expect(rights()).toEqual(expected);
  });

  test('of guests are those that were granted, while the owner is an admin', async () => {
    chain.hold(ADMIN);
    chain.grant(VIEWER, GUEST, OWN);
    await tenants.follow(OWNER); // which makes the namespace
    expect(rights()).toEqual(['admin', 'granted:viewer']);
    chain.grant(DEVELOPER, GUEST, OWN);
    await tenants.follow(OWNER);
    expect(rights()).toEqual(['admin', 'granted:developer']);
    chain.hold(DEVELOPER);
    await tenants.follow(OWNER);
    expect(rights()).toEqual(['developer']);
    chain.hold(SUPER);
    await tenants.follow(OWNER);
    expect(rights()).toContain('granted:developer');
    chain.grant(NONE, GUEST, OWN);
    await tenants.follow(OWNER);
    expect(rights()).not.toContain('granted:developer');
  });
});

test('rights end although the quota cannot be divided', async () => {
  chain.hold(SUPER);
  chain.claim(further(1));
  for (const namespace of [OWN, further(1)]) await tenants.ensure(OWNER, namespace);
  cluster.onCall = (what) => {
    if (what.includes('ResourceQuota')) throw new Error('Kubernetes is away');
  };
  chain.hold(VIEWER);
  await expect(tenants.follow(OWNER)).rejects.toThrow('away');
  expect([rights(), rights(further(1))]).toEqual([['viewer'], ['viewer']]);
});

test('rights to the whole cluster end with the role, also of who has no namespace open any more', async () => {
  chain.hold(SUPER);
  chain.claim(further(1));
  await tenants.ensure(OWNER, further(1));
  chain.release(further(1));
  await tenants.follow(OWNER);
  expect(rights()).toEqual([`super:cluster:${OWNER}`]);
  chain.hold(NONE);
  await tenants.follow(OWNER);
  expect(rights()).toEqual([]);
});

describe('a namespace', () => {
  test('is not opened for whoever has no role for it, and that stops nobody after it', async () => {
    await expect(tenants.ensure(OWNER)).rejects.toMatchObject({ code: 'request' });
    chain.hold(SUPER);
    await expect(tenants.ensure(OWNER, further(1))).rejects.toMatchObject({ code: 'request' });
    await tenants.ensure(OWNER);
    expect(cluster.namespaces).toEqual([OWN]);
  });

  test('is there as soon as it is claimed, for who looks before the first order', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    await tenants.follow(OWNER);
    expect(tenants.namespacesOf(OWNER)).toEqual([further(1)]);
    expect(rights(further(1))).toEqual(['admin']);
  });

  test('of a viewer has nothing in it', async () => {
    chain.hold(VIEWER);
    await tenants.ensure(OWNER);
    expect([rights(), pods()]).toEqual([['viewer'], [0]]);
  });

  test('that was given up is deleted with all that is in it', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    await tenants.ensure(OWNER, further(1));
    await fill(further(1), 3);
    chain.release(further(1));
    await tenants.follow(OWNER);
    expect([cluster.namespaces, cluster.pods()]).toEqual([[], []]);
  });

  test('that was given up and claimed again in one moment keeps nothing', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    await tenants.ensure(OWNER, further(1));
    await fill(further(1), 3);
    chain.pass(1);
    chain.release(further(1));
    chain.claim(further(1));
    await expect(tenants.ensure(OWNER, further(1))).rejects.toThrow('has not gone yet');
    expect(cluster.pods()).toEqual([]);
    await tenants.ensure(OWNER, further(1));
    expect(cluster.namespaces).toEqual([further(1)]);
  });

  test('that was given up and claimed again for a guest is there for that one, and for no guest of before', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    chain.grant(DEVELOPER, GUEST, further(1));
    await tenants.follow(OWNER);
    chain.pass(1);
    chain.release(further(1));
    chain.claim(further(1));
    chain.grant(VIEWER, GUEST, further(1));
    await expect(tenants.follow(OWNER)).rejects.toThrow('has not gone yet');
    await tenants.follow(OWNER);
    expect(rights(further(1))).toEqual(['admin', 'granted:viewer']);
  });

  test('that has not gone keeps nobody from losing rights in another', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    for (const namespace of [OWN, further(1)]) chain.grant(VIEWER, GUEST, namespace);
    await tenants.follow(OWNER);
    expect(rights()).toEqual(['admin', 'granted:viewer']);
    cluster.isSlow = true;
    chain.pass(1);
    chain.release(further(1));
    chain.claim(further(1));
    chain.grant(VIEWER, GUEST, further(1));
    await expect(tenants.follow(OWNER)).rejects.toThrow('has not gone yet');
    chain.grant(NONE, GUEST, OWN);
    await expect(tenants.follow(OWNER)).rejects.toThrow('has not gone yet');
    expect(rights()).toEqual(['admin']);
  });

  test('that is the last of an owner is looked at until it has gone, and then no more', async () => {
    chain.hold(DEVELOPER);
    await tenants.ensure(OWNER);
    cluster.isSlow = true;
    chain.hold(NONE);
    chain.pass(KEPT_MS);
    await tenants.follow(OWNER);
    expect(tenants.squeezed).toEqual([OWNER]);
    cluster.isSlow = false;
    await cluster.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: OWN } });
    await tenants.follow(OWNER);
    expect(tenants.squeezed).toEqual([]);
  });

  test('whose deletion gets no answer is deleted all the same, and opened anew', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    await tenants.ensure(OWNER, further(1));
    await fill(further(1), 3);
    cluster.onCall = (what) => {
      if (what.startsWith('delete Namespace')) throw new Error('Kubernetes is away');
    };
    chain.pass(1);
    chain.release(further(1));
    chain.claim(further(1));
    await expect(tenants.ensure(OWNER, further(1))).rejects.toThrow('away');
    await expect(tenants.ensure(OWNER, further(1))).rejects.toThrow('away');
    cluster.onCall = () => undefined;
    await tenants.ensure(OWNER, further(1));
    expect([cluster.namespaces, cluster.pods()]).toEqual([[further(1)], []]);
  });

  test('of a viewer who was more keeps nothing after seven days, and stays when a viewer becomes more', async () => {
    chain.hold(DEVELOPER);
    await tenants.ensure(OWNER);
    await cluster.apply({ kind: 'ConfigMap', metadata: { name: 'old', namespace: OWN } });
    chain.hold(VIEWER);
    chain.pass(KEPT_MS);
    await tenants.follow(OWNER);
    expect(cluster.namespaces).toEqual([]);
    await tenants.ensure(OWNER);
    expect([cluster.namespaces, rights()]).toEqual([[OWN], ['viewer']]);
    chain.hold(DEVELOPER);
    cluster.calls.length = 0;
    await tenants.follow(OWNER);
    expect([cluster.namespaces, pods()]).toEqual([[OWN], [20]]);
    expect(cluster.calls).not.toContain(`delete Namespace//${OWN}`);
  });

  test('has no policy any more that an earlier version put there', async () => {
    const apiVersion = 'networking.k8s.io/v1';
    const policy = (name: string) => ({
      apiVersion,
      kind: 'NetworkPolicy',
      metadata: { name, namespace: OWN },
    });
    await cluster.apply({ kind: 'Namespace', metadata: { name: OWN } });
    for (const name of ['default-deny', 'allow-same-namespace', 'of-the-owner'])
      await cluster.apply(policy(name));
    chain.hold(ADMIN);
    await tenants.ensure(OWNER);
    const left = [...cluster.objects.keys()].filter((id) => id.startsWith('NetworkPolicy/'));
    expect(left).toEqual([`NetworkPolicy/${OWN}/of-the-owner`]);
  });

  test('whose making fails half-way is made whole', async () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    cluster.onCall = (what) => {
      if (what.includes('ResourceQuota')) throw new Error('Kubernetes is away');
    };
    await expect(tenants.ensure(OWNER, further(1))).rejects.toThrow('away');
    cluster.onCall = () => undefined;
    await tenants.ensure(OWNER, further(1));
    expect(pods()).toEqual([50]);
  });

  test('is opened anew when the former one of its name has gone, not before', async () => {
    chain.hold(DEVELOPER);
    const terminating = { name: OWN, deletionTimestamp: new Date() };
    cluster.objects.set(`Namespace//${OWN}`, { kind: 'Namespace', metadata: terminating });
    await expect(tenants.ensure(OWNER)).rejects.toThrow('has not gone yet');
    cluster.objects.delete(`Namespace//${OWN}`);
    await tenants.ensure(OWNER);
    expect(pods()).toEqual([20]);
  });

  test('whose owner has lost the role has its pods for a day, none until the seventh, and is gone then', async () => {
    chain.hold(DEVELOPER);
    await tenants.ensure(OWNER);
    await fill(OWN, 5);
    chain.hold(NONE);
    chain.pass(GRACE_MS - 1);
    await tenants.follow(OWNER);
    expect([cluster.pods().length, pods()]).toEqual([5, [20]]);
    chain.pass(1);
    await tenants.follow(OWNER);
    expect([cluster.pods(), pods()]).toEqual([[], [0]]);
    await fill(OWN, 1);
    expect(cluster.pods()).toEqual([]);
    chain.pass(KEPT_MS);
    await tenants.follow(OWNER);
    expect(cluster.namespaces).toEqual([]);
  });

  test('whose owner comes back in time has room again, and its controllers are told', async () => {
    chain.hold(DEVELOPER);
    await tenants.ensure(OWNER);
    chain.hold(NONE);
    chain.pass(GRACE_MS);
    await tenants.follow(OWNER);
    chain.hold(ADMIN);
    await tenants.follow(OWNER);
    expect(pods()).toEqual([100]);
    expect(cluster.calls.filter((call) => call === 'list')).toHaveLength(4);
  });
});

describe('the quota of an owner', () => {
  test('is divided among the namespaces, and again when there is one more or less', async () => {
    chain.hold(ADMIN);
    await tenants.ensure(OWNER);
    expect(pods()).toEqual([100]);
    chain.claim(further(1));
    await tenants.ensure(OWNER, further(1));
    expect(pods()).toEqual([50, 50]);
    chain.release(further(1));
    await tenants.follow(OWNER);
    expect(pods()).toEqual([100]);
  });

  test('is never exceeded by all of them together, whatever one has when the next is claimed', async () => {
    chain.hold(ADMIN);
    await tenants.ensure(OWNER);
    await fill(OWN, 90);
    for (const index of [1, 2, 3, 4]) {
      chain.claim(further(index));
      await tenants.ensure(OWNER, further(index));
      await fill(further(index), 100);
      expect(cluster.pods().length).toBeLessThanOrEqual(100);
    }
    expect(tenants.squeezed).toEqual([OWNER]);
    await cluster.deleteAll(`/api/v1/namespaces/${OWN}/pods`);
    await tenants.follow(OWNER);
    expect(sum(pods())).toBe(100);
    for (const namespace of tenants.namespacesOf(OWNER)) await fill(namespace, 100);
    expect(cluster.pods().length).toBeLessThanOrEqual(100);
    expect(tenants.squeezed).toEqual([]);
  });

  test('is in force before anything is made in a new namespace', async () => {
    chain.hold(ADMIN);
    cluster.isCounting = false;
    await expect(tenants.ensure(OWNER)).rejects.toThrow('has not counted');
    cluster.count();
    await tenants.ensure(OWNER);
    await fill(OWN, 101);
    expect(cluster.pods()).toHaveLength(100);
  });

  test('is divided by what Kubernetes has counted under the new limits', async () => {
    chain.hold(ADMIN);
    await tenants.ensure(OWNER);
    cluster.isCounting = false;
    chain.claim(further(1));
    await expect(tenants.ensure(OWNER, further(1))).rejects.toThrow('has not counted');
    await fill(OWN, 100);
    cluster.isCounting = true;
    cluster.count();
    await tenants.ensure(OWNER, further(1));
    await fill(further(1), 100);
    expect(cluster.pods()).toHaveLength(100);
  });

  test('has no room for what is still in a namespace that was given up, until that has gone', async () => {
    chain.hold(ADMIN);
    cluster.isSlow = true;
    for (const index of [1, 2, 3, 4]) {
      chain.claim(further(index));
      await tenants.ensure(OWNER, further(index));
      await fill(further(index), 100);
      chain.release(further(index));
      await tenants.follow(OWNER);
    }
    await tenants.ensure(OWNER);
    await fill(OWN, 100);
    expect(cluster.pods().length).toBeLessThanOrEqual(100);
    expect(tenants.squeezed).toEqual([OWNER]);
    cluster.isSlow = false;
    for (const index of [1, 2, 3, 4])
      await cluster.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: further(index) } });
    await tenants.follow(OWNER);
    expect(pods()).toEqual([100]);
    expect(tenants.squeezed).toEqual([]);
  });

  test('falls with the role at once, and nothing new fits in', async () => {
    chain.hold(SUPER);
    for (let index = 1; index <= 16; index += 1) {
      chain.claim(further(index));
      await tenants.ensure(OWNER, further(index));
    }
    expect(sum(pods())).toBeLessThanOrEqual(200);
    chain.hold(ADMIN);
    await tenants.follow(OWNER);
    for (const namespace of tenants.namespacesOf(OWNER)) await fill(namespace, 100);
    expect(cluster.pods().length).toBeLessThanOrEqual(100);
    chain.pass(GRACE_MS);
    await tenants.follow(OWNER);
    expect(pods().filter((count) => count > 0)).toHaveLength(4);
    chain.pass(KEPT_MS);
    await tenants.follow(OWNER);
    expect(tenants.namespacesOf(OWNER)).toEqual([further(1), further(2), further(3), further(4)]);
  });
});

describe('more pods than a lower role gives', () => {
  const run = async (role: number) => {
    chain.hold(SUPER);
    await tenants.ensure(OWNER);
    await cluster.apply({ ...web, metadata: { name: 'web', namespace: OWN } });
    expect(cluster.pods()).toHaveLength(200);
    chain.hold(role);
    await tenants.follow(OWNER);
  };
  const web = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 300 } };

  test.each([
    [DEVELOPER, 20],
    [ADMIN, 100],
  ])('than role %i gives stay for a day, then there are %i', async (role, count) => {
    await run(role);
    chain.pass(GRACE_MS - 1);
    await tenants.follow(OWNER);
    expect(cluster.pods()).toHaveLength(200);
    chain.pass(1);
    await tenants.follow(OWNER);
    expect(cluster.pods()).toHaveLength(count);
  });

  test('do not stay longer because the role falls and rises meanwhile', async () => {
    await run(DEVELOPER);
    chain.pass(GRACE_MS / 2);
    for (const role of [ADMIN, DEVELOPER]) chain.hold(role);
    chain.pass(GRACE_MS / 2);
    await tenants.follow(OWNER);
    expect(cluster.pods()).toHaveLength(20);
  });

  test('stay when the role is back in time', async () => {
    await run(DEVELOPER);
    chain.hold(SUPER);
    chain.pass(GRACE_MS);
    await tenants.follow(OWNER);
    expect(cluster.pods()).toHaveLength(200);
  });

  test('than one of several namespaces has as its part stay while all together have no more than the role gives', async () => {
    await run(ADMIN);
    chain.pass(GRACE_MS);
    await tenants.follow(OWNER);
    chain.claim(further(1));
    await tenants.ensure(OWNER, further(1));
    expect(cluster.pods(`${OWN}/`)).toHaveLength(100);
  });
});

describe('a change', () => {
  beforeEach(async () => {
    chain.hold(SUPER);
    for (let index = 1; index <= 16; index += 1) {
      chain.claim(further(index));
      await tenants.ensure(OWNER, further(index));
    }
    cluster.calls.length = 0;
  });

  test('of a stake that changes no role costs nothing', async () => {
    for (let index = 0; index < 60; index += 1) {
      chain.hold(SUPER);
      await tenants.follow(OWNER);
    }
    expect(cluster.calls).toEqual([]);
  });

  test.each([VIEWER, DEVELOPER, ADMIN])('of role to %i costs a bounded number of calls', async (role) => {
    chain.hold(role);
    await tenants.follow(OWNER);
    expect(cluster.calls.length).toBeLessThan(10 * 17);
  });
});
