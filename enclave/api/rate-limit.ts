import { TLSSocket } from 'node:tls';
import type { Context, Next } from 'koa';
import { HttpProblem } from './problem.ts';
import { TokenBucket } from './token-bucket.ts';

/** Set by the Kubernetes server on what it forwards: which connection of its own the request came in by. */
export const CONNECTION_HEADER = 'x-daasvader-connection';

/** So that a flood of new clients does not have all of them looked through for each. */
const SWEEP_MS = 1_000;

/** How many requests a minute are answered; each may be saved up for one minute. */
export interface RateLimits {
  /** Of one client. */
  readonly perClient: number;
  /** Of one client before it counts as one of those who ask much. A join takes five. */
  readonly seldom: number;
  /** Of one route, all who ask seldom together, and again as many for all who ask much. */
  readonly perRoute: number;
  /** Clients that are kept in mind. */
  readonly clients: number;
}

const LIMITS: RateLimits = { perClient: 100, seldom: 10, perRoute: 3_000, clients: 20_000 };

/**
 * Bounds requests per client, and per route for all clients together. Everyone comes through the host's relay, which
 * has no way to prove an address, so a client is a connection. A few that ask much share what is theirs and leave alone
 * those who ask seldom, as a worker that joins does; a flood on one route leaves the others alone. Whoever connects
 * again and again finds a bound in the host, which sees addresses.
 */
export class RateLimit {
  readonly #limits: RateLimits;
  readonly #now: () => number;
  /** Connections of port 6443, by their names, and our own, which are forgotten as they end. */
  readonly #clients = new Map<string, TokenBucket>();
  readonly #sockets = new WeakMap<object, TokenBucket>();
  #sweptAt = Number.NEGATIVE_INFINITY;
  readonly #routes = new Map<string, { readonly seldom: TokenBucket; readonly much: TokenBucket }>();

  /** @param now a clock in ms that nobody sets */
  constructor(limits: RateLimits = LIMITS, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts a request; false when it is one too many, which then takes nothing from the others' share. */
  allow(client: string | object, route: string): boolean {
    const own = this.#clientBucket(client);
    const asksSeldom = own !== undefined && own.spent < this.#limits.seldom;
    // It has asked, whatever comes of it: or else one that is always refused would soon count as asking seldom.
    return own?.take() === true && this.#routeBuckets(route)[asksSeldom ? 'seldom' : 'much'].take();
  }

  /**
   * The limit as a koa middleware.
   *
   * @param routeOf the route of a path; one name for all paths that are none
   */
  middleware(routeOf: (path: string) => string) {
    return async (ctx: Context, next: Next): Promise<void> => {
      if (!this.allow(clientOf(ctx), routeOf(ctx.path))) {
        ctx.set('retry-after', `${Math.ceil(60 / this.#limits.perClient)}`);
        throw new HttpProblem(
          429,
          'rate',
          `At most ${this.#limits.perClient} requests a minute, and fewer when many ask; try again later`,
        );
      }
      await next();
    };
  }

  /** Undefined when there are as many clients as are kept in mind. */
  #clientBucket(client: string | object): TokenBucket | undefined {
    const known = typeof client === 'string' ? this.#clients.get(client) : this.#sockets.get(client);
    if (known) return known;
    const bucket = new TokenBucket(this.#limits.perClient, this.#now);
    if (typeof client !== 'string') this.#sockets.set(client, bucket);
    else if (this.#hasRoom()) this.#clients.set(client, bucket);
    else return undefined;
    return bucket;
  }

  #hasRoom(): boolean {
    const { clients } = this.#limits;
    if (this.#clients.size >= clients && this.#now() - this.#sweptAt >= SWEEP_MS) {
      this.#sweptAt = this.#now();
      for (const [client, bucket] of this.#clients) if (bucket.spent === 0) this.#clients.delete(client);
    }
    return this.#clients.size < clients;
  }

  #routeBuckets(route: string) {
    const { perRoute } = this.#limits;
    const buckets = this.#routes.get(route) ?? {
      seldom: new TokenBucket(perRoute, this.#now),
      much: new TokenBucket(perRoute, this.#now),
    };
    this.#routes.set(route, buckets);
    return buckets;
  }
}

/** The connection of a request: its own under our TLS, that of port 6443 when the Kubernetes server forwarded it. */
function clientOf({ socket, req }: Context): string | object {
  if (socket instanceof TLSSocket) return socket;
  const connection = req.headers[CONNECTION_HEADER];
  return typeof connection === 'string' ? connection : socket;
}
