import { HostProxyError } from './error.ts';

const HOUR_MS = 3_600_000;

/** Lets so much be taken within any hour, and no more. */
export class HourlyLimit {
  readonly #max: bigint;
  readonly #unit: string;
  readonly #taken = new Set<{ at: number; amount: bigint }>();

  /** @param unit what is counted, for messages */
  constructor(max: bigint, unit: string) {
    this.#max = max;
    this.#unit = unit;
  }

  /**
   * Takes an amount for the coming hour.
   *
   * @returns gives it back, when nothing came of what it was taken for
   * @throws {HostProxyError} `budget`
   */
  take(amount: bigint): () => void {
    const now = performance.now();
    let used = 0n;
    for (const each of this.#taken) {
      if (now - each.at >= HOUR_MS) this.#taken.delete(each);
      else used += each.amount;
    }
    if (used + amount > this.#max) {
      throw new HostProxyError(
        'budget',
        `Cannot pay gas: ${used} of ${this.#max} ${this.#unit} of this hour are promised`,
      );
    }
    const taken = { at: now, amount };
    this.#taken.add(taken);
    return () => void this.#taken.delete(taken);
  }
}
