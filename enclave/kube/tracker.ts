import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import type { Logger } from '../log.ts';
import type { Kubernetes } from './kubernetes.ts';
import { type Outcome, outcomeOf, podTrouble } from './outcome.ts';
import { KIND_LABEL, MANAGED_LABEL, NAME_LABEL, REQUEST_ANNOTATION } from './plan.ts';
import { watchObjects } from './watch.ts';

/** How long a workload may take to become ready before its request fails. */
const DEADLINE_MS = 300_000;

/** Workloads that have a status, and where they are watched. Watches tell objects without their kind. */
const WATCHED = [
  { kind: 'Pod', apiVersion: 'v1', path: '/api/v1/pods' },
  { kind: 'Deployment', apiVersion: 'apps/v1', path: '/apis/apps/v1/deployments' },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', path: '/apis/apps/v1/daemonsets' },
  { kind: 'Job', apiVersion: 'batch/v1', path: '/apis/batch/v1/jobs' },
];

interface Waiting {
  readonly requestId: string;
  readonly promise: Promise<Outcome>;
  readonly resolve: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
  latest: string;
}

/** Waits for workloads to become ready, whatever their number, with one watch per kind. */
export class Tracker {
  readonly #waiting = new Map<string, Waiting>();
  readonly #kubernetes: Kubernetes;

  constructor(kubernetes: Kubernetes) {
    this.#kubernetes = kubernetes;
  }

  /** Watches until `signal` fires. */
  async run(log: Logger, signal: AbortSignal): Promise<void> {
    const watches = WATCHED.map(({ kind, apiVersion, path }) => {
      const onObject = (object: KubernetesObject, phase: string) => {
        if (phase === 'present') this.#see({ ...object, kind, apiVersion });
      };
      return watchObjects(this.#kubernetes, {
        path,
        labelSelector: `${MANAGED_LABEL}=true`,
        log,
        signal,
        onObject,
      });
    });
    await Promise.all(watches);
  }

  /**
   * Resolves when the applied object is ready, has failed, or has taken too long; `replaced` when a later request put
   * another in its place. The same request may ask again, and gets the same outcome.
   */
  outcome(applied: KubernetesObject, requestId: string): Promise<Outcome> {
    const key = keyOf(applied);
    const earlier = this.#waiting.get(key);
    if (earlier?.requestId === requestId) return earlier.promise;
    this.#settle(key, { state: 'replaced', reason: `request ${requestId} replaced it` });
    const now = outcomeOf(applied);
    if (now.state !== 'waiting') return Promise.resolve(now);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const expire = () => {
      const latest = this.#waiting.get(key)?.latest ?? now.reason;
      this.#settle(key, { state: 'failed', reason: `not ready in ${DEADLINE_MS / 1_000} s: ${latest}` });
    };
    this.#waiting.set(key, {
      requestId,
      promise,
      resolve,
      timer: setTimeout(expire, DEADLINE_MS).unref(),
      latest: now.reason,
    });
    return promise;
  }

  #see(object: KubernetesObject): void {
    if (object.kind === 'Pod') this.#seePodOf(object as V1Pod);
    const key = keyOf(object);
    const waiting = this.#waiting.get(key);
    if (!waiting || object.metadata?.annotations?.[REQUEST_ANNOTATION] !== waiting.requestId) return;
    const outcome = outcomeOf(object);
    if (outcome.state === 'waiting') waiting.latest = outcome.reason;
    else this.#settle(key, outcome);
  }

  /** A pod that can never run decides over its workload, whose own status would say so only much later. */
  #seePodOf(pod: V1Pod): void {
    const reason = podTrouble(pod);
    const { [KIND_LABEL]: kind, [NAME_LABEL]: name } = pod.metadata?.labels ?? {};
    // A job may try again with another pod.
    if (reason === undefined || (kind !== 'Deployment' && kind !== 'DaemonSet')) return;
    this.#settle(`${kind}/${pod.metadata?.namespace}/${name}`, { state: 'failed', reason });
  }

  #settle(key: string, outcome: Outcome): void {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(key);
    waiting.resolve(outcome);
  }
}

function keyOf({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata?.namespace}/${metadata?.name}`;
}
