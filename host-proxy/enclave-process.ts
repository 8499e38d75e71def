import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { VsockError } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';
import { supervise } from './supervise.ts';

const STOP_GRACE_MS = 20_000;
const POLL_MS = 500;
const ENTRY = resolve(import.meta.dirname, '../testbed/enclave/main.ts');

/** How the development enclave is started. */
export interface EnclaveProcessOptions {
  readonly stateDir: string;
  readonly vsock: string;
  /** The program to run in Node; the enclave of this source tree unless given. */
  readonly entry?: string;
}

/**
 * Runs the enclave as an ordinary process and starts it again, with growing pauses, when it exits. An enclave that
 * outlived a killed host proxy is kept: only when it is gone is another one started.
 */
export class EnclaveProcess {
  readonly #options: EnclaveProcessOptions;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #pidFile: string;
  readonly #supervisor: Promise<void>;

  constructor(options: EnclaveProcessOptions, metrics: Metrics, log: Logger) {
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log;
    this.#pidFile = join(options.stateDir, 'enclave.pid');
    this.#supervisor = supervise(() => this.#keepOne(), this.#stopping.signal, log);
  }

  /** Asks the enclave to end, kills it when it does not, and starts no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const pid = await this.#runningPid();
    if (pid !== undefined) await stopProcess(pid, this.#log);
    await this.#supervisor;
    await rm(this.#pidFile, { force: true });
  }

  async #keepOne(): Promise<void> {
    if (await this.#isRunning()) await this.#outlast();
    else await this.#run();
  }

  async #run(): Promise<void> {
    const { stateDir, vsock, entry = ENTRY } = this.#options;
    // A file, not a pipe: the enclave must be able to print when the host proxy is gone.
    const output = await open(join(stateDir, 'enclave.log'), 'a', 0o600);
    const child = spawn(process.execPath, [entry, '--dev', '--state-dir', stateDir, '--vsock', vsock], {
      stdio: ['ignore', output.fd, output.fd],
    });
    const exited = exitOf(child);
    await output.close();
    if (child.pid === undefined) return void (await exited); // throws what the system said
    await writeFile(this.#pidFile, String(child.pid));
    this.#metrics.enclaveStarts.inc();
    this.#log.info({ pid: child.pid, log: join(stateDir, 'enclave.log') }, 'started the enclave');
    if (this.#stopping.signal.aborted) child.kill('SIGTERM');
    this.#log.warn({ pid: child.pid, exit: await exited }, 'the enclave exited');
  }

  async #outlast(): Promise<void> {
    this.#log.info('an enclave is running already: keeping it');
    while (!this.#stopping.signal.aborted && (await this.#isRunning())) {
      await delay(POLL_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Whether somebody answers on the vsock; port 0 has no listener, so a live enclave cuts the connection off. */
  async #isRunning(): Promise<boolean> {
    try {
      (await new HybridHost(this.#options.vsock).connect(0)).destroy();
      return true;
    } catch (error) {
      return error instanceof VsockError && (await this.#runningPid()) !== undefined;
    }
  }

  /** The enclave's process id, if the one written down still is that enclave. */
  async #runningPid(): Promise<number | undefined> {
    const pid = Number(await readFile(this.#pidFile, 'utf8').catch(() => ''));
    if (!pid) return undefined;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(this.#options.vsock) ? pid : undefined;
  }
}

async function exitOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

async function stopProcess(pid: number, log: Logger): Promise<void> {
  const deadline = performance.now() + STOP_GRACE_MS;
  kill(pid, 'SIGTERM');
  while (kill(pid, 0)) {
    if (performance.now() > deadline) {
      log.error({ pid }, 'the enclave did not end in time: killing it');
      return void kill(pid, 'SIGKILL');
    }
    await delay(50);
  }
}

/** @returns whether there was such a process */
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
