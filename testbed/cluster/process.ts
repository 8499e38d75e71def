import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a process may take to leave after SIGTERM before it is killed, in milliseconds. */
const GRACE_MS = 20_000;
const POLL_MS = 50;

/** How a {@link BackgroundProcess} is started. */
export interface BackgroundProcessOptions {
  name: string;
  argv: string[];
  /** Standard output and standard error are appended to this file. */
  logFile: string;
  env?: Record<string, string>;
  /** Ends whatever waits for the process. */
  signal: AbortSignal;
  /** Starts it elsewhere than on this machine itself, for example in a worker VM. */
  spawn?: (argv: string[], options: SpawnOptions) => Promise<ChildProcess>;
  /** Finds the program where the child only wraps it; signals go to the program. */
  pidOf?: (child: ChildProcess) => Promise<number | undefined>;
}

/**
 * A long-running child in a process group of its own: Ctrl-C at the terminal reaches only us, and we stop our
 * children in order.
 */
export class BackgroundProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #program: number;
  readonly #signal: AbortSignal;

  private constructor(
    { name, logFile, signal }: BackgroundProcessOptions,
    child: ChildProcess,
    program: number,
  ) {
    this.name = name;
    this.logFile = logFile;
    this.#child = child;
    this.#program = program;
    this.#signal = signal;
  }

  /** Starts the process; does not wait for it to be ready. */
  static async start(options: BackgroundProcessOptions): Promise<BackgroundProcess> {
    const log = openSync(options.logFile, 'a', 0o600);
    const env = { ...process.env, ...options.env };
    const start = options.spawn ?? spawnHere;
    const child = await start(options.argv, { detached: true, stdio: ['ignore', log, log], env });
    if (child.pid === undefined) await once(child, 'spawn');
    closeSync(log);
    const program = (await options.pidOf?.(child)) ?? (child.pid as number);
    return new BackgroundProcess(options, child, program);
  }

  /** Process id of the program itself, on this machine. */
  get pid(): number {
    return this.#program;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything the process has printed so far. */
  output(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }

  /**
   * Waits until `probe` gives a value.
   *
   * @param what ends the sentence "Cannot start NAME: …", for example `its API does not answer`
   * @param probe gives undefined, or throws, while the process is not ready
   * @param pollMs between two probes
   * @throws Error with the last lines of the log when the process ends or the time is over
   */
  async until<T>(
    what: string,
    timeoutMs: number,
    probe: () => Promise<T | undefined>,
    pollMs = POLL_MS,
  ): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    let cause: unknown;
    while (this.running && Date.now() < deadline) {
      const value = await probe().catch((error: unknown) => {
        cause = error;
        return undefined;
      });
      if (value !== undefined) return value;
      await sleep(pollMs, undefined, { signal: this.#signal });
    }
    const state = this.running ? `${what} after ${timeoutMs / 1000} s` : 'it has ended';
    const tail = (await this.output()).trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`Cannot start ${this.name}: ${state}\n${tail}\n(the whole log: ${this.logFile})`, {
      cause,
    });
  }

  /** Waits until the output matches, and gives the match. */
  untilPrinted(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    return this.until(
      `it did not print ${pattern}`,
      timeoutMs,
      async () => pattern.exec(await this.output()) ?? undefined,
    );
  }

  /** Kills the process alone, as a crash would: its children are not told. */
  async crash(): Promise<void> {
    const ended = once(this.#child, 'exit');
    process.kill(this.#program, 'SIGKILL');
    await ended;
  }

  /** SIGTERM, then SIGKILL to whatever is left of the process group. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.running) {
      const ended = once(this.#child, 'exit');
      process.kill(this.#program, 'SIGTERM');
      await Promise.race([ended, sleep(GRACE_MS, undefined, { ref: false })]);
    }
    killGroup(this.#child.pid as number);
    if (this.running) await once(this.#child, 'exit');
  }
}

async function spawnHere(argv: string[], options: SpawnOptions): Promise<ChildProcess> {
  const [command = '', ...args] = argv;
  return spawn(command, args, options);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
