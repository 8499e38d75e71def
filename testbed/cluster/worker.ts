import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { importImage } from '../vm/image.ts';
import type { Place } from '../vm/place.ts';
import {
  createWorkerVm,
  hostPidOf,
  rebootWorkerVm,
  removeWorkerVm,
  runInVm,
  spawnInVm,
  type WorkerVm,
} from '../vm/vm.ts';
import type { Cluster } from './cluster.ts';
import { BackgroundProcess } from './process.ts';

const AGENT = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  resolve(import.meta.dirname, '../../worker-agent/main.ts'),
];
/** Inside the VM, whose /var/lib is its own. */
const DATA_DIR = '/var/lib/k3s';
const CONTAINERD = `${DATA_DIR}/agent/containerd/containerd.sock`;

/** Where workers stand unless told otherwise: each third one has a public address, the others are behind either kind of NAT. */
const PLACES: readonly Place[] = [{ nat: 'none' }, { nat: 'cone' }, { nat: 'symmetric' }];

function placeOf(number: number): Place {
  return PLACES[(number - 1) % PLACES.length] ?? { nat: 'none' };
}

/** A provider's machine with the worker agent on it. */
export class Worker {
  #vm: WorkerVm;
  readonly #cluster: Cluster;
  readonly #config: string;
  #process: BackgroundProcess | undefined;

  private constructor(cluster: Cluster, vm: WorkerVm, config: string) {
    this.#cluster = cluster;
    this.#vm = vm;
    this.#config = config;
  }

  /**
   * Boots the VM and writes its configuration; the agent does not run yet.
   *
   * @param place where in the internet it stands, by its number unless given
   */
  static async boot(
    cluster: Cluster,
    name: string,
    number: number,
    place: Place = placeOf(number),
  ): Promise<Worker> {
    const vm = await createWorkerVm({ name, network: cluster.network, number, place });
    cluster.defer(() => removeWorkerVm(name));
    const directory = join(cluster.directory, name);
    await mkdir(directory);
    const config = join(directory, 'worker-config.yaml');
    await writeFile(config, stringify(workerConfiguration(cluster, { id: vm.name }, DATA_DIR)));
    return new Worker(cluster, vm, config);
  }

  /** Makes the seal key and the owner's wallet, and gets SUI for the stake. */
  async keygen(): Promise<{ sealToken: string; address: string }> {
    const keys = JSON.parse(await this.agent('keygen', '--wallet', '--json')) as {
      sealToken: string;
      address: string;
    };
    await this.#cluster.fund(keys.address);
    return keys;
  }

  /** The machine as it was booted last. */
  get vm(): WorkerVm {
    return this.#vm;
  }

  /** The worker agent that was started last. */
  get process(): BackgroundProcess {
    if (this.#process === undefined) throw new Error('Cannot use the worker agent: it is not started yet');
    return this.#process;
  }

  /** Runs a command of the worker agent inside the VM and gives what it printed. */
  agent(command: string, ...args: string[]): Promise<string> {
    return runInVm(this.vm, [...AGENT, command, '--config', this.#config, ...args]);
  }

  /** Starts `worker-agent run`, which keeps the node joined. */
  async start(): Promise<BackgroundProcess> {
    const logFile = join(this.#cluster.directory, this.vm.name, 'worker-agent.log');
    const agent = await BackgroundProcess.start({
      name: `worker agent of ${this.vm.name}`,
      argv: [...AGENT, 'run', '--config', this.#config],
      logFile,
      signal: this.#cluster.signal,
      spawn: (argv, options) => spawnInVm(this.vm, argv, options),
      pidOf: hostPidOf,
    });
    this.#cluster.defer(() => agent.stop());
    this.#process = agent;
    return agent;
  }

  /** Switches the machine off and on; the agent does not run then. */
  async reboot(): Promise<void> {
    this.#vm = await rebootWorkerVm(this.#vm.name);
  }

  /** How containerd lists a container's task: id, process id and status. */
  async task(containerId: string): Promise<string> {
    const ctr = ['--address', CONTAINERD, '--namespace', 'k8s.io', 'tasks', 'list'];
    const lines = (await runInVm(this.vm, [this.#ctr, ...ctr])).split('\n');
    return lines.find((line) => line.startsWith(containerId)) ?? `no task ${containerId}`;
  }

  /** Gives an image archive to the VM's containerd. */
  importImage(archive: Buffer): Promise<void> {
    return importImage(this.vm, archive, { ctr: this.#ctr, address: CONTAINERD });
  }

  /** Has the machine pull from a mirror in place of a registry, as a provider may. */
  async mirror(registry: string, url: string): Promise<void> {
    const folder = join(this.vm.disk, DATA_DIR, 'agent/etc/containerd/certs.d', registry);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'hosts.toml'), `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`);
  }

  get #ctr(): string {
    return join(this.#cluster.k3s, '../ctr');
  }
}

/** What a provider writes for a node of this cluster; the agent finds its address by itself unless one is given. */
export function workerConfiguration(
  { addresses, deployment, k3s }: Cluster,
  node: { id: string; ip?: string },
  dataDir: string,
): object {
  return {
    sui: {
      rpc_endpoint: addresses.rpcUrl,
      staking_contract: deployment.originalPackageId,
      worker_registry: deployment.workersId,
      chain_id: deployment.chainId,
    },
    k3s: {
      master_endpoint: addresses.kubernetesUrl,
      api_endpoint: addresses.apiUrl,
      data_dir: dataDir,
      binary: k3s,
    },
    node: { ...node, stake_amount: 5_000_000_000 },
    security: { attestation_root: addresses.rootFile },
  };
}
