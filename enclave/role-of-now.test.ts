import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { FakeCluster } from '@daasvader/testbed/enclave/fake-cluster.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { GRACE_MS, KEPT_MS } from './chain/tenure.ts';
import type { OrderOptions } from './kube/order.ts';
import { Tenants } from './kube/tenants.ts';

const [NONE, DEVELOPER, ADMIN, SUPER] = [0, 2, 3, 4];
const OWN = namespaceOf(OWNER);
const further = (index: number) => `${OWN}-${index}`;
const READY: OrderOptions['tracker'] = {
  outcome: async () => ({ state: 'ready', reason: '' }),
  replaced: () => undefined,
  forget: () => undefined,
};

let chain: FakeChain;
let cluster: FakeCluster;

const boot = () =>
  bootEnclave(chain, {
    kubernetes: cluster,
    tracker: READY,
    tenants: (roles) => new Tenants(cluster, roles),
  });

/** The machine ends, and with it the cluster; another one boots. */
async function restart() {
  cluster = new FakeCluster();
  return boot();
}

beforeEach(async () => {
  chain = new FakeChain();
  cluster = new FakeCluster();
  await boot();
});

const ends = (id: bigint) => expect.poll(() => chain.status(id), { timeout: 5_000, interval: 5 });
const until = <T>(what: () => T) => expect.poll(what, { timeout: 5_000, interval: 5 });
/** What is still done because of what has happened is done. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 100));

const pathOf = (namespace: string, resource = 'deployments') =>
  `/apis/apps/v1/namespaces/${namespace}/${resource}`;

function deployment(namespace: string, name: string, replicas = 100) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
  return { namespace, path: pathOf(namespace), manifest };
}

/** As much as one stake can order at once: 32 deployments, in all the namespaces that it can claim. */
function orderAll(): bigint[] {
  for (let index = 1; index <= 16; index += 1) chain.claim(further(index));
  const namespaces = [OWN, ...Array.from({ length: 16 }, (_, index) => further(index + 1))];
  return Array.from({ length: 32 }, (_, index) =>
    chain.ask(deployment(namespaces[index % namespaces.length]!, `web-${index}`)),
  );
}

describe('who stakes for the role super, orders all that it can and asks the stake back', () => {
  test('in one transaction gets nothing at all', async () => {
    chain.hold(SUPER);
    const ids = orderAll();
    chain.hold(NONE);
    for (const id of ids) await ends(id).toMatch(/^FAILED: .*stake of its owner is not enough/);
    expect(cluster.pods()).toEqual([]);
  });

  test('when all runs has the pods of its role for a day, none after it, and after seven no namespace', async () => {
    chain.hold(SUPER);
    for (const id of orderAll()) await ends(id).toBe('COMPLETED');
    expect(cluster.pods().length).toBeGreaterThan(150);
    expect(cluster.pods().length).toBeLessThanOrEqual(200);
    chain.hold(NONE);
    chain.pass(GRACE_MS - 1);
    await settle();
    expect(cluster.pods().length).toBeGreaterThan(150);
    chain.pass(1);
    await until(() => cluster.pods()).toEqual([]);
    expect(cluster.namespaces).toHaveLength(17);
    chain.pass(KEPT_MS - GRACE_MS);
    await until(() => cluster.namespaces).toEqual([]);
    chain.withdraw();
    await settle();
    expect(cluster.objects.size).toBe(0);
  });

  test.each([
    ['a day', GRACE_MS],
    ['seven days', KEPT_MS],
  ])('gets none of it back when the machine starts again after %s', async (_, ms) => {
    chain.hold(SUPER);
    for (const id of orderAll()) await ends(id).toBe('COMPLETED');
    chain.hold(NONE);
    chain.pass(ms);
    await restart();
    await settle();
    expect([cluster.pods(), cluster.namespaces]).toEqual([[], []]);
    expect(cluster.calls).toEqual([]);
  });

  test('has all of it when the machine starts again within the day, and nobody has more because of it', async () => {
    chain.hold(SUPER);
    for (const id of orderAll()) await ends(id).toBe('COMPLETED');
    chain.hold(NONE);
    chain.pass(GRACE_MS - 1);
    await restart();
    await until(() => cluster.namespaces.length).toBe(17);
    await until(() => cluster.pods().length).toBeGreaterThan(150);
    expect(cluster.pods().length).toBeLessThanOrEqual(200);
    chain.pass(1);
    await until(() => cluster.pods()).toEqual([]);
  });
});

describe('whoever comes back', () => {
  const web = deployment(OWN, 'web', 3);
  const pod = {
    path: `/api/v1/namespaces/${OWN}/pods`,
    namespace: OWN,
    manifest: {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'alone' } },
      spec: { containers: [{ name: 'c', image: 'busybox' }] },
    },
  };

  beforeEach(async () => {
    chain.hold(DEVELOPER);
    for (const asked of [web, pod]) await ends(chain.ask(asked)).toBe('COMPLETED');
    expect(cluster.pods()).toHaveLength(4);
    chain.hold(NONE);
    chain.pass(GRACE_MS);
    await until(() => cluster.pods()).toEqual([]);
  });

  test.each(['', ', also when the machine has started again meanwhile'])(
    'in time finds all as it was%s',
    async (how) => {
      if (how !== '') await restart();
      chain.hold(DEVELOPER);
      await until(() => cluster.pods()).toHaveLength(4);
    },
  );

  test.each(['', ', also when the machine starts again then'])('too late begins anew%s', async (how) => {
    chain.pass(KEPT_MS);
    await until(() => cluster.namespaces).toEqual([]);
    chain.hold(DEVELOPER);
    await ends(chain.ask(deployment(OWN, 'other', 1))).toBe('COMPLETED');
    if (how !== '') await restart();
    await until(() => cluster.pods()).toEqual([`Pod/${OWN}/other-0`]);
    await settle();
    expect(cluster.pods()).toEqual([`Pod/${OWN}/other-0`]);
  });
});

test('a namespace that was given up does not come back with what was in it', async () => {
  chain.hold(ADMIN);
  chain.claim(further(1));
  await ends(chain.ask(deployment(further(1), 'web', 2))).toBe('COMPLETED');
  chain.pass(1);
  chain.release(further(1));
  await until(() => cluster.namespaces).toEqual([]);
  await ends(chain.ask(deployment(further(1), 'web', 2))).toMatch(/^FAILED: .*not claimed/);
  chain.claim(further(1));
  await ends(chain.ask(deployment(further(1), 'other', 1))).toBe('COMPLETED');
  expect(cluster.pods()).toEqual([`Pod/${further(1)}/other-0`]);
  await restart();
  await until(() => cluster.pods()).toEqual([`Pod/${further(1)}/other-0`]);
});

test('what was to come back does not when its namespace is given up and claimed again meanwhile', async () => {
  chain.hold(ADMIN);
  chain.claim(further(1));
  await ends(chain.ask(deployment(further(1), 'web', 2))).toBe('COMPLETED');
  chain.hold(NONE);
  chain.pass(GRACE_MS);
  await until(() => cluster.pods()).toEqual([]);
  let isAway = true;
  cluster.onCall = () => {
    if (isAway) throw new TypeError('fetch failed');
  };
  chain.hold(ADMIN);
  await settle();
  chain.release(further(1));
  chain.claim(further(1));
  isAway = false;
  await ends(chain.ask(deployment(further(1), 'other', 1))).toBe('COMPLETED');
  await settle();
  expect(cluster.pods()).toEqual([`Pod/${further(1)}/other-0`]);
});

test('a guest writes as long as the owner is an admin, and what was written stays with the owner', async () => {
  const guest = `0x${'b0'.repeat(32)}`;
  chain.hold(ADMIN);
  chain.grant(DEVELOPER, guest, OWN);
  await ends(chain.ask({ ...deployment(OWN, 'guest', 1), requester: guest })).toBe('COMPLETED');
  chain.hold(DEVELOPER);
  await ends(chain.ask({ ...deployment(OWN, 'more', 1), requester: guest })).toMatch(
    /role none may only read/,
  );
  await restart();
  await until(() => cluster.pods()).toEqual([`Pod/${OWN}/guest-0`]);
});

test("an order that may not be carried out makes an end of nobody's", async () => {
  const guest = `0x${'b0'.repeat(32)}`;
  chain.hold(ADMIN);
  let isAway = true;
  cluster.onCall = (what) => {
    if (isAway && what.startsWith('apply Deployment')) throw new TypeError('fetch failed');
  };
  const first = chain.ask(deployment(OWN, 'web', 1));
  const gone = chain.ask({
    ...deployment(OWN, 'web'),
    method: 'DELETE',
    path: `${pathOf(OWN)}/web`,
    requester: guest,
  });
  await settle();
  isAway = false;
  await ends(first).toBe('COMPLETED');
  await ends(gone).toMatch(/^FAILED/);
  expect(cluster.pods()).toEqual([`Pod/${OWN}/web-0`]);
});
