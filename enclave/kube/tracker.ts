import type { KubernetesObject, V1Pod, V1ReplicaSet } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import type { Kubernetes } from './kubernetes.ts';
import { KIND_LABEL, MANAGED_LABEL, NAME_LABEL, REQUEST_ANNOTATION } from './names.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { isOver } from './pod.ts';
import { watchObjects } from './watch.ts';

/** How long a workload may take to become ready, and a job to start, before its request fails. */
export const READY_MS = 300_000;

/** Workloads that have a status, and what is made for them. Watches tell objects without their kind. */
const WATCHED = [
  { kind: 'Pod', apiVersion: 'v1', path: '/api/v1/pods' },
  { kind: 'ReplicaSet', apiVersion: 'apps/v1', path: '/apis/apps/v1/replicasets' },
  { kind: 'Deployment', apiVersion: 'apps/v1', path: '/apis/apps/v1/deployments' },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', path: '/apis/apps/v1/daemonsets' },
  { kind: 'Job', apiVersion: 'batch/v1', path: '/apis/batch/v1/jobs' },
];

/** Told of the nodes on which a workload's pods are. */
export type OnNodes = (nodes: readonly string[]) => void;

interface Waiting {
  readonly applied: KubernetesObject;
  readonly requestId: string;
  readonly promise: Promise<Outcome>;
  readonly resolve: (outcome: Outcome) => void;
  readonly onNodes: OnNodes;
  readonly timer: NodeJS.Timeout;
}

/** A workload as it was last seen, and what its controller made for it. */
interface Seen {
  object?: KubernetesObject;
  readonly pods: Map<string, V1Pod>;
  readonly replicaSets: Map<string, V1ReplicaSet>;
}

/** Waits for workloads to become ready, whatever their number, with one watch per kind. */
export class Tracker {
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  readonly #seen = new Map<string, Seen>();
  readonly #kubernetes: Kubernetes;
  readonly #readyMs: number;

  constructor(kubernetes: Kubernetes, readyMs = READY_MS) {
    this.#kubernetes = kubernetes;
    this.#readyMs = readyMs;
  }

  /** Watches until `signal` fires. */
  async run(log: Logger, signal: AbortSignal): Promise<void> {
    const watches = WATCHED.map(({ kind, apiVersion, path }) =>
      watchObjects(this.#kubernetes, {
        path,
        labelSelector: `${MANAGED_LABEL}=true`,
        log,
        signal,
        onObject: (object, phase) => this.see({ ...object, kind, apiVersion }, phase),
      }),
    );
    await Promise.all(watches);
  }

  /**
   * Resolves when the applied object is ready, has failed, or has taken too long; `replaced` when a later request put
   * another in its place. A job may take as long as it takes once it has started, and a later request that changes it
   * leaves it the same job. The same request may ask again, and gets the same outcome.
   *
   * @param onNodes told again and again, until the outcome is there
   */
  outcome(
    applied: KubernetesObject,
    requestId: string,
    onNodes: OnNodes = () => undefined,
  ): Promise<Outcome> {
    const key = idOf(applied);
    const earlier = this.#waiting.get(key)?.get(requestId);
    if (earlier) return earlier.promise;
    const isSameJob = (other: Waiting) =>
      applied.kind === 'Job' && other.applied.metadata?.uid === applied.metadata?.uid;
    this.#replace(key, requestId, (other) => !isSameJob(other));
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => this.#expire(key, waiting), this.#readyMs).unref();
    const waiting: Waiting = { applied, requestId, promise, resolve, onNodes, timer };
    this.#waiting.set(key, (this.#waiting.get(key) ?? new Map()).set(requestId, waiting));
    this.#judge(key, waiting);
    return promise;
  }

  /** Waits no longer for what a later request is about to delete. */
  replaced(key: string, by: string): void {
    this.#replace(key, by, () => true);
  }

  /** Waits no longer for a request. */
  forget(key: string, requestId: string): void {
    const waiting = this.#waiting.get(key)?.get(requestId);
    if (waiting) this.#settle(key, waiting, { state: 'replaced', reason: 'called off' });
  }

  /** Takes what a watch tells. */
  see(object: KubernetesObject, phase: 'present' | 'deleted'): void {
    const key = object.kind === 'ReplicaSet' || isMade(object) ? makerOf(object) : idOf(object);
    const seen: Seen = this.#seen.get(key) ?? { pods: new Map(), replicaSets: new Map() };
    note(seen, object, phase);
    if (seen.object || seen.pods.size + seen.replicaSets.size > 0) this.#seen.set(key, seen);
    else this.#seen.delete(key);
    for (const waiting of this.#waiting.get(key)?.values() ?? []) {
      if (phase === 'deleted' && object.metadata?.uid === waiting.applied.metadata?.uid)
        this.#end(key, waiting, object);
      else this.#judge(key, waiting);
    }
  }

  #judge(key: string, waiting: Waiting): void {
    waiting.onNodes(nodesOf(this.#seen.get(key)));
    const outcome = this.#outcomeOf(key, waiting);
    if (outcome.state !== 'waiting' && outcome.state !== 'running') this.#settle(key, waiting, outcome);
  }

  /** What was applied, or what became of it; never what was there before it or after it. */
  #outcomeOf(key: string, { applied, requestId }: Waiting): Outcome {
    const { object, pods, replicaSets } = this.#seen.get(key) ?? {};
    const isOwn =
      object?.metadata?.uid === applied.metadata?.uid &&
      (applied.kind === 'Job' || object?.metadata?.annotations?.[REQUEST_ANNOTATION] === requestId);
    const parts = { pods: [...(pods?.values() ?? [])], replicaSets: [...(replicaSets?.values() ?? [])] };
    return outcomeOf(object && isOwn ? object : applied, parts);
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
    const { state, reason } = this.#outcomeOf(key, waiting);
    if (state === 'running') return; // it has started in time
    this.#settle(key, waiting, {
      state: 'failed',
      reason: `not ready in ${this.#readyMs / 1_000} s: ${reason}`,
    });
  }

  #replace(key: string, by: string, which: (waiting: Waiting) => boolean): void {
    const outcome: Outcome = { state: 'replaced', reason: `request ${by} replaced it` };
    for (const waiting of this.#waiting.get(key)?.values() ?? [])
      if (which(waiting)) this.#settle(key, waiting, outcome);
  }

  #settle(key: string, waiting: Waiting, outcome: Outcome): void {
    clearTimeout(waiting.timer);
    const others = this.#waiting.get(key);
    others?.delete(waiting.requestId);
    if (others?.size === 0) this.#waiting.delete(key);
    waiting.resolve(outcome);
  }
}

/** Where the pods of a workload are that have not ended and are not about to; a pod that stands alone is its own. */
function nodesOf({ object, pods }: Partial<Seen> = {}): string[] {
  const own: V1Pod[] = object?.kind === 'Pod' ? [object] : [...(pods?.values() ?? [])];
  const alive = own.filter((pod) => !isOver(pod) && pod.metadata?.deletionTimestamp === undefined);
  const nodes = alive.map(({ spec }) => spec?.nodeName);
  return [...new Set(nodes.filter((node) => node !== undefined))].sort();
}

function note(seen: Seen, object: KubernetesObject, phase: 'present' | 'deleted'): void {
  const uid = object.metadata?.uid ?? '';
  const made = object.kind === 'ReplicaSet' ? seen.replicaSets : isMade(object) ? seen.pods : undefined;
  if (made) {
    if (phase === 'present') made.set(uid, object);
    else made.delete(uid);
  } else if (phase === 'present') seen.object = object;
  else if (seen.object?.metadata?.uid === uid) delete seen.object;
}

/** Whether a controller made it for a workload, as its labels say. */
function isMade({ kind, metadata }: KubernetesObject): boolean {
  return kind === 'Pod' && metadata?.labels?.[KIND_LABEL] !== undefined;
}

function makerOf({ metadata }: KubernetesObject): string {
  const { [KIND_LABEL]: kind, [NAME_LABEL]: name } = metadata?.labels ?? {};
  return `${kind}/${metadata?.namespace}/${name}`;
}

function idOf({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata?.namespace}/${metadata?.name}`;
}
