import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeConfig, type KubernetesObject, ListWatch, Watch } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import { type Kubernetes, reasonOf } from './kubernetes.ts';

const RECONNECT_MS = 250;
/** Kubernetes sends a bookmark about every minute: a watch that says nothing for longer is dead. */
const QUIET_MS = 150_000;

/** What is watched, and who is told. */
export interface WatchOptions<T> {
  readonly path: string;
  readonly labelSelector?: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of every object that exists, of each change and each end; what fell into an interruption is told after it. */
  readonly onObject: (object: T, phase: 'present' | 'deleted') => void;
}

/**
 * Watches a resource until `signal` fires: lists it once and follows it from there. After an interruption it goes on
 * where it stopped, and lists anew only when Kubernetes has forgotten that point.
 */
export async function watchObjects<T extends KubernetesObject>(
  kubernetes: Kubernetes,
  { path, labelSelector, log, signal, onObject }: WatchOptions<T>,
): Promise<void> {
  const list = () => kubernetes.list<T>(path, labelSelector);
  const informer = new ListWatch<T>(path, new QuietWatch(kubernetes.config), list, false, labelSelector);
  const tell = (phase: 'present' | 'deleted') => (object: T) => {
    try {
      onObject(object, phase);
    } catch (error) {
      log.error({ path, error: String(error) }, 'watch: cannot take an object');
    }
  };
  informer.on('add', tell('present'));
  informer.on('update', tell('present'));
  informer.on('delete', tell('deleted'));
  let interruption = Promise.withResolvers<unknown>();
  informer.on('error', (error) => interruption.resolve(error));
  signal.addEventListener('abort', () => interruption.resolve(signal.reason), { once: true });
  while (!signal.aborted) {
    interruption = Promise.withResolvers();
    await informer.start();
    log.debug({ path, error: reasonOf(await interruption.promise) }, 'watch interrupted');
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
  await informer.stop();
}

/** A watch that asks for bookmarks, lives on them, and tells whoever waits of every failure. */
class QuietWatch extends Watch {
  constructor(config: KubeConfig) {
    super(config);
    Object.assign(this, { requestTimeoutMs: QUIET_MS }); // which the library sets to 30 s, and offers no other way
  }

  override async watch(
    ...[path, query, onEvent, done]: Parameters<Watch['watch']>
  ): Promise<AbortController> {
    try {
      return await super.watch(path, { ...query, allowWatchBookmarks: true }, onEvent, done);
    } catch (error) {
      done(error);
      return new AbortController();
    }
  }
}
