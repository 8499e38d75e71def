import { setTimeout as sleep } from 'node:timers/promises';
import { type KubernetesObject, Watch } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import type { Kubernetes } from './kubernetes.ts';

const RECONNECT_MS = 250;

/** What is watched, and who is told. */
export interface WatchOptions<T> {
  readonly path: string;
  readonly labelSelector?: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of every object that exists, and of each change; after an interruption of all of them again. */
  readonly onObject: (object: T, phase: 'present' | 'deleted') => void;
}

/**
 * Watches a resource until `signal` fires. A watch without a resource version begins with everything that exists, so
 * an interruption loses nothing but deletions, which nobody here relies on alone.
 */
export async function watchObjects<T extends KubernetesObject>(
  kubernetes: Kubernetes,
  { path, labelSelector, log, signal, onObject }: WatchOptions<T>,
): Promise<void> {
  const query = labelSelector === undefined ? {} : { labelSelector };
  while (!signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const onEvent = (type: string, object: T) => {
      if (type === 'ADDED' || type === 'MODIFIED') onObject(object, 'present');
      else if (type === 'DELETED') onObject(object, 'deleted');
    };
    const request = await new Watch(kubernetes.config).watch(path, query, onEvent, resolve);
    const abort = () => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    const error = await promise;
    signal.removeEventListener('abort', abort);
    if (error) log.debug({ path, error: String(error) }, 'watch interrupted');
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}
