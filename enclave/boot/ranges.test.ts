import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertRanges } from './ranges.ts';

let cluster: ChainCluster;

beforeAll(async () => {
  cluster = await ChainCluster.start();
});

afterAll(() => cluster.close());

const RANGES = { cluster_cidr: DEFAULT_RANGES.clusterCidr, service_cidr: DEFAULT_RANGES.serviceCidr };

const check = (k3s: typeof RANGES) => assertRanges(cluster.client, { cluster: cluster.deployment, k3s });

test("the cluster's ranges pass", async () => {
  await expect(check(RANGES)).resolves.toBeUndefined();
});

test.each(['cluster_cidr', 'service_cidr'])(
  "a %s other than the cluster's is refused, saying which",
  async (key) => {
    await expect(check({ ...RANGES, [key]: '10.99.0.0/16' })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(new RegExp(`k3s.${key} is 10.99.0.0/16.*correct it`)),
    });
  },
);
