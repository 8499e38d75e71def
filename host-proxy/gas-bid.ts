import type { Outcome } from './host-chain.ts';

/** What a heartbeat offers, as multiples of the reference price: five times as much also has it sent by more validators. */
const STEPS = [1n, 2n, 5n, 10n] as const;
/** A heartbeat that was not executed so long after it was signed is late. */
const LATE_MS = 5_000;

/** One heartbeat on its way. */
export interface Beat {
  /** Says what became of it. */
  end(outcome: Outcome): void;
}

interface Pending {
  readonly at: number;
  isOver: boolean;
}

/**
 * What heartbeats offer for gas. Objects that others use too are congested at times, and those who pay more come first;
 * so each heartbeat that is cancelled or late raises the offer by a step, and each that is executed lowers it by one.
 */
export class GasBid {
  #level = 0;
  #newest: Pending | undefined;

  /** Multiples of the reference price that may be offered now, the best first. */
  offers(): readonly bigint[] {
    const last = this.#newest;
    if (last && !last.isOver && performance.now() - last.at > LATE_MS) this.#raise(last);
    return STEPS.slice(0, this.#level + 1).reverse();
  }

  /** A heartbeat was signed. */
  begin(): Beat {
    const pending = { at: performance.now(), isOver: false };
    this.#newest = pending;
    return {
      end: ({ isCancelled }) => {
        if (!isCancelled) this.#level = Math.max(0, this.#level - 1);
        else if (!pending.isOver) this.#raise(pending);
        pending.isOver = true;
      },
    };
  }

  #raise(pending: Pending): void {
    pending.isOver = true;
    this.#level = Math.min(STEPS.length - 1, this.#level + 1);
  }
}
