/** Tokens that come back evenly within a minute and are saved up for a minute at most. */
export class TokenBucket {
  readonly #perMinute: number;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /** @param now a clock in ms that nobody sets */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
    this.#tokens = perMinute;
    this.#at = now();
  }

  /** How many are missing. */
  get spent(): number {
    const now = this.#now();
    this.#tokens = Math.min(this.#perMinute, this.#tokens + ((now - this.#at) * this.#perMinute) / 60_000);
    this.#at = now;
    return this.#perMinute - this.#tokens;
  }

  /** Takes one, if there is one. */
  take(): boolean {
    if (this.spent > this.#perMinute - 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
