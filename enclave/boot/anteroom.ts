import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { HttpProblem } from '../api/problem.ts';
import { createApi, listenTls, type Routes, type TlsCredentials } from '../api/server.ts';
import type { Logger } from '../log.ts';

/** Where people ask while nobody is let in yet. */
export interface AnteroomOptions {
  readonly vsock: Vsock;
  readonly tls: TlsCredentials;
  readonly log: Logger;
  /** Follower and boot steps, for `/readyz`. */
  readonly status: () => object;
}

/**
 * What an enclave answers that is seated and waits for the lead: that it lives, and what it waits for. It serves nothing
 * else, and nothing at all on 6443.
 */
export class Anteroom {
  readonly #options: AnteroomOptions;
  #waitsFor = '';
  #door: Promise<{ close(): void }> | undefined;

  constructor(options: AnteroomOptions) {
    this.#options = options;
  }

  /** Says from now on that this is what it waits for. */
  readonly waitFor = async (what: string): Promise<void> => {
    this.#waitsFor = what;
    const { vsock, tls, log } = this.#options;
    log.info(`boot: waiting for ${what}`);
    this.#door ??= listenTls(createApi([this.#routes], log), vsock, tls);
    await this.#door;
  };

  /** Leaves the port to the API. */
  async close(): Promise<void> {
    (await this.#door)?.close();
  }

  readonly #routes: Routes = (router) => {
    router.get(ROUTE.health, (ctx) => {
      ctx.body = { status: 'ok' };
    });
    router.get(ROUTE.readiness, (ctx) => {
      ctx.status = 503;
      ctx.body = { status: 'waiting', detail: `waiting for ${this.#waitsFor}`, ...this.#options.status() };
    });
    router.all(/.*/, () => {
      throw new HttpProblem(503, 'waiting', `This enclave serves nobody: it waits for ${this.#waitsFor}`);
    });
  };
}
