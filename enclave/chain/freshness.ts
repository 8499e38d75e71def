import { setTimeout as sleep } from 'node:timers/promises';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';

/**
 * How old the chain's word may be when somebody acts on it: a constant of the image, because the host must not choose
 * what is stale. Whoever was shut out on chain keeps what the enclave grants for as long at most.
 */
export const FRESHNESS_LIMIT_MS = 120_000;

/**
 * The longest time between two heartbeats that a host may choose. At that, two in a row may be lost: three intervals
 * are 90 s, and the next one has 30 s to come back certified, for which Sui needs one or two.
 */
export const MAX_HEARTBEAT_SECONDS = 30;

/** Heartbeats that may be on their way at once; more means that none comes back anyway. */
const MAX_SENT = 1_000;
const WAIT_MS = 50;
const WATCH_MS = 1_000;

/**
 * How old the chain's word is. It is as fresh as the newest heartbeat of our own that came back certified was when we
 * signed it: whoever holds a heartbeat back, or lets an old one through late, only makes the word older.
 */
export class Freshness {
  readonly #limitMs: number;
  readonly #now: () => number;
  /** When each heartbeat that has not come back was signed, oldest first, by the digest of its transaction. */
  readonly #sent = new Map<string, number>();
  #asOf = Number.NEGATIVE_INFINITY;
  #halted: string | undefined;

  /**
   * @param limitMs age above which the word counts as old
   * @param now a clock in ms that nobody sets
   */
  constructor(limitMs = FRESHNESS_LIMIT_MS, now: () => number = () => performance.now()) {
    this.#limitMs = limitMs;
    this.#now = now;
  }

  /** Notes a heartbeat that was just signed. */
  readonly sent = (digest: string): void => {
    this.#sent.set(digest, this.#now());
    if (this.#sent.size > MAX_SENT) this.#sent.delete(this.#sent.keys().next().value!);
  };

  /** Takes a certified heartbeat. @returns whether it is one of ours that had not come back yet */
  echoed(digest: string): boolean {
    const signedAt = this.#sent.get(digest);
    if (signedAt === undefined) return false;
    for (const [earlier, at] of this.#sent) if (at <= signedAt) this.#sent.delete(earlier);
    this.#asOf = Math.max(this.#asOf, signedAt);
    return true;
  }

  /** Nothing is fresh from now on, for good. */
  halt(reason: string): void {
    this.#halted = reason;
  }

  get isHalted(): boolean {
    return this.#halted !== undefined;
  }

  /** Age of the chain's word in ms; infinite before the first heartbeat came back. */
  get ageMs(): number {
    return this.#now() - this.#asOf;
  }

  /** For how many ms the oldest heartbeat has been missing; 0 when none is. */
  get overdueMs(): number {
    const [oldest] = this.#sent.values();
    return oldest === undefined ? 0 : this.#now() - oldest;
  }

  /** Why nobody may act now; undefined when one may. */
  get reason(): string | undefined {
    if (this.#halted !== undefined) return this.#halted;
    if (this.ageMs <= this.#limitMs) return undefined;
    const since = Number.isFinite(this.ageMs) ? `for ${Math.round(this.ageMs / 1_000)} s` : 'yet';
    return `no heartbeat of this enclave came back certified ${since}`;
  }

  /** @throws {EnclaveError} `stale` while nobody may act */
  readonly assert = (): void => {
    const { reason } = this;
    if (reason === undefined) return;
    const options = { expected: this.#limitMs, actual: this.ageMs };
    throw new EnclaveError('stale', `Cannot act: ${reason}; try again when the chain is heard of`, options);
  };

  /** Resolves when one may act, or when `signal` fires. */
  readonly wait = async (signal?: AbortSignal): Promise<void> => {
    while (this.reason !== undefined && !signal?.aborted) await sleep(WAIT_MS);
  };

  /** Says when the word becomes old and when it is fresh again, until `signal` fires. */
  async watch(log: Logger, signal: AbortSignal): Promise<void> {
    for (let wasFresh = true; !signal.aborted; ) {
      const { reason } = this;
      if (wasFresh && reason !== undefined)
        log.error({ code: 'stale' }, `no credentials and no writes: ${reason}`);
      if (!wasFresh && reason === undefined) log.info('the chain is heard of again: going on');
      wasFresh = reason === undefined;
      await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
