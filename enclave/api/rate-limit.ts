import type { Context, Next } from 'koa';
import { HttpProblem } from './problem.ts';

const WINDOW_MS = 60_000;
/** Clients whose counts are kept; beyond that the oldest is forgotten. */
const MAX_CLIENTS = 10_000;

/**
 * Counts requests per client in windows of a minute. Behind vsock there are no client addresses, so a client is a
 * connection; that nobody opens too many of these is the host's to limit, and one bound over all clients stays here.
 */
export class RateLimit {
  readonly #perClient: number;
  readonly #overall: number;
  readonly #now: () => number;
  readonly #counts = new Map<object, number>();
  #total = 0;
  #windowEndsAt = 0;

  constructor(perClient: number, overall: number, now: () => number = Date.now) {
    this.#perClient = perClient;
    this.#overall = overall;
    this.#now = now;
  }

  /** Counts a request; false when it is one too many. */
  allow(client: object): boolean {
    const now = this.#now();
    if (now >= this.#windowEndsAt) this.#begin(now);
    const count = (this.#counts.get(client) ?? 0) + 1;
    this.#counts.set(client, count);
    this.#total += 1;
    const oldest = this.#counts.keys().next().value;
    if (this.#counts.size > MAX_CLIENTS && oldest) this.#counts.delete(oldest);
    return count <= this.#perClient && this.#total <= this.#overall;
  }

  /** The limit as a koa middleware. */
  middleware() {
    return async (ctx: Context, next: Next): Promise<void> => {
      if (!this.allow(ctx.socket)) {
        ctx.set('retry-after', `${Math.ceil((this.#windowEndsAt - this.#now()) / 1_000)}`);
        throw new HttpProblem(429, 'rate', `At most ${this.#perClient} requests a minute; try again later`);
      }
      await next();
    };
  }

  #begin(now: number): void {
    this.#counts.clear();
    this.#total = 0;
    this.#windowEndsAt = now + WINDOW_MS;
  }
}
