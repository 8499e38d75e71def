import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Machine } from '@daasvader/testbed/nitro/machine.ts';
import { loadRoot } from '@daasvader/testbed/nitro/pki.ts';
import { buildPrograms } from '@daasvader/testbed/nitro/programs.ts';
import type { Logger } from 'pino';
import { ConsoleLog } from './console-log.ts';
import type { Metrics } from './metrics.ts';
import { supervise } from './supervise.ts';

const STOP_GRACE_MS = 5_000;

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
}

/** Keeps an enclave image running on the emulated machine: when the machine ends, it is booted again. */
export class EnclaveMachine {
  readonly #options: EnclaveMachineOptions;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #supervisor: Promise<void>;
  #machine: Machine | undefined;

  constructor(options: EnclaveMachineOptions, metrics: Metrics, log: Logger) {
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log;
    this.#supervisor = supervise(() => this.#run(), this.#stopping.signal, log);
  }

  /** Cuts the power and boots no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#machine?.stop();
    // What builds programs or boots now ends with this process, or stops what it booted when it sees the signal.
    await Promise.race([this.#supervisor, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    const { stateDir } = this.#options;
    const programs = await buildPrograms();
    const root = await loadRoot(stateDir, Date.now());
    const console = await ConsoleLog.open(join(stateDir, 'machine.log'));
    try {
      const onConsole = (bytes: Buffer) => {
        void console.write(bytes).catch((err) => this.#log.warn({ err }, 'cannot keep the console'));
      };
      const machine = await Machine.boot({ ...this.#options, programs, root, onConsole });
      this.#machine = machine;
      this.#metrics.enclaveStarts.inc();
      this.#log.info({ moduleId: machine.moduleId, image: this.#options.image }, 'powered the machine on');
      if (this.#stopping.signal.aborted) await machine.stop();
      this.#log.warn(await machine.exited, 'the machine is off');
    } finally {
      await console.close();
    }
  }
}
