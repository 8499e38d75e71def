import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnclaveError } from '../error.ts';
import { reasonOf } from './kubernetes.ts';

/** Where the bodies of orders are that are too large for a transaction. */
export interface Blobs {
  /**
   * The body that an order names, once its size and its digest are what the chain says; asked for again and again until
   * `signal` fires.
   *
   * @param blobId 32 bytes, which only say where to look
   * @param digest SHA-256 of the body
   * @param size of the body, in bytes
   * @param owner whose order it is: each has so many connections at most
   * @throws {EnclaveError} `request` why it could not be had
   */
  fetch(
    blobId: Uint8Array,
    digest: Uint8Array,
    size: number,
    owner: string,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
}

/** How much at once, and how long to wait, in ms. */
export interface BlobLimits {
  readonly attempts: number;
  readonly attemptsPerOwner: number;
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** After the first attempt; twice as long after each further one, up to `maxPauseMs`. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

const LIMITS: BlobLimits = {
  ...{ attempts: 16, attemptsPerOwner: 4 },
  ...{ timeoutMs: 15_000, pauseMs: 250, maxPauseMs: 10_000 },
};

/**
 * Blobs as a Walrus aggregator serves them. It is on the host's side, so that nothing of it is believed: what it may
 * send is bounded by the size on chain while it is read, and its bytes are used only when they have the digest on chain.
 *
 * Source: https://docs.wal.app/usage/web-api.html
 */
export class WalrusBlobs implements Blobs {
  readonly #aggregator: string | undefined;
  readonly #fetch: typeof globalThis.fetch;
  readonly #limits: BlobLimits;
  readonly #slots: Slots;

  /** @param aggregator its URL; undefined where there is none */
  constructor(aggregator: string | undefined, fetch: typeof globalThis.fetch, limits = LIMITS) {
    this.#aggregator = aggregator;
    this.#fetch = fetch;
    this.#limits = limits;
    this.#slots = new Slots(limits.attempts, limits.attemptsPerOwner);
  }

  async fetch(
    blobId: Uint8Array,
    digest: Uint8Array,
    size: number,
    owner: string,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const id = Buffer.from(blobId).toString('base64url');
    if (this.#aggregator === undefined)
      throw new EnclaveError(
        'request',
        `Cannot fetch blob ${id}: the host has no Walrus aggregator configured`,
      );
    const url = `${this.#aggregator.replace(/\/+$/, '')}/v1/blobs/${id}`;
    const { pauseMs, maxPauseMs } = this.#limits;
    let problem: unknown = 'no time left';
    for (let pause = pauseMs; !signal.aborted; pause = Math.min(2 * pause, maxPauseMs)) {
      try {
        return await this.#slots.take(owner, signal, () => this.#attempt(url, digest, size, signal));
      } catch (error) {
        if (!signal.aborted) problem = error;
      }
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
    const reason = typeof problem === 'string' ? problem : reasonOf(problem);
    throw new EnclaveError('request', `Cannot fetch blob ${id}: ${reason}`, { cause: problem });
  }

  async #attempt(url: string, digest: Uint8Array, size: number, until: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs } = this.#limits;
    const signal = AbortSignal.any([until, AbortSignal.timeout(timeoutMs)]);
    const headers = { 'accept-encoding': 'identity' };
    const response = await this.#fetch(url, { headers, redirect: 'error', signal });
    try {
      if (response.status !== 200) throw new Error(`the aggregator answered ${response.status}`);
      const bytes = await readExactly(response, size);
      if (createHash('sha256').update(bytes).digest().equals(digest)) return bytes;
      throw new Error('the aggregator has other bytes than the order says: their SHA-256 differs');
    } finally {
      await response.body?.cancel().catch(() => undefined); // what is left of it, so that the connection is free
    }
  }
}

/** Reads no more than shows that there is more. */
async function readExactly(response: Response, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    length += value.length;
    if (length > size) {
      await reader?.cancel();
      throw new Error(`the blob has more than the ${size} bytes that the order says`);
    }
    bytes.set(value, length - value.length);
  }
  if (length < size) throw new Error(`the blob has ${length} bytes, and the order says ${size}`);
  return bytes;
}

/** A bound on what happens at once, of all and of each owner; among who waits, whoever has the least goes first. */
class Slots {
  readonly #limit: number;
  readonly #limitEach: number;
  readonly #busy = new Map<string, number>();
  readonly #waiting = new Set<{ owner: string; go: () => void }>();
  #total = 0;

  constructor(limit: number, limitEach: number) {
    this.#limit = limit;
    this.#limitEach = limitEach;
  }

  /** Does `work` in its turn; never, when `signal` fires before. */
  async take<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { owner, go: resolve };
    const leave = () => {
      if (this.#waiting.delete(waiting)) reject(signal.reason);
    };
    this.#waiting.add(waiting);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    this.#next();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
    try {
      return await work();
    } finally {
      this.#count(owner, -1);
      this.#next();
    }
  }

  #next(): void {
    const first = [...this.#waiting]
      .filter(({ owner }) => this.#of(owner) < this.#limitEach)
      .reduce<{ owner: string; go: () => void } | undefined>(
        (best, each) => (best !== undefined && this.#of(best.owner) <= this.#of(each.owner) ? best : each),
        undefined,
      );
    if (first === undefined || this.#total >= this.#limit) return;
    this.#waiting.delete(first);
    this.#count(first.owner, 1);
    first.go();
  }

  #of(owner: string): number {
    return this.#busy.get(owner) ?? 0;
  }

  #count(owner: string, change: 1 | -1): void {
    this.#total += change;
    const count = this.#of(owner) + change;
    if (count === 0) this.#busy.delete(owner);
    else this.#busy.set(owner, count);
  }
}
