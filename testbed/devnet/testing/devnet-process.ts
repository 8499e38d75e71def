import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The command line. */
export const DAAS = new URL('../../../bin/daas', import.meta.url).pathname;

/** `bin/daas devnet` as a process of its own, on a free port. */
export class DevnetProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Resolves when it listens. */
  static async start(...args: string[]): Promise<DevnetProcess> {
    const child = spawn(DAAS, ['devnet', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface(child.stdout!)) {
      const url = /^devnet listening on (\S+)/.exec(line)?.[1];
      if (url !== undefined) return new DevnetProcess(url, child);
    }
    throw new Error('Cannot start devnet: it ended before it listened');
  }

  /** Ends it; with SIGKILL it can finish nothing. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}
