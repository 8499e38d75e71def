import { retireMeasurement, revokeSeat } from '@daasvader/chain/calls/admin.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCluster } from './chain.ts';
import { verifyControlPlane } from './verify.ts';

let seated: SeatedCluster;

beforeAll(async () => {
  seated = await SeatedCluster.start();
});

afterAll(() => seated.close());

const read = () => readCluster(seated.client, seated.deployment);

async function verify(): Promise<string[]> {
  const passed: string[] = [];
  const { endpoint } = await verifyControlPlane({
    apiEndpoint: seated.controlPlane.url,
    readCluster: read,
    root: seated.controlPlane.rootPem,
    report: ({ check }) => passed.push(check),
  });
  await endpoint.close();
  return passed;
}

test('the cluster is read as it was registered', async () => {
  const { controlPlane, deployment } = seated;
  const { timeMs, ...cluster } = await read();
  const { timeMs: _, ...expected } = controlPlane.cluster;
  expect(Math.abs(timeMs - Date.now())).toBeLessThan(60_000);
  expect(cluster).toEqual({
    ...expected,
    clusterId: deployment.registryId,
    measurements: [{ ...expected.measurements[0], effectiveAtMs: expect.any(Number) }],
    seat: { ...expected.seat, id: expect.stringMatching(/^0x[0-9a-f]{64}$/) },
  });
});

test('a control plane that registered and was seated passes every check', async () => {
  await expect(verify()).resolves.toHaveLength(7);
});

test('a full node of another chain is refused', async () => {
  await expect(
    readCluster(seated.client, { ...seated.deployment, chainId: 'elsewhere' }),
  ).rejects.toMatchObject({
    code: 'chain',
    expected: 'elsewhere',
    actual: seated.deployment.chainId,
  });
});

test('a full node that does not answer is an error and not an empty seat', async () => {
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: 'http://127.0.0.1:1' });
  await expect(readCluster(client, seated.deployment)).rejects.toMatchObject({ code: 'unreachable' });
});

test('a registry that does not exist is an error and not an empty cluster', async () => {
  const ids = { ...seated.deployment, registryId: `0x${'ee'.repeat(32)}` };
  await expect(readCluster(seated.client, ids)).rejects.toMatchObject({ code: 'not_found' });
});

test('an object of another type is refused as the registry', async () => {
  const ids = { ...seated.deployment, registryId: seated.deployment.workersId };
  await expect(readCluster(seated.client, ids)).rejects.toMatchObject({ code: 'answer' });
});

test('a retired measurement and an emptied seat are noticed at the next verification', async () => {
  const { client, admin, deployment } = seated;
  await submit(client, admin, (tx) => revokeSeat(tx, deployment, admin.toSuiAddress()));
  await expect(verify()).rejects.toMatchObject({ check: 'seat' });
  await submit(client, admin, (tx) =>
    retireMeasurement(tx, deployment, { version: '1.0.0', compromised: false }),
  );
  await expect(verify()).rejects.toMatchObject({ check: 'measurement' });
});
