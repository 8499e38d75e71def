import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { joinDigest, joinStatement } from '@daasvader/chain/join-statement.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { replacePrivate } from '@daasvader/program/private-file.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { WorkerError } from './error.ts';

/** Far above one number. */
const MAX_COUNTER_BYTES = 64;
const NONCE_LENGTH = 32;

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
 * What a worker proves its joins with: an Ed25519 key, and a counter of its own on disk. Two different joins that are
 * signed under one counter cost half of the stake, so a counter is on disk before anything is signed under it, and is
 * greater than any that this disk or the control plane knows.
 */
export class Identity {
  readonly #key: Ed25519Keypair;
  readonly #file: string;

  private constructor(key: Ed25519Keypair, file: string) {
    this.#key = key;
    this.#file = file;
  }

  /** @param seed 32 bytes */
  static of(seed: Uint8Array, stateDir: string): Identity {
    return new Identity(Ed25519Keypair.fromSecretKey(seed), join(stateDir, 'join-counter'));
  }

  /** 32 bytes: what the worker is registered with. */
  get publicKey(): Uint8Array {
    return this.#key.getPublicKey().toRawBytes();
  }

  /** The greatest counter that this disk knows to be used; undefined before the first. @throws WorkerError `key` */
  async used(): Promise<bigint | undefined> {
    try {
      const text = (await readBounded(this.#file, MAX_COUNTER_BYTES)).toString('utf8').trim();
      if (/^\d{1,19}$/.test(text)) return BigInt(text);
      throw new Error('it holds no number');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new WorkerError('key', `Cannot read ${this.#file}: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Signs a join under a counter that nobody has used.
   *
   * @param accepted the last one that the control plane accepted
   * @throws WorkerError `key` when the counter cannot be kept
   */
  async sign(join: JoinToSign, accepted: bigint): Promise<SignedJoin> {
    const used = (await this.used()) ?? 0n;
    const counter = (used > accepted ? used : accepted) + 1n;
    await this.#keep(counter);
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

  async #keep(counter: bigint): Promise<void> {
    try {
      await replacePrivate(this.#file, `${counter}\n`);
    } catch (cause) {
      throw new WorkerError('key', `Cannot write ${this.#file}: ${(cause as Error).message}`, { cause });
    }
  }
}
