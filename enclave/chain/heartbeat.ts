import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeat, type SeatIds } from '@daasvader/chain/calls/operator.ts';
import type { Audit } from '../audit/audit.ts';
import type { Writer } from './writer.ts';

/** How long the first heartbeat may take to come back before another is sent. */
const ECHO_MS = 2_000;

/** The chain's clock as of the newest heartbeat, running on by our own clock. */
export class ChainClock {
  #offsetMs = 0;
  #seen = Promise.withResolvers<void>();

  /** ms since 1970 by the chain's clock. */
  readonly now = (): number => Date.now() + this.#offsetMs;

  /** Takes the time of a heartbeat that just came back. */
  readonly set = (timestampMs: number): void => {
    this.#offsetMs = timestampMs - Date.now();
    this.#seen.resolve();
  };

  /** Resolves when a heartbeat has come back: everything that it covers is known by then. */
  get synced(): Promise<void> {
    return this.#seen.promise;
  }
}

/** States the audit head and has the chain state its heads. */
export function beat(writer: Writer, seat: SeatIds, audit: Audit): Promise<void> {
  return writer.beat((tx) => heartbeat(tx, seat, audit.head));
}

/** Beats until the first heartbeat has come back through the follower. */
export async function beatUntilSynced(
  writer: Writer,
  seat: SeatIds,
  audit: Audit,
  clock: ChainClock,
  signal: AbortSignal,
): Promise<void> {
  for (let isSynced = false; !isSynced; ) {
    signal.throwIfAborted();
    await beat(writer, seat, audit);
    isSynced = await Promise.race([clock.synced.then(() => true), sleep(ECHO_MS, false)]);
  }
}

/** Beats every `seconds` until `signal` fires. */
export async function keepBeating(
  seconds: number,
  writer: Writer,
  seat: SeatIds,
  audit: Audit,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(seconds * 1_000, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await beat(writer, seat, audit);
  }
}
