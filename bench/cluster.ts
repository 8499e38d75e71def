/**
 * A whole cluster of real processes, as the demo has it: how long it takes from a contract call until Kubernetes has the
 * object and until its pod runs, and from starting a worker agent until its node is ready.
 */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { submitK8sRequest } from '@daasvader/chain/calls.ts';
import { contractEvents, submit } from '@daasvader/chain/submit.ts';
import { readWallet } from '@daasvader/cli/wallet.ts';
import { namespaceOf } from '@daasvader/enclave/kube/names.ts';
import { buildWebImage } from '@daasvader/worker-agent/vm/image.ts';
import { KubeConfig, type V1Pod, Watch } from '@kubernetes/client-node';
import type { Signer } from '@mysten/sui/cryptography';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { fetch } from 'undici';
import { Cluster, insecure } from '../scripts/demo/cluster.ts';
import { sweep, takeDirectory } from '../scripts/demo/directory.ts';
import { findK3s } from '../scripts/demo/k3s.ts';
import { Narrator } from '../scripts/demo/narrator.ts';
import { joinWorker, startCluster } from '../scripts/demo/scenario.ts';
import { isRunning, User } from '../scripts/demo/user.ts';
import { Worker } from '../scripts/demo/worker.ts';

const REQUESTS = 100;
const JOINS = 5;
const IMAGE = 'docker.io/library/bench:1';
const TIMEOUT_MS = 60_000;
const POLL_MS = 10;

const stop = new AbortController();
process.on('SIGINT', () => stop.abort(new Error('interrupted')));

const directory = await takeDirectory();
try {
  await using cluster = await Cluster.create({
    directory,
    k3s: await findK3s(stop.signal),
    signal: stop.signal,
  });
  const silent = new Narrator(() => {});
  await startCluster(cluster, silent);
  const worker = await joinWorker(cluster, silent);
  await worker.importImage(await buildWebImage({ reference: IMAGE, page: 'bench\n' }));
  const { applied, running } = await orderMany(cluster);
  const joined = await joinMany(cluster);
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
  report('contract call → applied in Kubernetes', applied);
  report('contract call → pod Running', running);
  report('worker-agent run → node Ready', joined);
} finally {
  await sweep(directory);
}

function report(what: string, milliseconds: number[]): void {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1]!)}`.padStart(6);
  process.stdout.write(
    `${what.padEnd(40)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   ${sorted.length} times\n`,
  );
}

/** Orders Deployments one after the other, each deleted on chain once its pod runs. */
async function orderMany(cluster: Cluster): Promise<{ applied: number[]; running: number[] }> {
  const user = await User.create(cluster, 'bench');
  await user.daas('stake', '10');
  await user.untilRole();
  await user.login();
  const { deployment } = cluster;
  const client = new SuiGrpcClient({ network: deployment.network, baseUrl: deployment.rpcUrl });
  const signer = await readWallet(user.wallet);
  const pods = await watchPods(user);
  const applied: number[] = [];
  const running: number[] = [];
  for (let index = 0; index < REQUESTS; index += 1) {
    stop.signal.throwIfAborted();
    const name = `bench-${index}`;
    const calledAt = Date.now();
    const requestId = await order(cluster, client, signer, 'POST', name);
    running.push((await pods.running(name)) - calledAt);
    applied.push((await appliedAt(cluster, requestId)) - calledAt);
    await order(cluster, client, signer, 'DELETE', name);
  }
  pods.close();
  return { applied, running };
}

async function order(
  { deployment }: Cluster,
  client: SuiGrpcClient,
  signer: Signer,
  method: 'POST' | 'DELETE',
  name: string,
): Promise<string> {
  const path = `/apis/apps/v1/namespaces/default/deployments${method === 'DELETE' ? `/${name}` : ''}`;
  const spec = method === 'DELETE' ? { image: '', port: '' } : { image: IMAGE, port: '8080' };
  const requester = signer.toSuiAddress();
  const request = {
    method,
    path,
    name,
    labels: '',
    namespace: 'default',
    containerName: '',
    requester,
    ...spec,
  };
  const submitted = await submit(client, signer, (tx) => submitK8sRequest(tx, deployment, request));
  const scheduled = contractEvents(submitted, deployment.packageId).find(
    (event) => event.kind === 'K8sAPIRequestScheduledEvent',
  );
  if (scheduled === undefined) throw new Error(`Cannot order ${name}: the contract scheduled nothing`);
  return `${scheduled.requestId}`;
}

/** When the enclave had Kubernetes accept a request's object, by its own record; the clock is this machine's. */
async function appliedAt({ addresses }: Cluster, requestId: string): Promise<number> {
  const response = await fetch(`${addresses.apiUrl}/api/transactions/history`, { dispatcher: insecure });
  const { data } = (await response.json()) as {
    data: { type: string; requestId?: string; timestampMs: number }[];
  };
  const entry = data.find(({ type, requestId: id }) => type === 'apply' && id === requestId);
  if (entry === undefined) throw new Error(`Cannot tell when request ${requestId} was applied`);
  return entry.timestampMs;
}

/** Watches the user's pods with the user's own credential, and remembers when each application's pod first ran. */
async function watchPods(user: User) {
  const config = new KubeConfig();
  config.loadFromFile(user.kubeconfig);
  const ranAt = new Map<string, number>();
  const see = (_phase: string, pod: V1Pod) => {
    const name = pod.metadata?.labels?.app;
    if (name && !ranAt.has(name) && isRunning(pod as Parameters<typeof isRunning>[0]))
      ranAt.set(name, Date.now());
  };
  let failure: unknown;
  const path = `/api/v1/namespaces/${namespaceOf(user.address)}/pods`;
  const watching = await new Watch(config).watch(path, {}, see, (error) => {
    failure = error ?? new Error('Cannot watch pods: the watch ended');
  });
  const running = async (name: string): Promise<number> => {
    for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_MS)) {
      const at = ranAt.get(name);
      if (at !== undefined) return at;
      if (failure !== undefined) throw failure;
    }
    throw new Error(`Cannot see ${name} running after ${TIMEOUT_MS / 1_000} s`);
  };
  return { running, close: () => watching.abort() };
}

/** Has further workers join, one after the other. */
async function joinMany(cluster: Cluster): Promise<number[]> {
  const times: number[] = [];
  for (let number = 2; number < 2 + JOINS; number += 1) {
    const worker = await Worker.boot(cluster, `worker-${number}`, number);
    await worker.keygen();
    await worker.agent('register');
    const startedAt = Date.now();
    const agent = await worker.start();
    await agent.until('its node is not ready', TIMEOUT_MS, () => isReady(cluster, worker.vm.name));
    times.push(Date.now() - startedAt);
  }
  return times;
}

async function isReady({ addresses }: Cluster, name: string): Promise<true | undefined> {
  const response = await fetch(`${addresses.apiUrl}/api/nodes`, { dispatcher: insecure });
  const { data } = (await response.json()) as { data: { worker_nodes: { name: string; status: string }[] } };
  return data.worker_nodes.some((node) => node.name === name && node.status === 'ready') ? true : undefined;
}
