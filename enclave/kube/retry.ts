import { setTimeout as sleep } from 'node:timers/promises';
import { EnclaveError } from '../error.ts';
import { Refusal } from './api-server.ts';
import { reasonOf, statusOf } from './kubernetes.ts';

/** How often and how long something is tried. */
export interface RetryLimits {
  /** From the first attempt on, in ms. An attempt that is under way then is the last. */
  readonly deadlineMs: number;
  /** Attempts that may fail while Kubernetes is there: then it is what was asked for that fails. */
  readonly attempts: number;
  /** Between attempts, in ms; after each that failed while Kubernetes was there twice as long. */
  readonly pauseMs: number;
}

/** An order is tried for five minutes while Kubernetes is away, and five times, in about four seconds, while it is there. */
export const RETRY_LIMITS: RetryLimits = { deadlineMs: 300_000, attempts: 5, pauseMs: 250 };

/** So begins what is answered with 500 although the patch is what is wrong: it has not the form of its kind. */
const UNTYPED_PATCH = 'failed to create typed patch object';

/** What is waited for is sure to come: the attempt does not count as failed. */
export class NotYet extends Error {}

/** Who is asked, and when to stop. */
export interface RetryOptions {
  /** Whether Kubernetes is there at all. */
  readonly isReady: () => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly limits: RetryLimits;
  /** Told of an attempt that failed, before the next one. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Does `attempt` until it succeeds, cannot succeed, or was tried enough. What the answer's status says of its cause is
 * not believed: a bad object is answered 500 as well, so Kubernetes is asked whether it is there.
 *
 * @throws what the last attempt threw, or why `signal` fired meanwhile
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { isReady, signal, limits, onFailure }: RetryOptions,
): Promise<T> {
  const started = performance.now();
  let isDenied = false;
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const isDenial = statusOf(error) === 403;
      if (isFinal(error) && (!isDenial || isDenied)) throw error;
      const isLate = performance.now() - started >= limits.deadlineMs;
      const isItsOwn = !(error instanceof NotYet) && (await isReady());
      // A server that starts does not know everybody's rights: whoever is denied asks again once it is ready.
      isDenied = isDenial && isItsOwn;
      if (isDenied && isFinal(error)) continue;
      if (isItsOwn) failures += 1;
      if (failures >= limits.attempts || isLate) throw error;
      onFailure(error);
      const pause = limits.pauseMs * (isItsOwn ? 2 ** (failures - 1) : 1);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Whether trying again cannot help: the request is bad, or Kubernetes understood and refused it. */
function isFinal(error: unknown): boolean {
  if (error instanceof EnclaveError) return true;
  const status = statusOf(error) ?? 500;
  // A quota counts what was just deleted for a moment longer.
  if (status === 403) return !/\bquota\b/.test(reasonOf(error));
  if (status === 409) return error instanceof Refusal && error.details.kind !== 'resourcequotas';
  if (status === 500) return reasonOf(error).startsWith(UNTYPED_PATCH);
  return status >= 400 && status < 500 && status !== 429;
}

/** Whether Kubernetes may have done what it was asked for, although the answer was an error or none came. */
export function isDoubtful(error: unknown): boolean {
  return (statusOf(error) ?? 500) >= 500 && !(error instanceof EnclaveError) && !(error instanceof NotYet);
}
