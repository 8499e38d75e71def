import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The outcome of work that must come within `ms`. What comes later is nobody's; a failure is no unhandled rejection.
 *
 * @param prefix of the message when it is late: `Cannot do this: `
 */
export async function within<T>(ms: number, work: Promise<T>, prefix = ''): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${prefix}no answer within ${ms / 1_000} s`);
  });
  late.catch(() => undefined); // when the work is done in time
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
