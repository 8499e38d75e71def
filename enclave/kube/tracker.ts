import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import { essenceOf } from './essence.ts';
import { Family } from './family.ts';
import type { Kubernetes } from './kubernetes.ts';
import { isTenants, REQUEST_ANNOTATION } from './names.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { isOver } from './pod.ts';
import { watchObjects } from './watch.ts';

/** How long a workload may take to become ready, and a job to start, before its request fails. */
export const READY_MS = 300_000;

/** Workloads that have a status, and what is made for them. Watches tell objects without their kind. */
const WATCHED = [
  { kind: 'Pod', apiVersion: 'v1', resource: 'pods' },
  { kind: 'ReplicaSet', apiVersion: 'apps/v1', resource: 'replicasets' },
  { kind: 'Deployment', apiVersion: 'apps/v1', resource: 'deployments' },
  { kind: 'StatefulSet', apiVersion: 'apps/v1', resource: 'statefulsets' },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', resource: 'daemonsets' },
  { kind: 'Job', apiVersion: 'batch/v1', resource: 'jobs' },
];

/** Told of the nodes on which a workload's pods are. */
export type OnNodes = (nodes: readonly string[]) => void;

interface Waiting {
  /** What of it tells how far it has come. */
  readonly applied: KubernetesObject;
  readonly requestId: string;
  readonly promise: Promise<Outcome>;
  readonly resolve: (outcome: Outcome) => void;
  readonly onNodes: OnNodes;
  readonly timer: NodeJS.Timeout;
}

/** Waits for workloads to become ready, whatever their number, with one watch per kind. */
export class Tracker {
  /** By the object's key, as `WriteOf` has it, and the request's number. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  readonly #family = new Family();
  readonly #kubernetes: Kubernetes;
  readonly #readyMs: number;

  constructor(kubernetes: Kubernetes, readyMs = READY_MS) {
    this.#kubernetes = kubernetes;
    this.#readyMs = readyMs;
  }

  /** Watches until `signal` fires. */
  async run(log: Logger, signal: AbortSignal): Promise<void> {
    const watches = WATCHED.map(({ kind, apiVersion, resource }) =>
      watchObjects<KubernetesObject>(this.#kubernetes, {
        path: `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${resource}`,
        log,
        signal,
        pick: (object) =>
          isTenants(object.metadata?.namespace ?? '')
            ? essenceOf({ ...object, kind, apiVersion })
            : undefined,
        onObject: (object, phase) => this.see(object, phase),
      }),
    );
    await Promise.all(watches);
  }

  /**
   * Resolves when the applied workload is ready, has failed, or has taken too long; `replaced` when a later request
   * changed it or put another in its place. The same request may ask again, and gets the same outcome.
   *
   * @param applied the workload as the request left it, with its kind
   * @param onNodes told again and again, until the outcome is there
   */
  outcome(
    applied: KubernetesObject,
    requestId: string,
    onNodes: OnNodes = () => undefined,
  ): Promise<Outcome> {
    const key = keyOf(applied);
    const earlier = this.#waiting.get(key)?.get(requestId);
    if (earlier) return earlier.promise;
    this.replaced(key, requestId);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => this.#expire(key, waiting), this.#readyMs).unref();
    const essence = essenceOf(applied) ?? applied;
    const waiting: Waiting = { applied: essence, requestId, promise, resolve, onNodes, timer };
    this.#waiting.set(key, (this.#waiting.get(key) ?? new Map()).set(requestId, waiting));
    this.#judge(key, waiting);
    return promise;
  }

  /** Waits no longer for what a later request changes or deletes. */
  replaced(key: string, by: string): void {
    for (const waiting of this.#waiting.get(key)?.values() ?? []) this.#settle(key, waiting, replacedBy(by));
  }

  /** Waits no longer for a request. */
  forget(key: string, requestId: string): void {
    const waiting = this.#waiting.get(key)?.get(requestId);
    if (waiting) this.#settle(key, waiting, { state: 'replaced', reason: 'called off' });
  }

  /** Takes what a watch tells. */
  see(object: KubernetesObject, phase: 'present' | 'deleted'): void {
    if (phase === 'present') this.#family.put(object);
    else this.#family.remove(object);
    for (const each of this.#family.lineOf(object)) {
      const key = keyOf(each);
      for (const waiting of this.#waiting.get(key)?.values() ?? []) {
        const isItself = object.metadata?.uid === waiting.applied.metadata?.uid;
        if (phase === 'deleted' && isItself) this.#end(key, waiting, object);
        else this.#judge(key, waiting);
      }
    }
  }

  #judge(key: string, waiting: Waiting): void {
    waiting.onNodes(this.#nodesOf(waiting.applied));
    const outcome = this.#outcomeOf(waiting);
    if (outcome.state !== 'waiting') this.#settle(key, waiting, outcome);
  }

  /** What was applied, or what became of it; never what was there before it or after it. */
  #outcomeOf({ applied, requestId }: Waiting): Outcome {
    const seen = this.#family.get(applied.metadata?.uid);
    const stamp = seen?.metadata?.annotations?.[REQUEST_ANNOTATION];
    if (stamp !== undefined && Number(stamp) > Number(requestId)) return replacedBy(stamp);
    const isSince = (seen?.metadata?.generation ?? 0) >= (applied.metadata?.generation ?? 0);
    return outcomeOf(seen && isSince ? seen : applied, this.#family.madeFor(applied));
  }

  /** It is gone, and nobody who may told us to: what it was last is what became of it. */
  #end(key: string, waiting: Waiting, last: KubernetesObject): void {
    const outcome = outcomeOf(last);
    const isDecided = outcome.state === 'ready' || outcome.state === 'failed';
    this.#settle(
      key,
      waiting,
      isDecided ? outcome : { state: 'failed', reason: `it is gone: ${outcome.reason}` },
    );
  }

  #expire(key: string, waiting: Waiting): void {
    const { reason } = this.#outcomeOf(waiting);
    this.#settle(key, waiting, {
      state: 'failed',
      reason: `not ready in ${this.#readyMs / 1_000} s: ${reason}`,
    });
  }

  #settle(key: string, waiting: Waiting, outcome: Outcome): void {
    clearTimeout(waiting.timer);
    const others = this.#waiting.get(key);
    others?.delete(waiting.requestId);
    if (others?.size === 0) this.#waiting.delete(key);
    waiting.resolve(outcome);
  }

  /** Where the pods of a workload are that have not ended and are not about to; a pod that stands alone is its own. */
  #nodesOf(applied: KubernetesObject): string[] {
    const all = [...this.#family.madeFor(applied), this.#family.get(applied.metadata?.uid)];
    const pods: V1Pod[] = all.filter((each) => each?.kind === 'Pod').map((each) => each as V1Pod);
    const alive = pods.filter((pod) => !isOver(pod) && pod.metadata?.deletionTimestamp === undefined);
    const nodes = alive.map(({ spec }) => spec?.nodeName);
    return [...new Set(nodes.filter((node) => node !== undefined))].sort();
  }
}

function replacedBy(requestId: string): Outcome {
  return { state: 'replaced', reason: `request ${requestId} replaced it` };
}

/** As `WriteOf` has it. */
function keyOf({ kind = '', metadata }: KubernetesObject): string {
  const { resource = kind, apiVersion = '' } = WATCHED.find((each) => each.kind === kind) ?? {};
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  return `${resource}.${group}/${metadata?.namespace}/${metadata?.name}`;
}
