import { setTimeout as sleep } from 'node:timers/promises';
import { type ChainEvent, decodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { ClusterState } from './chain/cluster-state.ts';
import type { Request } from './chain/requests.ts';
import { EnclaveError } from './error.ts';
import type { Executor } from './kube/executor.ts';
import { reasonOf } from './kube/kubernetes.ts';
import { namespaceIn } from './kube/names.ts';
import type { Nodes } from './kube/nodes.ts';
import { isKept } from './kube/rights.ts';
import type { Tenants } from './kube/tenants.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

const RETRY_MS = 1_000;
const REBUILD_MS = 30_000;
/** How often namespaces get back the part that another of the same owner's took, in ms. */
const DIVIDE_MS = 60_000;

/** Who carries out what the chain says. */
export interface Hands {
  readonly executor: Executor;
  readonly nodes: Nodes;
  readonly tenants: Tenants;
}

/** What reacting needs. */
export interface ReactorOptions {
  readonly state: ClusterState;
  /** Resolves when the chain's word is fresh enough to act upon. */
  readonly whenFresh: () => Promise<void>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How long a boot waits for the cluster to be as it was, in ms; what takes longer goes on while others are let in. */
  readonly rebuildMs?: number;
}

/**
 * Turns events into deeds. Until it is given hands it only takes note; then it makes the cluster what the notes say,
 * and from then on acts on each event as it comes.
 */
export class Reactor {
  readonly #state: ClusterState;
  readonly #whenFresh: () => Promise<void>;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #rebuildMs: number;
  /** What is to be done as soon as it can be, each thing once. */
  readonly #waiting = new Set<string>();
  /** Namespaces without pods, by their owner, with whose role their objects are to come back. */
  readonly #suspended = new Map<string, string[]>();
  #hands: Hands | undefined;
  #dividedAtMs = 0;

  constructor({ state, whenFresh, log, metrics, rebuildMs = REBUILD_MS }: ReactorOptions) {
    this.#state = state;
    this.#whenFresh = whenFresh;
    this.#log = log;
    this.#metrics = metrics;
    this.#rebuildMs = rebuildMs;
  }

  /** Takes the next event of a log. */
  readonly onEvent = (raw: RawEvent): void => {
    const event = decodeEvent(raw);
    this.#metrics.events.inc({ kind: event?.kind ?? 'other' });
    if (!event) return;
    this.#state.apply(event);
    if (!this.#hands) return;
    this.#log.info({ kind: event.kind, seq: raw.seq, digest: raw.digest }, '📡 API Response: Sui event');
    this.#react(event, this.#hands);
    this.#followOwners(this.#hands);
  };

  /**
   * Applies what the chain says should be to an empty cluster, and acts from now on. Resolves when each request was
   * tried once, or after half a minute: no boot waits for a single request.
   */
  async rebuild(hands: Hands): Promise<void> {
    this.#hands = hands;
    const { requests } = this.#state;
    for (const request of requests.desired)
      if (requests.get(request.requestId) !== undefined || this.#isToBe(request))
        hands.executor.submit(request);
    this.#followOwners(hands);
    const late = sleep(this.#rebuildMs, 'late', { ref: false });
    if ((await Promise.race([hands.executor.tried, late])) === 'late')
      this.#log.warn('reactor: not all requests were tried, going on');
  }

  /** Notes the chain's time, at which other stakes for roles may come into effect, and what is left of a role may end. */
  readonly onTime = (nowMs: number): void => {
    this.#state.roles.passTime(nowMs);
    if (!this.#hands) return;
    this.#followOwners(this.#hands);
    if (nowMs - this.#dividedAtMs < DIVIDE_MS) return;
    this.#dividedAtMs = nowMs;
    for (const owner of this.#hands.tenants.squeezed) this.#follow(this.#hands, owner);
  };

  /** Whether what was carried out is to be in the cluster now; in a namespace without pods it waits for its owner. */
  #isToBe(request: Request): boolean {
    const { roles } = this.#state;
    return isKept(request, roles) && roles.phaseOf(request.owner, namespaceIn(request)) !== 'suspended';
  }

  #followOwners(hands: Hands): void {
    for (const owner of this.#state.roles.takeChanged()) this.#follow(hands, owner);
  }

  #follow(hands: Hands, owner: string): void {
    const { requests, roles } = this.#state;
    requests.forget(owner, (request) => !isKept(request, roles));
    this.#bringBack(hands.executor, owner);
    void this.#insist(`follow the role of ${owner}`, () => hands.tenants.follow(owner));
  }

  /** What was in a namespace without pods is there again as soon as its owner's role is enough for it. */
  #bringBack(executor: Executor, owner: string): void {
    const { roles, requests } = this.#state;
    const before = this.#suspended.get(owner) ?? [];
    const back = before.filter((namespace) => roles.phaseOf(owner, namespace) === 'held');
    const suspended = roles.tenanciesOf(owner).filter(({ phase }) => phase === 'suspended');
    if (suspended.length > 0)
      this.#suspended.set(
        owner,
        suspended.map(({ namespace }) => namespace),
      );
    else this.#suspended.delete(owner);
    if (back.length === 0) return;
    for (const request of requests.keptOf(owner))
      if (back.includes(namespaceIn(request))) executor.submit(request);
  }

  #followWorker(nodes: Nodes, nodeId: string): void {
    void this.#insist(`follow worker ${nodeId}`, () => nodes.onWorkerStatus(nodeId));
  }

  #react(event: ChainEvent, { executor, nodes }: Hands): void {
    switch (event.kind) {
      case 'WorkerRegisteredEvent':
        this.#log.info({ nodeId: event.nodeId }, '🎉 NEW WORKER REGISTRATION EVENT FROM CONTRACT!');
        this.#followWorker(nodes, event.nodeId); // one of that name may have been kept out
        break;
      case 'WorkerStatusChangedEvent':
      case 'SealTokenRefreshedEvent': // its return may have waited for that
        this.#followWorker(nodes, event.nodeId);
        break;
      case 'K8sAPIRequestScheduledEvent':
      case 'KubernetesRequestEvent': {
        const request = this.#state.requests.get(BigInt(event.requestId));
        if (request) executor.submit(request);
        break;
      }
      case 'RequestCancelledEvent':
        executor.cancel(BigInt(event.requestId));
        break;
      case 'RequestCompletedEvent':
      case 'RequestFailedEvent':
      case 'RequestCancellationSettledEvent':
        executor.ended(BigInt(event.requestId));
        break;
      default: // what we told the chain ourselves, what changes roles, or what needs nothing done
    }
  }

  /**
   * Does it until it is done, by what is right then: rights that are to be withdrawn must not survive a hiccup of
   * Kubernetes. However often a thing is asked for, it is waiting to be done once.
   */
  async #insist(what: string, action: () => Promise<void>): Promise<void> {
    for (let pause = 0; !this.#waiting.has(what); pause = RETRY_MS) {
      try {
        await this.#untilDue(what, pause);
        return await action();
      } catch (error) {
        this.#log.warn({ error: reasonOf(error) }, `reactor: cannot ${what}`);
        if (error instanceof EnclaveError) return;
      }
    }
  }

  async #untilDue(what: string, pauseMs: number): Promise<void> {
    this.#waiting.add(what);
    try {
      await sleep(pauseMs);
      await this.#whenFresh();
    } finally {
      this.#waiting.delete(what);
    }
  }
}
