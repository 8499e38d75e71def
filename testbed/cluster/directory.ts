import { existsSync } from 'node:fs';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { removeAll } from '../vm/vm.ts';
import { killMarked, MARK } from './leftovers.ts';
import { type Claim, MachineLock } from './machine-lock.ts';

const NEEDED_BYTES = 3 * 1024 ** 3;

/** Where a cluster of real processes keeps everything. */
export function clusterDirectory(): string {
  return join(process.env.DAAS_CACHE ?? join(homedir(), '.cache/daasvader'), 'cluster');
}

/** The directory of the one cluster that a machine may have; whoever has it may change the machine. */
export class ClusterDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #lock: MachineLock;

  private constructor(path: string, lock: MachineLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Takes it, after removing what a killed run left on the machine.
   *
   * @param claim what others are told who want it meanwhile
   * @throws Error when another run has it, the user is not root, or the disk is nearly full
   */
  static async take(claim: Claim): Promise<ClusterDirectory> {
    const path = clusterDirectory();
    const lock = await takeMachine(claim);
    try {
      await sweep(path);
      await mkdir(path, { recursive: true, mode: 0o700 });
      await refuseFullDisk(path);
      process.env[MARK] = path; // every child inherits it
      return new ClusterDirectory(path, lock);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Tells others anew what it is used for. */
  announce(claim: Claim): Promise<void> {
    return this.#lock.announce(claim);
  }

  /**
   * Puts the directory aside: it will go, and its logs help to understand a failure.
   *
   * @returns where it is now, until the next failure
   */
  async keepLogs(): Promise<string> {
    const kept = `${this.path}-failed`;
    await rm(kept, { recursive: true, force: true });
    await rename(this.path, kept);
    return kept;
  }

  /** Removes everything that the cluster may have left on the machine, and the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await sweep(this.path);
    } finally {
      await this.#lock[Symbol.asyncDispose]();
    }
  }
}

/**
 * Removes what a killed run left on the machine.
 *
 * @returns whether there was a directory of it
 * @throws Error when a run is still there, or the user is not root
 */
export async function cleanUp(claim: Claim): Promise<boolean> {
  await using _lock = await takeMachine(claim);
  const wasThere = existsSync(clusterDirectory());
  await sweep(clusterDirectory());
  return wasThere;
}

function takeMachine(claim: Claim): Promise<MachineLock> {
  if (process.getuid?.() !== 0)
    throw new Error('Cannot go on as this user: containers and network namespaces need root; use sudo');
  return MachineLock.take(claim);
}

async function sweep(path: string): Promise<void> {
  await killMarked(path);
  await removeAll();
  await rm(path, { recursive: true, force: true });
}

async function refuseFullDisk(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= NEEDED_BYTES) return;
  await rm(path, { recursive: true });
  throw new Error(`Cannot start: less than 3 GiB are free in ${path}; make room or set DAAS_CACHE`);
}
