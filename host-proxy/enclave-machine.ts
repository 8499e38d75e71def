import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { ConsoleLog } from './console-log.ts';
import type { Metrics } from './metrics.ts';
import { supervise } from './supervise.ts';

const STOP_GRACE_MS = 12_000;
const ENTRY = resolve(import.meta.dirname, '../testbed/nitro/main.ts');

/** How an image is booted on the emulated Nitro machine. */
export interface EnclaveMachineOptions {
  /** Holds the machine's root (`root.pem`) and what its console shows (`machine.log`). */
  readonly stateDir: string;
  /** Unix socket of the machine's vsock device. */
  readonly vsock: string;
  /** The EIF. */
  readonly image: string;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly cid: number;
  /** The program to run in Node; the emulated machine of this source tree unless given. */
  readonly entry?: string;
}

/**
 * Keeps an enclave image running on the emulated machine, a program of its own that ends with this one: when the machine
 * ends, it is booted again.
 */
export class EnclaveMachine {
  readonly #options: EnclaveMachineOptions;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #supervisor: Promise<void>;

  constructor(options: EnclaveMachineOptions, metrics: Metrics, log: Logger) {
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log;
    this.#supervisor = supervise(() => this.#run(), this.#stopping.signal, log);
  }

  /** Cuts the power and boots no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#supervisor;
  }

  async #run(): Promise<void> {
    const { entry = ENTRY, stateDir } = this.#options;
    const { signal } = this.#stopping;
    const console = await ConsoleLog.open(join(stateDir, 'machine.log'));
    try {
      signal.throwIfAborted();
      const command = [entry, ...this.#arguments()];
      const machine = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
      const closed = once(machine, 'close');
      this.#hear(machine, console);
      const code = await cutPowerOn(signal, machine, closed);
      if (code !== 0 && !signal.aborted)
        throw new Error(`the emulator exited with ${code}; it said why above`);
    } finally {
      await console.close();
    }
  }

  #hear(machine: ChildProcess, console: ConsoleLog): void {
    machine.stdout!.on('data', (bytes: Buffer) => {
      void console.write(bytes).catch((err) => this.#log.warn({ err }, 'cannot keep the console'));
    });
    machine.on('message', (told: { moduleId?: string }) => {
      if (told.moduleId === undefined) return this.#log.warn(told, 'the machine is off');
      this.#metrics.enclaveStarts.inc();
      this.#log.info({ ...told, image: this.#options.image }, 'powered the machine on');
    });
  }

  #arguments(): string[] {
    const { stateDir, vsock, image, memoryMib, cpus, cid } = this.#options;
    return [
      ...['--state-dir', stateDir, '--vsock', vsock, '--image', image],
      ...['--memory-mib', `${memoryMib}`, '--cpus', `${cpus}`, '--cid', `${cid}`],
    ];
  }
}

/** Waits until the machine has ended by itself, or on `signal`, and gives its exit code. */
async function cutPowerOn(
  signal: AbortSignal,
  machine: ChildProcess,
  closed: Promise<unknown[]>,
): Promise<unknown> {
  let kill: NodeJS.Timeout | undefined;
  const cut = () => {
    machine.kill('SIGTERM');
    kill = setTimeout(() => machine.kill('SIGKILL'), STOP_GRACE_MS);
  };
  signal.addEventListener('abort', cut, { once: true });
  try {
    const [code] = await closed;
    return code;
  } finally {
    signal.removeEventListener('abort', cut);
    clearTimeout(kill);
  }
}
