import { copyFile, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from './cluster.ts';
import { ClusterDirectory } from './directory.ts';
import { buildImage, type EnclaveImage } from './enclave-image.ts';
import { findK3s } from './k3s.ts';
import { TEST_RUN } from './live-cluster.ts';

const POLL_MS = 100;
/** A boot on a machine that others keep busy. */
export const BOOT_TIMEOUT_MS = 600_000;

/** A line of the enclave's log, or of the host proxy's. */
export interface LogLine {
  readonly time: number | string;
  readonly msg?: string;
  readonly step?: string;
  readonly error?: string;
  readonly moduleId?: string;
}

/** A cluster of real processes whose enclave is an image on the emulated machine; the image may be exchanged. */
export class NitroCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  /** The image of these sources, whose measurement is on chain from the start. */
  readonly genuine: EnclaveImage;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(cluster: Cluster, genuine: EnclaveImage, cleanup: AsyncDisposableStack) {
    this.cluster = cluster;
    this.genuine = genuine;
    this.#cleanup = cleanup;
  }

  /** Takes the place of the demo on this machine; nothing runs yet but the network. */
  static async create(): Promise<NitroCluster> {
    await using cleanup = new AsyncDisposableStack();
    const { path: directory } = cleanup.use(await ClusterDirectory.take(TEST_RUN));
    const { signal } = new AbortController();
    const genuine = await buildImage(signal);
    const image = { ...genuine, file: join(directory, 'enclave.eif') };
    const cluster = cleanup.use(
      await Cluster.create({ directory, k3s: await findK3s(signal), signal, image }),
    );
    return new NitroCluster(cluster, genuine, cleanup.move());
  }

  /** The Unix socket of the machine's vsock device. */
  get vsock(): string {
    return join(this.cluster.stateDir, 'vsock');
  }

  /** A file name in the cluster's directory, for what a test makes. */
  path(name: string): string {
    return join(this.cluster.directory, name);
  }

  /** Puts an image where the host proxy boots the next machine from. */
  async insert({ file }: EnclaveImage): Promise<void> {
    const target = this.path('enclave.eif');
    await copyFile(file, `${target}.new`);
    await rename(`${target}.new`, target);
  }

  /** Starts chain and contracts, and admits the genuine image. */
  async startChain(): Promise<void> {
    await this.cluster.measure();
    await this.cluster.startDevnet();
    await this.cluster.publish();
  }

  /** Pulls the plug: the guest gets not one more instruction. */
  async cutPower(): Promise<void> {
    process.kill(await this.#qemu(), 'SIGKILL');
  }

  /** How often a machine was powered on, and when the last time was, ms since 1970. */
  async powerOns(): Promise<{ count: number; last: number }> {
    const log = await this.#lines(this.path('host-proxy.log'));
    const found = log.filter(({ msg }) => msg === 'powered the machine on');
    return { count: found.length, last: toMs(found.at(-1)?.time ?? 0) };
  }

  /** The machine that was powered on last, as its documents name it. */
  async moduleId(): Promise<string | undefined> {
    const log = await this.#lines(this.path('host-proxy.log'));
    return log.findLast(({ msg }) => msg === 'powered the machine on')?.moduleId;
  }

  /** Waits until a machine has been powered on so many times in all. */
  async untilPoweredOn(count: number): Promise<void> {
    await until(`the machine is not powered on for time ${count}`, async () => {
      return (await this.powerOns()).count >= count || undefined;
    });
  }

  /** What the enclave has logged since the last power-on: on the serial console, which no attack on vsock cuts off. */
  async console(): Promise<LogLine[]> {
    const { last } = await this.powerOns();
    const lines = await this.#lines(join(this.cluster.stateDir, 'machine.log'));
    return lines.filter(({ time }) => toMs(time) >= last);
  }

  /** Waits until the enclave that booted last has given up, and says why. */
  async untilEnded(): Promise<string> {
    return until('the enclave does not end', async () => {
      const line = (await this.console()).find(({ msg }) => msg === 'the enclave ends');
      return line && (line.error ?? '');
    });
  }

  /** Everything that the machines have printed on their serial consoles. */
  serialConsole(): Promise<string> {
    return readFile(join(this.cluster.stateDir, 'machine.log'), 'utf8');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanup.disposeAsync();
  }

  async #qemu(): Promise<number> {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('qemu-system') && command.split('\0').includes(this.path('enclave.eif')))
        return Number(pid);
    }
    throw new Error('Cannot find the machine: QEMU does not run');
  }

  async #lines(file: string): Promise<LogLine[]> {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return []; // not the logger's, or cut off
      }
    });
  }
}

/** Waits until `probe` gives a value. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  timeoutMs = BOOT_TIMEOUT_MS,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`Cannot go on: ${what} after ${timeoutMs / 1_000} s`);
  }
}

function toMs(time: number | string): number {
  return new Date(time).getTime();
}
