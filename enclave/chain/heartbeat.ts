import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeat, type OperatorIds } from '@daasvader/chain/calls/operator.ts';
import type { Audit } from '../audit/audit.ts';
import { assertInOffice } from './lead.ts';
import type { Standing } from './standing.ts';
import type { Writer } from './writer.ts';

/** How long the first heartbeat may take to come back before another is sent. */
const ECHO_MS = 2_000;

/** The chain's clock as of the newest heartbeat, or of the newest proof before the first; running on by our own clock. */
export class ChainClock {
  #offsetMs = 0;
  #isSynced = false;
  #seen = Promise.withResolvers<void>();

  /** ms since 1970 by the chain's clock. */
  readonly now = (): number => Date.now() + this.#offsetMs;

  /** Takes the time of a heartbeat that just came back. */
  readonly set = (timestampMs: number): void => {
    this.#offsetMs = timestampMs - Date.now();
    this.#isSynced = true;
    this.#seen.resolve();
  };

  /** Takes the time of something proven, which may be older news than a heartbeat of ours that came back. */
  readonly hint = (timestampMs: number): void => {
    if (!this.#isSynced) this.#offsetMs = timestampMs - Date.now();
  };

  /** Resolves when a heartbeat has come back: everything that it covers is known by then. */
  get synced(): Promise<void> {
    return this.#seen.promise;
  }
}

/** What beating needs. */
export interface BeatOptions {
  readonly writer: Pick<Writer, 'beat'>;
  readonly seat: OperatorIds;
  readonly standing: Pick<Standing, 'host' | 'lost'>;
  readonly audit: Audit;
  readonly clock: ChainClock;
}

/** States the audit head and that nobody but ourselves has our state, and has the chain state its heads. */
export function beat({ writer, seat, standing, audit }: Omit<BeatOptions, 'clock'>): Promise<void> {
  return writer.beat((tx, act) => {
    const inSync = standing.host === undefined ? [] : [standing.host];
    heartbeat(tx, seat, act, { auditHead: audit.head, inSync });
  });
}

/**
 * Beats until the first heartbeat has come back through the follower.
 *
 * @throws {EnclaveError} `registration` when this enclave may not act any more; what `signal` says when it fires
 */
export async function beatUntilSynced(options: BeatOptions, signal: AbortSignal): Promise<void> {
  for (let isSynced = false; !isSynced; ) {
    signal.throwIfAborted();
    assertInOffice(options.standing);
    await beat(options);
    isSynced = await Promise.race([options.clock.synced.then(() => true), sleep(ECHO_MS, false)]);
  }
}

/** Beats every `seconds` until `signal` fires. */
export async function keepBeating(seconds: number, options: BeatOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(seconds * 1_000, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await beat(options);
  }
}
