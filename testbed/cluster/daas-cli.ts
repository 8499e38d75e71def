import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterAddresses } from './cluster.ts';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Runs `bin/daas` as a person would, with the cluster's addresses in its environment. */
export class DaasCli {
  readonly #program: string;
  readonly #env: Record<string, string>;
  readonly #signal: AbortSignal;

  constructor(
    root: string,
    { deploymentFile, apiUrl, rootFile, walrusUrl }: ClusterAddresses,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.#program = join(root, 'bin/daas');
    this.#env = {
      ...{ DAAS_DEPLOYMENT: deploymentFile, DAAS_API: apiUrl, DAAS_ROOT: rootFile },
      DAAS_WALRUS_PUBLISHER: walrusUrl,
    };
  }

  /** What `DAAS_…` variables a shell needs to do the same. */
  get env(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /**
   * Runs a command to its end.
   *
   * @returns what it printed
   * @throws Error with what it printed as errors, when its exit code is not 0
   */
  async run(...args: string[]): Promise<string> {
    const options = {
      env: { ...process.env, ...this.#env },
      maxBuffer: MAX_OUTPUT_BYTES,
      signal: this.#signal,
    };
    try {
      return (await run(this.#program, args, options)).stdout;
    } catch (cause) {
      const { stderr = '', stdout = '' } = cause as { stderr?: string; stdout?: string };
      throw new Error(`Cannot run daas ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`, { cause });
    }
  }

  /** Runs a command with `--json` and gives what it printed. */
  async json(...args: string[]): Promise<unknown> {
    return JSON.parse(await this.run(...args, '--json'));
  }
}
