import { setTimeout as sleep } from 'node:timers/promises';
import { type ChainEvent, decodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { ClusterState } from './chain/cluster-state.ts';
import type { Grant } from './chain/roles.ts';
import { EnclaveError } from './error.ts';
import type { Executor } from './kube/executor.ts';
import { reasonOf } from './kube/kubernetes.ts';
import type { Nodes } from './kube/nodes.ts';
import type { Tenants } from './kube/tenants.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

const RETRY_MS = 1_000;
const REBUILD_MS = 30_000;

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
  #hands: Hands | undefined;

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
  };

  /**
   * Applies what the chain says should be to an empty cluster, and acts from now on. Resolves when each request was
   * tried once, or after half a minute: no boot waits for a single request.
   */
  async rebuild(hands: Hands): Promise<void> {
    this.#hands = hands;
    for (const request of this.#state.requests.desired) hands.executor.submit(request);
    for (const grant of this.#state.roles.grants) this.#changeGrants(hands.tenants, grant);
    const late = sleep(this.#rebuildMs, 'late', { ref: false });
    if ((await Promise.race([hands.executor.tried, late])) === 'late')
      this.#log.warn('reactor: not all requests were tried, going on');
  }

  /** Notes the chain's time, at which other stakes for roles may come into effect. */
  readonly onTime = (nowMs: number): void => {
    if (this.#state.roles.passTime(nowMs) && this.#hands) this.#changeRoles(this.#hands.tenants);
  };

  #changeRoles(tenants: Tenants): void {
    for (const address of this.#state.roles.addresses) this.#changeRole(tenants, address);
  }

  #changeRole(tenants: Tenants, address: string): void {
    const role = () => this.#state.roles.roleOf(address);
    void this.#insist(`change the role of ${address}`, () => tenants.changeRole(address, role()));
  }

  #changeGrants(tenants: Tenants, { owner, namespace }: Pick<Grant, 'owner' | 'namespace'>): void {
    const role = () => this.#state.roles.roleOf(owner);
    void this.#insist(`change grants in ${namespace}`, () => tenants.changeGrants(owner, role(), namespace));
  }

  #react(event: ChainEvent, { executor, nodes, tenants }: Hands): void {
    switch (event.kind) {
      case 'WorkerRegisteredEvent':
        this.#log.info({ nodeId: event.nodeId }, '🎉 NEW WORKER REGISTRATION EVENT FROM CONTRACT!');
        break;
      case 'WorkerStatusChangedEvent':
        void this.#insist(`follow worker ${event.nodeId}`, () => nodes.onWorkerStatus(event.nodeId));
        break;
      case 'UserStakedEvent':
      case 'UserWithdrawRequestedEvent':
        this.#changeRole(tenants, event.user);
        break;
      case 'RoleGrantedEvent':
        this.#changeGrants(tenants, event);
        break;
      case 'RoleStakesProposedEvent':
        this.#changeRoles(tenants);
        break;
      case 'K8sAPIRequestScheduledEvent': {
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
      default: // what we told the chain ourselves, or what needs nothing done
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
