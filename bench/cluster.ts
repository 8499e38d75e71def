/**
 * A whole cluster of real processes, as the demo has it: how long it takes from a contract call until Kubernetes has the
 * object and until its pod runs, and from starting a worker agent until its node is ready.
 */

import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import { contractEvents, submit } from '@daasvader/chain/submit.ts';
import { readWalletFile } from '@daasvader/cli/wallet/file.ts';
import { Cluster, insecure } from '@daasvader/testbed/cluster/cluster.ts';
import { ClusterDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { findK3s } from '@daasvader/testbed/cluster/k3s.ts';
import { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { joinWorker, startCluster } from '@daasvader/testbed/cluster/steps.ts';
import { isRunning, type Pod, User } from '@daasvader/testbed/cluster/user.ts';
import { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { buildWebImage } from '@daasvader/testbed/vm/image.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { KubeConfig, type V1Node, type V1Pod, Watch } from '@kubernetes/client-node';
import type { Signer } from '@mysten/sui/cryptography';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { fetch } from 'undici';

const REQUESTS = 100;
const JOINS = 5;
const IMAGE = 'docker.io/library/bench:1';
const TIMEOUT_MS = 60_000;
const POLL_MS = 10;

const stop = new AbortController();
process.on('SIGINT', () => stop.abort(new Error('interrupted')));

function report(what: string, milliseconds: number[]): void {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1]!)}`.padStart(6);
  process.stdout.write(
    `${what.padEnd(40)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   ${sorted.length} times\n`,
  );
}

/** A user whose role may see the nodes, and whose namespace is large enough. */
async function superUser(cluster: Cluster): Promise<User> {
  const user = await User.create(cluster, 'bench');
  await user.daas('stake', '10');
  await user.untilRole();
  await user.login();
  return user;
}

/** Orders Deployments one after the other, each deleted on chain once its pod runs. */
async function orderMany(cluster: Cluster, user: User): Promise<{ applied: number[]; running: number[] }> {
  const { deployment } = cluster;
  const client = new SuiGrpcClient({ network: deployment.network, baseUrl: deployment.rpcUrl });
  const signer = await readWalletFile(user.wallet);
  const pods = new Sightings(user, `/api/v1/namespaces/${namespaceOf(user.address)}/pods`, runningApp);
  const applied: number[] = [];
  const running: number[] = [];
  for (let index = 0; index < REQUESTS; index += 1) {
    stop.signal.throwIfAborted();
    const name = `bench-${index}`;
    const calledAt = Date.now();
    const requestId = await order(cluster, client, signer, 'POST', name);
    running.push((await pods.of(name)) - calledAt);
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
  const scheduled = contractEvents(submitted, deployment.originalPackageId).find(
    (event) => event.kind === 'K8sAPIRequestScheduledEvent',
  );
  if (scheduled === undefined) throw new Error(`Cannot order ${name}: the contract scheduled nothing`);
  return `${scheduled.requestId}`;
}

/** When the enclave had Kubernetes accept a request's object, by its own record; the clock is this machine's. */
async function appliedAt({ addresses }: Cluster, requestId: string): Promise<number> {
  const response = await fetch(`${addresses.apiUrl}${ROUTE.history}`, { dispatcher: insecure });
  const { data } = (await response.json()) as {
    data: { type: string; requestId?: string; timestampMs: number }[];
  };
  const entry = data.find(({ type, requestId: id }) => type === 'apply' && id === requestId);
  if (entry === undefined) throw new Error(`Cannot tell when request ${requestId} was applied`);
  return entry.timestampMs;
}

/** Notes when an object was first seen in the state that matters; ms since 1970. */
class Sightings {
  readonly #seenAt = new Map<string, number>();
  readonly #ended = new AbortController();
  readonly #watching: Promise<void>;

  /**
   * Watches with the user's own credential.
   *
   * @param nameOf the name of an object once it is in the state that matters
   */
  constructor(user: User, path: string, nameOf: (object: never) => string | undefined) {
    const config = new KubeConfig();
    config.loadFromFile(user.kubeconfig);
    const see = (_phase: string, object: unknown) => {
      const name = nameOf(object as never);
      if (name !== undefined && !this.#seenAt.has(name)) this.#seenAt.set(name, Date.now());
    };
    this.#watching = this.#watch(config, path, see);
    this.#watching.catch(() => undefined); // `of` tells
  }

  /** Waits for it. */
  async of(name: string): Promise<number> {
    for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await this.#pause()) {
      const at = this.#seenAt.get(name);
      if (at !== undefined) return at;
    }
    throw new Error(`Cannot see ${name} after ${TIMEOUT_MS / 1_000} s`);
  }

  close(): void {
    this.#ended.abort();
  }

  /** @throws whatever ended the watch */
  async #pause(): Promise<void> {
    await Promise.race([sleep(POLL_MS), this.#watching]);
  }

  /** The client ends a watch on which nothing happened for half a minute; the next one begins with everything. */
  async #watch(
    config: KubeConfig,
    path: string,
    see: (phase: string, object: unknown) => void,
  ): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const request = await new Watch(config).watch(path, {}, see, () => resolve());
      signal.addEventListener('abort', () => request.abort(), { once: true });
      await promise;
    }
  }
}

function runningApp(pod: V1Pod): string | undefined {
  return isRunning(pod as Pod) ? pod.metadata?.labels?.app : undefined;
}

function readyNode({ metadata, status }: V1Node): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? metadata?.name : undefined;
}

/** Has further workers join, one after the other, and gives each the image that requests ask for. */
async function joinMany(cluster: Cluster, user: User, image: Buffer): Promise<number[]> {
  const nodes = new Sightings(user, '/api/v1/nodes', readyNode);
  const times: number[] = [];
  for (let number = 2; number < 2 + JOINS; number += 1) {
    const worker = await Worker.boot(cluster, `worker-${number}`, number);
    await worker.keygen();
    await worker.agent('register');
    const startedAt = Date.now();
    await worker.start();
    times.push((await nodes.of(worker.vm.name)) - startedAt);
    await worker.importImage(image);
  }
  nodes.close();
  return times;
}

await using directory = await ClusterDirectory.take({
  what: 'a benchmark',
  toEnd: 'wait for its end, or press Ctrl-C where it runs',
});
await using cluster = await Cluster.create({
  directory: directory.path,
  k3s: await findK3s(stop.signal),
  signal: stop.signal,
});
const silent = new Narrator(() => {});
await startCluster(cluster, silent);
const worker = await joinWorker(cluster, silent);
const image = await buildWebImage({ reference: IMAGE, page: 'bench\n' });
await worker.importImage(image);
const user = await superUser(cluster);
const joined = await joinMany(cluster, user, image);
const { applied, running } = await orderMany(cluster, user);
process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
report('contract call → applied in Kubernetes', applied);
report('contract call → pod Running', running);
report('worker-agent run → node Ready', joined);
