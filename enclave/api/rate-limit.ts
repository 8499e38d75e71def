import { TLSSocket } from 'node:tls';
import type { Context, Next } from 'koa';
import { HttpProblem } from './problem.ts';

const WINDOW_MS = 60_000;
/** Set by the Kubernetes server on what it forwards: which connection of its own the request came in by. */
const CONNECTION_HEADER = 'x-daasvader-connection';

/**
 * Counts requests in windows of a minute, per client and of all together. Everyone comes through the host's relay, which
 * has no way to prove an address, so a client is a connection: this stops one that is wild, not one that is hostile and
 * connects again. That one finds its bound in what all may have together, and in the host, which sees addresses.
 */
export class RateLimit {
  readonly #perClient: number;
  readonly #overall: number;
  readonly #now: () => number;
  readonly #counts = new Map<unknown, number>();
  #total = 0;
  #windowEndsAt = 0;

  constructor(perClient: number, overall: number, now: () => number = Date.now) {
    this.#perClient = perClient;
    this.#overall = overall;
    this.#now = now;
  }

  /** Counts a request; false when it is one too many, which then takes nothing from the others' share. */
  allow(client: unknown): boolean {
    const now = this.#now();
    if (now >= this.#windowEndsAt) this.#begin(now);
    const count = (this.#counts.get(client) ?? 0) + 1;
    if (count > this.#perClient || this.#total >= this.#overall) return false;
    this.#counts.set(client, count);
    this.#total += 1;
    return true;
  }

  /** The limit as a koa middleware. */
  middleware() {
    return async (ctx: Context, next: Next): Promise<void> => {
      if (!this.allow(clientOf(ctx))) {
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

/** The connection of a request: its own under our TLS, that of port 6443 when the Kubernetes server forwarded it. */
function clientOf({ socket, req }: Context): unknown {
  if (socket instanceof TLSSocket) return socket;
  return req.headers[CONNECTION_HEADER] ?? socket;
}
