import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import { StatusError, type WatchEvent } from './api-server.ts';
import { type Kubernetes, reasonOf, statusOf } from './kubernetes.ts';

const RECONNECT_MS = 250;
/** HTTP status of a version that Kubernetes has forgotten. */
const GONE = 410;

/** What is watched, and who is told. */
export interface WatchOptions<T> {
  readonly path: string;
  readonly labelSelector?: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** What of an object is kept and told, so that little of it stays; undefined as though it were not there. */
  readonly pick?: (object: T) => T | undefined;
  /** Told of every object that exists, of each change and each end; what fell into an interruption is told after it. */
  readonly onObject: (object: T, phase: 'present' | 'deleted') => void;
}

/**
 * Watches a resource until `signal` fires: lists it once and follows it from there. After an interruption it goes on
 * where it stopped, and lists anew only when Kubernetes has forgotten that point.
 */
export async function watchObjects<T extends KubernetesObject>(
  kubernetes: Pick<Kubernetes, 'list' | 'watch'>,
  options: WatchOptions<T>,
): Promise<void> {
  const { path, labelSelector, log, signal } = options;
  const seen = new Seen(options);
  let resourceVersion: string | undefined;
  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        const { items, metadata } = await kubernetes.list<T>(path, labelSelector);
        seen.replace(items);
        ({ resourceVersion } = metadata);
      }
      for await (const event of kubernetes.watch<T>(path, { resourceVersion, labelSelector }, signal)) {
        seen.take(event);
        resourceVersion = event.object.metadata?.resourceVersion ?? resourceVersion;
      }
    } catch (error) {
      if (statusOf(error) === GONE) resourceVersion = undefined;
      log.debug({ path, error: reasonOf(error) }, 'watch interrupted');
    }
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** The objects that exist, as they were told last. */
class Seen<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #options: WatchOptions<T>;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
  }

  /** Takes a list of all that there is: tells what has gone and what is new in it. */
  replace(items: readonly T[]): void {
    const there = new Set(items.map(idOf));
    for (const [id, object] of this.#objects) if (!there.has(id)) this.#end(object);
    for (const object of items) this.#put(object);
  }

  /** @throws {StatusError} for what Kubernetes tells of its own trouble */
  take({ type, object }: WatchEvent<T>): void {
    if (type === 'ERROR')
      throw new StatusError((object as { code?: number }).code ?? 500, JSON.stringify(object));
    if (type === 'DELETED') this.#end(object);
    else if (type !== 'BOOKMARK') this.#put(object);
  }

  #put(whole: T): void {
    const object = this.#pick(whole);
    if (object === undefined) return this.#end(whole);
    const version = this.#objects.get(idOf(object))?.metadata?.resourceVersion;
    this.#objects.set(idOf(object), object);
    if (version === undefined || version !== object.metadata?.resourceVersion) this.#tell(object, 'present');
  }

  #end(whole: T): void {
    const known = this.#objects.get(idOf(whole));
    if (known === undefined) return;
    this.#objects.delete(idOf(whole));
    this.#tell(this.#pick(whole) ?? known, 'deleted');
  }

  #pick(whole: T): T | undefined {
    const { pick } = this.#options;
    return pick ? pick(whole) : whole;
  }

  #tell(object: T, phase: 'present' | 'deleted'): void {
    const { path, log, onObject } = this.#options;
    try {
      onObject(object, phase);
    } catch (error) {
      log.error({ path, error: String(error) }, 'watch: cannot take an object');
    }
  }
}

/** One that has taken the name of another is another object. */
function idOf({ metadata }: KubernetesObject): string {
  return metadata?.uid ?? '';
}
