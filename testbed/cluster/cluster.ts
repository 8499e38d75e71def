import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Deployment, readDeployment } from '@daasvader/chain/deployment.ts';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { requestSuiFromFaucetV2 } from '@mysten/sui/faucet';
import { Agent, fetch } from 'undici';
import { stringify } from 'yaml';
import { loadRoot } from '../nsm/root.ts';
import { SoftwareNsm } from '../nsm/software.ts';
import { gatewayOf, type VmNetwork } from '../vm/network.ts';
import { startVmNetwork, stopVmNetwork } from '../vm/vm.ts';
import { Walrus } from '../walrus/walrus.ts';
import { DaasCli } from './daas-cli.ts';
import type { EnclaveImage } from './enclave-image.ts';
import { killMarked } from './leftovers.ts';
import { BackgroundProcess } from './process.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
const NETWORK: VmNetwork = { name: 'daasvader0', subnet: '10.77.0.0/24' };
/** As Walrus's own programs have it. */
const WALRUS_PORT = 31_415;
const START_TIMEOUT_MS = 120_000;
/** An emulated machine is ten times slower than a real one. */
const BOOT_TIMEOUT_MS = 600_000;
/** Each question takes time of the machine that is to boot. */
const BOOT_POLL_MS = 1_000;

/** What a cluster is started with. */
export interface ClusterOptions {
  /** Where everything is kept, see `ClusterDirectory`; must exist and be empty. */
  directory: string;
  /** The `k3s` program that server and workers run. */
  k3s: string;
  /** Ends whatever waits. */
  signal: AbortSignal;
  /** Boot this image on the emulated Nitro machine, instead of running the enclave as an ordinary process. */
  image?: EnclaveImage;
}

/** The parts that a worker or a user needs to reach the cluster. */
export interface ClusterAddresses {
  /** This machine as worker VMs see it. */
  gateway: string;
  rpcUrl: string;
  /** Of publisher and aggregator. */
  walrusUrl: string;
  kubernetesUrl: string;
  apiUrl: string;
  /** PEM file of the software NSM's root. */
  rootFile: string;
  deploymentFile: string;
}

/**
 * A whole cluster on this machine, every part a process of its own: devnet, host proxy, enclave with its k3s, and
 * the network to which worker VMs are attached.
 */
export class Cluster implements AsyncDisposable {
  readonly addresses: ClusterAddresses;
  readonly network = NETWORK;
  readonly daas: DaasCli;
  readonly directory: string;
  readonly k3s: string;
  readonly signal: AbortSignal;
  readonly image: EnclaveImage | undefined;
  readonly #stack = new AsyncDisposableStack();
  #devnet: BackgroundProcess | undefined;
  #hostProxy: BackgroundProcess | undefined;
  #deployment: Deployment | undefined;

  private constructor({ directory, k3s, signal, image }: ClusterOptions) {
    const gateway = gatewayOf(NETWORK);
    this.directory = directory;
    this.k3s = k3s;
    this.signal = signal;
    this.image = image;
    this.addresses = {
      gateway,
      rpcUrl: `http://${gateway}:9000`,
      walrusUrl: `http://${gateway}:${WALRUS_PORT}`,
      kubernetesUrl: `https://${gateway}:6443`,
      apiUrl: `https://${gateway}:8443`,
      rootFile: join(this.stateDir, 'root.pem'),
      deploymentFile: join(directory, 'deployment.json'),
    };
    this.daas = new DaasCli(ROOT, this.addresses, signal);
  }

  /** Makes the network to which everything is attached, and Walrus in it; nothing else runs yet. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    await mkdir(cluster.stateDir, { recursive: true, mode: 0o700 });
    cluster.#stack.defer(() => killMarked(options.directory));
    await startVmNetwork(NETWORK);
    cluster.#stack.defer(() => stopVmNetwork(NETWORK.name));
    const walrus = await Walrus.start({ host: cluster.addresses.gateway, port: WALRUS_PORT });
    cluster.#stack.defer(() => walrus.close());
    return cluster;
  }

  /** State of host proxy, enclave and software NSM. */
  get stateDir(): string {
    return join(this.directory, 'host');
  }

  /** The kubeconfig of Kubernetes's administrator: on this machine only while the enclave is an ordinary process. */
  get adminKubeconfig(): string {
    return join(this.stateDir, 'k3s/server/cred/admin.kubeconfig');
  }

  get deployment(): Deployment {
    if (this.#deployment === undefined)
      throw new Error('Cannot tell the deployment: nothing is published yet');
    return this.#deployment;
  }

  get devnet(): BackgroundProcess {
    return started(this.#devnet, 'devnet');
  }

  get hostProxy(): BackgroundProcess {
    return started(this.#hostProxy, 'host proxy');
  }

  /** Has `dispose` run when the cluster is torn down, before what is there already. */
  defer(dispose: () => Promise<void>): void {
    this.#stack.defer(dispose);
  }

  /** Makes the root under which documents are signed, and says what will be measured: the image or the source tree. */
  async measure(): Promise<void> {
    const target = join(this.directory, 'measurements.json');
    if (this.image !== undefined) {
      await loadRoot(this.stateDir, Date.now());
      await copyFile(this.image.measurements, target);
      return;
    }
    const nsm = await SoftwareNsm.create({ stateDir: this.stateDir, sourceDir: ROOT });
    const { pcrs } = await nsm.describe();
    await writeFile(target, JSON.stringify(toMeasurements(pcrs)));
  }

  /** Starts the chain, or starts it again on its state; it trusts documents under the software NSM's root. */
  async startDevnet(): Promise<void> {
    const { gateway, rootFile } = this.addresses;
    const state = join(this.directory, 'chain');
    this.#devnet = await this.#run('devnet', [
      ...[...NODE, join(ROOT, 'testbed/devnet/main.ts'), '--host', gateway, '--port', '9000'],
      ...['--state', state, '--nitro-root', rootFile],
    ]);
    await this.#devnet.until('it does not answer', START_TIMEOUT_MS, () => answers(this.addresses.rpcUrl));
  }

  /** Publishes the contracts, proposes the source tree's measurement and appoints the host. */
  async publish(): Promise<void> {
    const { daas, addresses, directory } = this;
    const [admin, host] = await Promise.all([this.fundedWallet('admin'), this.fundedWallet('host')]);
    const { rpcUrl, deploymentFile } = addresses;
    await daas.run(
      'admin',
      'publish',
      '--network',
      'devnet-local',
      '--rpc',
      rpcUrl,
      '--deployment',
      deploymentFile,
      '--wallet',
      admin.file,
    );
    this.#deployment = await readDeployment(deploymentFile);
    const signed = ['--wallet', admin.file];
    await daas.run('admin', 'propose-measurement', join(directory, 'measurements.json'), ...signed);
    await daas.run('admin', 'appoint-host', host.address, ...signed);
  }

  /** Starts host proxy and enclave. */
  async startControlPlane(): Promise<void> {
    const config = join(this.directory, 'nautilus-config.yaml');
    await writeFile(config, stringify(this.#nautilusConfig()));
    await this.startHostProxy();
  }

  /** Starts the host proxy alone, for example after a crash; it keeps an enclave that still runs. */
  async startHostProxy(): Promise<void> {
    this.#hostProxy = await this.#run('host-proxy', [
      ...[...NODE, join(ROOT, 'host-proxy/main.ts'), 'run', this.image ? '--emulator' : '--dev-enclave'],
      ...['--config', join(this.directory, 'nautilus-config.yaml')],
    ]);
  }

  /** Waits until the enclave is in the seat and lets workers in. */
  async untilReady(timeoutMs = this.image ? BOOT_TIMEOUT_MS : START_TIMEOUT_MS): Promise<void> {
    await this.hostProxy.until(
      'the enclave is not ready',
      timeoutMs,
      () => answers(`${this.addresses.apiUrl}${ROUTE.readiness}`),
      this.image && BOOT_POLL_MS,
    );
  }

  /** Makes a wallet with SUI from the faucet. */
  async fundedWallet(name: string): Promise<{ file: string; address: string }> {
    const file = join(this.directory, `${name}.key`);
    const { address } = (await this.daas.json('wallet', 'create', file)) as { address: string };
    await this.fund(address);
    return { file, address };
  }

  /** Sends SUI from the faucet. */
  async fund(address: string): Promise<void> {
    await requestSuiFromFaucetV2({ host: this.addresses.rpcUrl, recipient: address });
  }

  /** Stops every part, the newest first, and leaves nothing behind but the directory. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  async #run(name: string, argv: string[]): Promise<BackgroundProcess> {
    const logFile = join(this.directory, `${name}.log`);
    const env = { DAAS_K3S: this.k3s };
    const process = await BackgroundProcess.start({ name, argv, logFile, env, signal: this.signal });
    this.#stack.defer(() => process.stop());
    return process;
  }

  #nautilusConfig(): object {
    const { gateway, rpcUrl, walrusUrl, kubernetesUrl } = this.addresses;
    return {
      tee: { type: this.image ? 'AWS_NITRO' : 'SOFTWARE', attestation_interval: 3600 },
      ...(this.image && { enclave: { image: this.image.file } }),
      sui: { rpc_endpoint: rpcUrl, event_filter: 'daasvader::events' },
      walrus: { aggregator: walrusUrl },
      k3s: { cluster_cidr: DEFAULT_RANGES.clusterCidr, service_cidr: DEFAULT_RANGES.serviceCidr },
      api: {
        port: 6443,
        enclave_port: 8443,
        listen: gateway,
        external_names: [gateway],
        external_url: kubernetesUrl,
      },
      host: {
        deployment: this.addresses.deploymentFile,
        key_file: join(this.directory, 'host.key'),
        state_dir: this.stateDir,
        vsock: join(this.stateDir, 'vsock'),
        metrics_port: 9464,
        drain_seconds: 1,
      },
      heartbeat_interval: this.image ? 10 : 5, // seconds
    };
  }
}

/** For reading what needs no trust; whoever relies on an answer checks who gave it. */
export const insecure: Agent = new Agent({ connect: { rejectUnauthorized: false } });

/** Whether a URL answers with success. Only liveness: who answers is checked by those who rely on it. */
async function answers(url: string): Promise<true | undefined> {
  const response = await fetch(url, { dispatcher: insecure, signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok || response.status === 404 ? true : undefined; // the devnet has no page at /
}

function toMeasurements(pcrs: ReadonlyMap<number, Uint8Array>): object {
  const hex = (index: number) => Buffer.from(pcrs.get(index) ?? []).toString('hex');
  return { version: '0.1.0', PCR0: hex(0), PCR1: hex(1), PCR2: hex(2) };
}

function started<T>(part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`Cannot use ${name}: it is not started yet`);
  return part;
}
