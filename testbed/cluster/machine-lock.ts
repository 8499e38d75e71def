import { once } from 'node:events';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTimeOf } from '../vm/start-time.ts';

/** Clusters share one network, its addresses and the worker VMs' names: of a machine, whatever the clone or user. */
const HOLDER_FILE = '/run/daasvader-cluster.json';
/** A holder says who it is right after it has the lock. */
const INTRODUCTION_MS = 1_000;
const POLL_MS = 50;

/** Who has a cluster on this machine, as a second one is told. */
export interface Claim {
  /** Such as `the demo`. */
  readonly what: string;
  /** How a person ends it, as an imperative. */
  readonly toEnd: string;
  readonly playground?: Playground;
}

/** What `up` and `down` want to know of a cluster in the background. */
export interface Playground {
  readonly workers: number;
  readonly nitro: boolean;
  /** The file with its environment, once it is ready. */
  readonly envFile?: string;
}

/** A process that has the lock. */
export interface Holder extends Claim {
  readonly pid: number;
}

interface HolderRecord extends Holder {
  readonly startTime: string | undefined;
}

/**
 * What only one process of a machine has at a time. The kernel keeps it, as the name of an abstract Unix socket: it goes
 * with the process, however that ends, and nobody can take it for left behind. A file that root alone may write says who
 * has it; that is believed only of a process that lives.
 */
export class MachineLock implements AsyncDisposable {
  readonly #socket: Server;
  readonly #file: string;

  private constructor(socket: Server, file: string) {
    this.#socket = socket;
    this.#file = file;
  }

  /**
   * Takes the lock at once or not at all.
   *
   * @param file says who has it; its path is the lock's name
   * @throws Error when another process has it, saying which and how to end it
   */
  static async take(claim: Claim, file = HOLDER_FILE): Promise<MachineLock> {
    const socket = await bind(file);
    if (socket === undefined) throw new Error(refusal(await findHolder(file)));
    const lock = new MachineLock(socket, file);
    try {
      await lock.announce(claim);
      return lock;
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Says anew what the lock is held for. */
  async announce(claim: Claim): Promise<void> {
    const record: HolderRecord = { ...claim, pid: process.pid, startTime: await startTimeOf(process.pid) };
    await writeFile(`${this.#file}.part`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${this.#file}.part`, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#file, { force: true });
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/**
 * Who has the lock.
 *
 * @returns undefined when nobody has it
 * @throws Error when somebody has it who does not say who it is
 */
export async function findHolder(file = HOLDER_FILE): Promise<Holder | undefined> {
  for (const deadline = Date.now() + INTRODUCTION_MS; await isTaken(file); await sleep(POLL_MS)) {
    const holder = await readHolder(file);
    if (holder !== undefined) return holder;
    if (Date.now() > deadline) throw new Error(refusal(undefined));
  }
  return undefined;
}

async function isTaken(file: string): Promise<boolean> {
  const connection = connect(`\0${file}`);
  try {
    await once(connection, 'connect');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    connection.destroy();
  }
}

/** @returns undefined when the name is taken */
async function bind(file: string): Promise<Server | undefined> {
  const socket = createServer((connection) => connection.destroy()).unref();
  try {
    await once(socket.listen(`\0${file}`), 'listening');
    return socket;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined); // not written yet, or gone just now
  if (text === undefined) return undefined;
  const { startTime, ...holder } = JSON.parse(text) as HolderRecord;
  return startTime !== undefined && (await startTimeOf(holder.pid)) === startTime ? holder : undefined;
}

function refusal(holder: Holder | undefined): string {
  if (holder === undefined)
    return 'Cannot start: another process has a cluster on this machine, or begins one; try again';
  return `Cannot start: ${holder.what} runs as process ${holder.pid}; ${holder.toEnd}`;
}
