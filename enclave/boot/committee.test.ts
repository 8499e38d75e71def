import { setConfig } from '@daasvader/chain/calls/admin.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startingCommittee } from './committee.ts';

let cluster: ChainCluster;

beforeAll(async () => {
  cluster = await ChainCluster.start();
});

afterAll(() => cluster.close());

const start = () => startingCommittee(cluster.client, cluster.deployment);

test('an enclave starts from the committee that the cluster expects, also epochs later', async () => {
  const { epoch, digest } = await readCommittee(cluster.client);
  cluster.devnet.endEpoch();
  cluster.devnet.endEpoch();
  await expect(start()).resolves.toMatchObject({ epoch, digest });
});

test('a full node that tells another committee than the cluster expects is refused', async () => {
  const { admin, client, deployment } = cluster;
  const binding = await cluster.bindingOf(admin.toSuiAddress());
  const committeeDigest = new Uint8Array(32).fill(9);
  await submit(client, admin, (tx) => setConfig(tx, deployment, { ...binding, committeeDigest }));
  await expect(start()).rejects.toMatchObject({ code: 'configuration', expected: '09'.repeat(32) });
});
