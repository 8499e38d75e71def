import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import type { ChainEvent, EventOf } from '@daasvader/chain/events.ts';
import { type ObjectOf, Requests } from './requests.ts';
import { Roles } from './roles.ts';

/** A worker as the chain knows it. */
export interface Worker {
  readonly nodeId: string;
  readonly owner: string;
  readonly sealToken: string;
  readonly tokenExpiresAtMs: number;
  /** Ed25519, 32 bytes: what it signs its joins with. */
  readonly identityKey: Uint8Array;
  /** Of the last join that the chain was told of; 0 before the first. */
  readonly counter: bigint;
  readonly status: number;
  /** Whether its stake was slashed since it was registered or reinstated; one that has left keeps that status. */
  readonly isSlashed: boolean;
}

/** What the chain says should be: the fold of its events. A new enclave rebuilds the cluster from nothing but this. */
export class ClusterState {
  readonly #workers = new Map<string, Worker>();
  /** What was asked for. */
  readonly requests: Requests;
  /** Who has which role. */
  readonly roles = new Roles();

  constructor(objectOf: ObjectOf) {
    this.requests = new Requests(objectOf);
  }

  worker(nodeId: string): Worker | undefined {
    return this.#workers.get(nodeId);
  }

  get workers(): Worker[] {
    return [...this.#workers.values()];
  }

  /** Whether a worker may be a node: it is registered and has neither left nor been slashed. */
  isAdmitted(nodeId: string): boolean {
    const status = this.#workers.get(nodeId)?.status;
    return status !== undefined && status !== WORKER_STATUS.slashed && status !== WORKER_STATUS.left;
  }

  /** Takes the next event. */
  apply(event: ChainEvent): void {
    switch (event.kind) {
      case 'WorkerRegisteredEvent':
        this.#addWorker(event);
        break;
      case 'WorkerStatusChangedEvent':
        this.#changeWorker(event.nodeId, { status: event.newStatus });
        break;
      case 'WorkerCounterEvent':
        this.#changeWorker(event.nodeId, { counter: BigInt(event.counter) });
        break;
      case 'StakeSlashedEvent':
        this.#changeWorker(event.nodeId, { isSlashed: true });
        break;
      case 'WorkerReinstatedEvent': {
        const identityKey = Uint8Array.from(event.identityKey);
        this.#changeWorker(event.nodeId, { identityKey, isSlashed: false });
        break;
      }
      case 'WorkerClosedEvent':
        this.#workers.delete(event.nodeId);
        break;
      case 'SealTokenRefreshedEvent':
        this.#changeWorker(event.nodeId, {
          sealToken: event.sealToken,
          tokenExpiresAtMs: Number(event.tokenExpiresAtMs),
        });
        break;
      case 'UserStakedEvent':
      case 'UserWithdrawRequestedEvent':
        this.roles.stake(event);
        break;
      case 'UserWithdrawnEvent':
        this.roles.withdraw(event);
        break;
      case 'RoleStakesProposedEvent':
        this.roles.propose(event);
        break;
      case 'RoleGrantedEvent':
        this.roles.grant(event);
        break;
      case 'NamespaceClaimedEvent':
        this.roles.claim(event);
        break;
      case 'NamespaceReleasedEvent':
        this.roles.release(event);
        break;
      case 'K8sAPIRequestScheduledEvent':
      case 'KubernetesRequestEvent':
      case 'WorkerAssignedEvent':
      case 'RequestStartedEvent':
      case 'RequestCompletedEvent':
      case 'RequestFailedEvent':
      case 'RequestCancelledEvent':
      case 'RequestCancellationSettledEvent':
        this.requests.apply(event);
        break;
      default: // what is only counted, such as a proposed measurement
    }
  }

  #addWorker(event: EventOf<'WorkerRegisteredEvent'>): void {
    const { nodeId, owner, sealToken } = event;
    const tokenExpiresAtMs = Number(event.tokenExpiresAtMs);
    const identityKey = Uint8Array.from(event.identityKey);
    const status = WORKER_STATUS.pending;
    const worker = {
      ...{ nodeId, owner, sealToken, tokenExpiresAtMs, identityKey },
      ...{ counter: 0n, status, isSlashed: false },
    };
    this.#workers.set(nodeId, worker);
  }

  #changeWorker(nodeId: string, change: Partial<Worker>): void {
    const worker = this.#workers.get(nodeId);
    if (worker) this.#workers.set(nodeId, { ...worker, ...change });
  }
}
