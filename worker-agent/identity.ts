import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinDigest, joinStatement } from '@daasvader/chain/join-statement.ts';
import { createPrivate } from '@daasvader/program/private-file.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { WorkerError } from './error.ts';

const NONCE_LENGTH = 32;
/** How often a counter is chosen anew because another process of this worker was faster. */
const ATTEMPTS = 64;
const MAX_PAUSE_MS = 100;

/** A join to sign. */
export interface JoinToSign {
  clusterId: string;
  nodeId: string;
  /** Of the verified boot of the control plane, 16 bytes. */
  bootId: Uint8Array;
  sealToken: string;
  ipAddress: string;
}

/** A join as it is sent. */
export interface SignedJoin {
  nonce: string;
  counter: string;
  signature: string;
}

/**
 * What a worker proves its joins with: an Ed25519 key, and counters of its own on disk. Two different joins that are
 * signed under one counter cost half of the stake, so a counter is on disk before anything is signed under it, is
 * greater than any that this disk or the control plane knows, and is never that of another process on this disk.
 */
export class Identity {
  readonly #key: Ed25519Keypair;
  /** Holds an empty file for each counter that is used; those before the greatest are deleted. */
  readonly #counters: string;

  private constructor(key: Ed25519Keypair, counters: string) {
    this.#key = key;
    this.#counters = counters;
  }

  /** @param seed 32 bytes */
  static of(seed: Uint8Array, stateDir: string): Identity {
    return new Identity(Ed25519Keypair.fromSecretKey(seed), join(stateDir, 'join-counters'));
  }

  /** 32 bytes: what the worker is registered with. */
  get publicKey(): Uint8Array {
    return this.#key.getPublicKey().toRawBytes();
  }

  /** The greatest counter that this disk knows to be used; undefined before the first. @throws WorkerError `key` */
  async used(): Promise<bigint | undefined> {
    return (await this.#list()).sort((a, b) => (a < b ? -1 : 1)).at(-1);
  }

  /**
   * Signs a join under a counter that nobody has used.
   *
   * @param accepted the last one that the control plane accepted
   * @throws WorkerError `key` when the counter cannot be kept
   */
  async sign(join: JoinToSign, accepted: bigint): Promise<SignedJoin> {
    const counter = await this.#take(accepted);
    const nonce = randomBytes(NONCE_LENGTH);
    const { clusterId, nodeId, ...request } = join;
    const statement = joinStatement({
      clusterId,
      nodeId,
      counter,
      digest: joinDigest({ ...request, nonce }),
    });
    const signature = Buffer.from(await this.#key.sign(statement)).toString('hex');
    return { nonce: nonce.toString('hex'), counter: counter.toString(), signature };
  }

  async #take(accepted: bigint): Promise<bigint> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const used = (await this.used()) ?? 0n;
      const counter = (used > accepted ? used : accepted) + 1n;
      if (await this.#claim(counter)) return counter;
      await sleep(randomInt(MAX_PAUSE_MS)); // so that not all meet again at the next one
    }
    throw this.#failure('write', new Error('other processes of this worker join all the time; stop them'));
  }

  /**
   * Whether a counter is this process's alone. One that another process has gone beyond may have been claimed and deleted
   * before, so only the greatest is ever taken.
   */
  async #claim(counter: bigint): Promise<boolean> {
    try {
      if (!existsSync(this.#counters)) await mkdir(this.#counters, { mode: 0o700 });
      await createPrivate(this.#fileOf(counter), '');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw this.#failure('write', cause as Error);
    }
    const counters = await this.#list();
    if (counters.some((other) => other > counter)) return false;
    const passed = counters.filter((other) => other < counter);
    await Promise.all(passed.map((other) => rm(this.#fileOf(other), { force: true })));
    return true;
  }

  async #list(): Promise<bigint[]> {
    try {
      return (await readdir(this.#counters)).map(parseCounter);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw this.#failure('read', cause as Error);
    }
  }

  #fileOf(counter: bigint): string {
    return join(this.#counters, `${counter}`);
  }

  #failure(what: 'read' | 'write', cause: Error): WorkerError {
    return new WorkerError('key', `Cannot ${what} ${this.#counters}: ${cause.message}`, { cause });
  }
}

function parseCounter(name: string): bigint {
  if (/^\d{1,20}$/.test(name)) return BigInt(name);
  throw new Error(`${name} is no counter; remove it`);
}
