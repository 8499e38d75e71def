import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 15_000;
/** A run as long as this counts as a success and starts the backoff anew. */
const HEALTHY_MS = 30_000;

/** Does `run` again and again, with growing pauses, until `signal` fires. */
export async function supervise(run: () => Promise<void>, signal: AbortSignal, log: Logger): Promise<void> {
  let backoff = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    const started = performance.now();
    try {
      await run();
    } catch (error) {
      log.error({ err: error }, 'Cannot start the enclave: trying again');
    }
    backoff =
      performance.now() - started >= HEALTHY_MS ? FIRST_BACKOFF_MS : Math.min(backoff * 2, MAX_BACKOFF_MS);
    await delay(backoff, undefined, { signal }).catch(() => {});
  }
}
