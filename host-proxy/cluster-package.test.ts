import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClusterPackage } from './cluster-package.ts';
import { CLUSTER, FakeChain, id, registryOf } from './testing/fake-chain.ts';

const UPGRADED = id('a');

let chain: FakeChain;
let packages: ClusterPackage;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  chain = new FakeChain();
  packages = new ClusterPackage(chain, { ...CLUSTER, packageId: id('b') });
});

afterEach(() => vi.useRealTimers());

const name = (packageId: string) => chain.objects.set(CLUSTER.registryId, registryOf(packageId));

test('the packages of the deployment are known without asking', async () => {
  await packages.assert(CLUSTER.originalPackageId);
  await packages.assert(id('b'));
});

test('an upgraded package is taken as soon as the registry names it, and the one before still is', async () => {
  name(id('b'));
  await expect(packages.assert(UPGRADED)).rejects.toMatchObject({ code: 'refused' });
  name(UPGRADED);
  vi.advanceTimersByTime(5_000);
  await packages.assert(UPGRADED);
  await packages.assert(id('b'));
  expect((await packages.current()).packageId).toBe(UPGRADED);
});

test('a package that the chain cannot tell about now is not called foreign', async () => {
  for (let i = 0; i < 2; i += 1)
    await expect(packages.assert(UPGRADED)).rejects.toMatchObject({ code: 'chain' });
  name(UPGRADED);
  await packages.assert(UPGRADED);
});

test('foreign packages do not make the host ask without end', async () => {
  name(id('b'));
  const asked = vi.spyOn(chain, 'object');
  for (let i = 0; i < 100; i += 1) {
    await expect(packages.assert(id('f'))).rejects.toMatchObject({ code: 'refused' });
  }
  expect(asked).toHaveBeenCalledOnce();
});
