import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { z } from 'zod';
import { HostProxyError } from './error.ts';
import type { Metrics } from './metrics.ts';
import { supervise } from './supervise.ts';

const run = promisify(execFile);
const POLL_MS = 5_000;
/** Loading an image of a gigabyte takes a good part of a minute; a program that takes longer hangs. */
const CALL_MS = 180_000;
/** Output of a few enclaves; more is none of nitro-cli's. */
const MAX_OUTPUT_BYTES = 1 << 20;

/** How an image is run on AWS. */
export interface NitroCliOptions {
  /** The EIF. */
  readonly image: string;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly cid: number;
  /** The program; found on PATH unless given. */
  readonly program?: string;
}

const enclave = z.object({ EnclaveID: z.string(), EnclaveCID: z.int(), State: z.string().optional() });

/**
 * Keeps an enclave image running on a Nitro instance through `nitro-cli`. An enclave that outlived a killed host proxy
 * is kept: only when none has our context id is one started.
 */
export class NitroCli {
  readonly #options: NitroCliOptions;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #supervisor: Promise<void>;

  constructor(options: NitroCliOptions, metrics: Metrics, log: Logger) {
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log;
    this.#supervisor = supervise(() => this.#run(), this.#stopping.signal, log);
  }

  /** Terminates the enclave and starts no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#supervisor;
    const id = await this.#running();
    if (id !== undefined) await this.#call('terminate-enclave', '--enclave-id', id);
  }

  async #run(): Promise<void> {
    if ((await this.#running()) === undefined) await this.#start();
    const { signal } = this.#stopping;
    while (!signal.aborted && (await this.#running()) !== undefined)
      await delay(POLL_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) this.#log.warn('the enclave is gone');
  }

  async #start(): Promise<void> {
    const { image, cpus, memoryMib, cid } = this.#options;
    const sizes = ['--cpu-count', `${cpus}`, '--memory', `${memoryMib}`, '--enclave-cid', `${cid}`];
    const { EnclaveID } = enclave.parse(await this.#call('run-enclave', '--eif-path', image, ...sizes));
    this.#metrics.enclaveStarts.inc();
    this.#log.info({ id: EnclaveID, image }, 'started the enclave');
  }

  /** Id of the enclave with our context id, if one runs. */
  async #running(): Promise<string | undefined> {
    const enclaves = z.array(enclave).parse(await this.#call('describe-enclaves'));
    return enclaves.find(({ EnclaveCID }) => EnclaveCID === this.#options.cid)?.EnclaveID;
  }

  async #call(...args: string[]): Promise<unknown> {
    const { program = 'nitro-cli' } = this.#options;
    const limits = { timeout: CALL_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    try {
      return JSON.parse((await run(program, args, limits)).stdout);
    } catch (cause) {
      const { stderr = '', message } = cause as { stderr?: string; message: string };
      throw new HostProxyError('nitro-cli', `Cannot ${program} ${args[0]}: ${stderr.trim() || message}`, {
        cause,
      });
    }
  }
}
