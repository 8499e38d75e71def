import { HostProxyError } from './error.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** An amount that was taken for the coming hour. */
export interface Taken {
  /** Says how much of it was really used; it may be more, and it may be said again. */
  settle(used: bigint): void;
}

interface Entry {
  readonly at: number;
  amount: bigint;
  isSettled: boolean;
}

/** What an hourly limit is of. */
export interface HourlyLimitOptions {
  /** What it is for, such as `heartbeats`, for messages. */
  readonly name: string;
  readonly max: bigint;
  /** What is counted, for messages. */
  readonly unit: string;
  /** The key of the configuration that raises it, for messages. */
  readonly key?: string;
}

/** Lets so much be taken within any hour, and no more. */
export class HourlyLimit {
  readonly #options: HourlyLimitOptions;
  /** Oldest first. */
  readonly #entries = new Set<Entry>();

  constructor(options: HourlyLimitOptions) {
    this.#options = options;
  }

  /**
   * Reserves an amount for the coming hour, until it is said how much of it was used.
   *
   * @throws {HostProxyError} `budget`: what is empty, and when so much is free again
   */
  take(amount: bigint): Taken {
    const { spent, reserved } = this.used();
    if (spent + reserved + amount > this.#options.max) throw this.#empty(amount, spent, reserved);
    const entry = { at: performance.now(), amount, isSettled: false };
    this.#entries.add(entry);
    return {
      settle(used) {
        entry.amount = used;
        entry.isSettled = true;
      },
    };
  }

  /** What of the last hour is spent, and what is reserved because it is not known yet. */
  used(): { spent: bigint; reserved: bigint } {
    const since = performance.now() - HOUR_MS;
    const sums = { spent: 0n, reserved: 0n };
    for (const entry of this.#entries) {
      if (entry.at <= since) this.#entries.delete(entry);
      else sums[entry.isSettled ? 'spent' : 'reserved'] += entry.amount;
    }
    return sums;
  }

  #empty(amount: bigint, spent: bigint, reserved: bigint): HostProxyError {
    const { name, max, unit, key } = this.#options;
    const state = `of the ${max} ${unit} an hour for ${name}, ${spent} are spent and ${reserved} reserved`;
    const raise = key === undefined ? '' : `, or raise ${key}`;
    return new HostProxyError('budget', `Cannot pay: ${state}; ${this.#refill(amount)}${raise}`);
  }

  /** When the oldest that was taken has passed out of the hour, so that there is room for `amount`. */
  #refill(amount: bigint): string {
    if (amount > this.#options.max) return `${amount} never fit`;
    let over = amount - this.#options.max;
    for (const entry of this.#entries) over += entry.amount;
    const now = performance.now();
    let freeAt = now;
    for (const entry of this.#entries) {
      if (over <= 0n) break;
      over -= entry.amount;
      freeAt = entry.at + HOUR_MS;
    }
    const minutes = Math.ceil((freeAt - now) / MINUTE_MS);
    return `${amount} are free again in ${minutes} min`;
  }
}
