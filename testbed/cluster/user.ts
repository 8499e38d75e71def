import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { fetch } from 'undici';
import { type Cluster, insecure } from './cluster.ts';

const run = promisify(execFile);
const POLL_MS = 50;
const SEEN_TIMEOUT_MS = 15_000;

/** A pod as its owner sees it. */
export interface RunningPod {
  name: string;
  uid: string;
  node: string;
  containerId: string;
}

/** A developer with a wallet, who orders on chain and looks with kubectl. */
export class User {
  readonly wallet: string;
  readonly address: string;
  readonly kubeconfig: string;
  readonly #cluster: Cluster;

  private constructor(cluster: Cluster, name: string, wallet: { file: string; address: string }) {
    this.#cluster = cluster;
    this.wallet = wallet.file;
    this.address = wallet.address;
    this.kubeconfig = join(cluster.directory, `${name}.kubeconfig`);
  }

  /** Makes the wallet and funds it. */
  static async create(cluster: Cluster, name: string): Promise<User> {
    return new User(cluster, name, await cluster.fundedWallet(name));
  }

  /** Runs `daas` with this user's wallet. */
  daas(...args: string[]): Promise<string> {
    return this.#cluster.daas.run(...args, '--wallet', this.wallet);
  }

  /** The same, with `--json`. */
  json(...args: string[]): Promise<unknown> {
    return this.#cluster.daas.json(...args, '--wallet', this.wallet);
  }

  /** Gets a fresh credential, after checking the control plane. */
  login(): Promise<string> {
    return this.daas('kubeconfig', '--out', this.kubeconfig);
  }

  /** Waits until the enclave has seen the stake. */
  async untilRole(): Promise<void> {
    const url = `${this.#cluster.addresses.apiUrl}${ROUTE.stakingStatus}?address=${this.address}`;
    await this.#cluster.hostProxy.until('the stake is not seen', SEEN_TIMEOUT_MS, async () => {
      const response = await fetch(url, { dispatcher: insecure });
      return ((await response.json()) as { role: string }).role === 'none' ? undefined : true;
    });
  }

  /** Waits until requests are COMPLETED; one that ends otherwise is an error. */
  async untilCompleted(ids: string[], timeoutMs: number): Promise<void> {
    for (const deadline = Date.now() + timeoutMs; ; await sleep(POLL_MS)) {
      const { requests } = (await this.#cluster.daas.json('requests', ...ids)) as {
        requests: { status: string }[];
      };
      const statuses = requests.map(({ status }) => status);
      if (statuses.every((status) => status === 'COMPLETED')) return;
      if (Date.now() > deadline || statuses.includes('FAILED'))
        throw new Error(`Cannot see requests ${ids.join(', ')} completed: ${statuses.join(', ')}`);
    }
  }

  /** Runs kubectl with the user's own credential. */
  async kubectl(...args: string[]): Promise<string> {
    const { stdout } = await run(this.#cluster.k3s, ['kubectl', '--kubeconfig', this.kubeconfig, ...args]);
    return stdout;
  }

  /** Waits until a pod with the label `app=<name>` runs; a server that just starts again may refuse for a moment. */
  async untilRunning(name: string, timeoutMs: number): Promise<RunningPod> {
    for (const deadline = Date.now() + timeoutMs; ; await sleep(POLL_MS)) {
      const pods = await this.pods(name).catch((error: Error) => error);
      const pod = pods instanceof Error ? undefined : pods.find(isRunning);
      if (pod !== undefined) return describe(pod);
      if (Date.now() < deadline) continue;
      const seen = pods instanceof Error ? pods.message : await this.kubectl('describe', 'pods');
      throw new Error(`Cannot see ${name} running after ${timeoutMs / 1000} s:\n${seen}`);
    }
  }

  /** Pods with the label `app=<name>`, as Kubernetes describes them. */
  async pods(name: string): Promise<Pod[]> {
    return (
      JSON.parse(await this.kubectl('get', 'pods', '-l', `app=${name}`, '-o', 'json')) as { items: Pod[] }
    ).items;
  }
}

/** What is read of a pod. */
export interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase?: string; containerStatuses?: { containerID?: string; ready: boolean }[] };
}

/** Whether a pod runs and is not about to go. */
export function isRunning({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status.phase === 'Running' &&
    status.containerStatuses?.every(({ ready }) => ready) === true
  );
}

function describe({ metadata, spec, status }: Pod): RunningPod {
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName ?? '',
    containerId: status.containerStatuses?.[0]?.containerID ?? '',
  };
}
