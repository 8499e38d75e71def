import { type ChildProcess, spawn } from 'node:child_process';

const STOP_GRACE_MS = 5_000;

/** How much of standard error is kept, to be the reason when the process dies. */
const MAX_REASON_CHARS = 4_096;

/** How a process ended. */
export interface Ending {
  /** undefined when it was killed by a signal or never started. */
  readonly code: number | undefined;
  /** A sentence for a log line, with the last that the process said on standard error. */
  readonly reason: string;
}

/** How a process is started. */
export interface ChildOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly onOutput?: (bytes: Buffer) => void;
}

/** A process that ends with this one, even when this one is killed. */
export class Child {
  /** Settles, and never rejects, when the process is gone and its output was read. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;

  constructor(name: string, command: readonly string[], { cwd, env = {}, onOutput }: ChildOptions) {
    // Node cannot ask the kernel for a signal at its own death (prctl(2), PR_SET_PDEATHSIG); util-linux can.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', onOutput ? 'pipe' : 'ignore', 'pipe'],
    });
    let said = '';
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_REASON_CHARS);
    });
    if (onOutput) this.#process.stdout?.on('data', onOutput);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.#process.once('error', (error) => {
      resolve({ code: undefined, reason: `${name} cannot be started with setpriv: ${error.message}` });
    });
    this.#process.once('close', (code, signal) => {
      const how = signal ? `was killed by ${signal}` : `exited with ${code}`;
      resolve({ code: code ?? undefined, reason: `${name} ${how}${said && `: ${said.trim()}`}` });
    });
    this.ended = promise;
  }

  /** Ends the process, gently first, and waits until it is gone. */
  async end(): Promise<void> {
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }
}
