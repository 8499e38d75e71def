import { randomInt } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { submitRequest } from '@daasvader/chain/calls/user.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { readWalletFile } from '@daasvader/cli/wallet/file.ts';
import { type Cluster, insecure } from '@daasvader/testbed/cluster/cluster.ts';
import { IMAGE, LiveCluster, order, silent } from '@daasvader/testbed/cluster/live-cluster.ts';
import { stakeUser } from '@daasvader/testbed/cluster/steps.ts';
import { isRunning, type User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { fetch } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** A deployment takes about this long; kills fall anywhere within. */
const LATEST_MS = 2_500;
const RECOVERY_MS = 150_000;
const OUTAGE_MS = 30_000;

let live: LiveCluster;
let cluster: Cluster;
let worker: Worker;
let user: User;

beforeAll(async () => {
  live = await LiveCluster.start();
  ({ cluster, worker } = live);
  user = await stakeUser(cluster, silent);
});

afterAll(() => live?.[Symbol.asyncDispose]());

/** The process, by what its command line holds. */
async function pidOf(...words: string[]): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.every((word) => line.split('\0').includes(word))) return Number(pid);
  }
  throw new Error(`Cannot find the process ${words.join(' ')}`);
}

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
}

/** What is killed, and how it comes back: by its own supervisor, or as systemd would start it again. */
const VICTIMS: Record<string, () => Promise<void>> = {
  enclave: async () => kill(Number(await readFile(join(cluster.stateDir, 'enclave.pid'), 'utf8'))),
  'k3s server': async () => kill(await pidOf('server', join(cluster.stateDir, 'k3s'))),
  'host proxy': async () => {
    await cluster.hostProxy.crash();
    await cluster.startHostProxy();
  },
  'worker agent': async () => {
    await worker.process.crash();
    await worker.start();
  },
  devnet: async () => {
    await cluster.devnet.crash();
    await cluster.startDevnet();
  },
};

test.each(Object.keys(VICTIMS))('a deployment survives kill -9 of the %s', async (victim) => {
  const name = `app-${victim.replace(' ', '-')}`;
  const ids = await order(user, name);
  const moment = randomInt(LATEST_MS);
  console.log(`kill -9 of the ${victim} ${moment} ms after the order`);
  await sleep(moment);
  await VICTIMS[victim]?.();
  await cluster.untilReady(RECOVERY_MS);
  await user.untilCompleted(ids, RECOVERY_MS);
  await user.login();
  await user.untilRunning(name, RECOVERY_MS);
  expect((await user.pods(name)).filter(isRunning)).toHaveLength(1);
  await followerIsCurrent();
});

test('an unreachable chain touches nothing that runs, and is caught up with', async () => {
  const ids = await order(user, 'app-outage');
  await user.untilCompleted(ids, RECOVERY_MS);
  const before = await user.untilRunning('app-outage', RECOVERY_MS);
  process.kill(cluster.devnet.pid, 'SIGSTOP');
  await sleep(OUTAGE_MS);
  expect(await user.untilRunning('app-outage', 5_000)).toEqual(before);
  process.kill(cluster.devnet.pid, 'SIGCONT');
  await user.untilCompleted(await order(user, 'app-after'), RECOVERY_MS);
  expect(await user.untilRunning('app-outage', 5_000)).toEqual(before);
  await followerIsCurrent();
});

/** Orders a Deployment whose container has a variable twice, which Kubernetes answers with 500. */
async function orderPoison(): Promise<bigint> {
  const labels = { app: 'poison' };
  const variable = { name: 'A', value: '1' };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'c', image: IMAGE, env: [variable, variable] }] },
  };
  const manifest = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'poison', labels } },
    spec: { selector: { matchLabels: labels }, template },
  };
  const { client, reader, deployment } = chain();
  const args = {
    ...{ method: 'PATCH', path: '/apis/apps/v1/namespaces/default/deployments/poison' },
    ...{ query: 'fieldManager=poison', contentType: 'application/apply-patch+yaml' }, // JSON is YAML
    body: Buffer.from(JSON.stringify(manifest)),
  };
  await submit(client, await readWalletFile(user.wallet), (tx) => submitRequest(tx, deployment, args));
  return BigInt((await reader.scheduler()).nextId) - 1n;
}

test('an order that Kubernetes cannot take fails, though the enclave was killed meanwhile, and the next one runs', async () => {
  const id = await orderPoison();
  await sleep(randomInt(LATEST_MS));
  await VICTIMS.enclave?.();
  await cluster.untilReady(RECOVERY_MS);
  const { reader } = chain();
  await expect.poll(async () => (await reader.request(id))?.status, { timeout: RECOVERY_MS }).toBe(3);
  expect(await reader.request(id)).toMatchObject({
    reason: expect.stringContaining('duplicate entries'),
    applied: false,
  });
  // The contract takes no orders while no worker is active, and the node has joined a new control plane first.
  await expect.poll(async () => (await reader.workers()).activeCount, { timeout: RECOVERY_MS }).not.toBe('0');
  await user.untilCompleted(await order(user, 'app-after-poison'), RECOVERY_MS);
  await user.login();
  await user.untilRunning('app-after-poison', RECOVERY_MS);
  await followerIsCurrent();
});

/** The enclave has taken as many events of each log as the chain has: nothing skipped, nothing taken twice. */
async function followerIsCurrent(): Promise<void> {
  await expect.poll(followed, { timeout: 30_000 }).toEqual(await onChain());
}

function chain() {
  const { deployment } = cluster;
  const client = new SuiGrpcClient({ network: deployment.network, baseUrl: deployment.rpcUrl });
  return { client, deployment, reader: new ContractReader(client, deployment) };
}

async function followed(): Promise<Record<string, number>> {
  const response = await fetch(`${cluster.addresses.apiUrl}/readyz`, { dispatcher: insecure });
  const { follower } = (await response.json()) as { follower: { logs: Record<string, number> } };
  return follower.logs;
}

async function onChain(): Promise<Record<string, number>> {
  const { reader } = chain();
  const objects = await Promise.all([
    reader.registry(),
    reader.workers(),
    reader.staking(),
    reader.scheduler(),
  ]);
  return Object.fromEntries(objects.map(({ id, log }) => [id, Number(log.seq)]));
}
