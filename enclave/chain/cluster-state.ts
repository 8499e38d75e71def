import type { ChainEvent } from './event.ts';
import { Requests } from './requests.ts';
import { Roles } from './roles.ts';

/** A worker's status on chain. */
export const WORKER_STATUS = { pending: 0, active: 1, slashed: 2, offline: 3, draining: 4, left: 5 } as const;

/** A worker as the chain knows it. */
export interface Worker {
  readonly nodeId: string;
  readonly owner: string;
  readonly sealToken: string;
  readonly tokenExpiresAtMs: number;
  readonly status: number;
}

/** What the chain says should be: the fold of its events. A new enclave rebuilds the cluster from nothing but this. */
export class ClusterState {
  readonly #workers = new Map<string, Worker>();
  /** What was asked for. */
  readonly requests = new Requests();
  /** Who has which role. */
  readonly roles = new Roles();

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
      case 'RoleStakesProposedEvent':
        this.roles.propose(event);
        break;
      case 'RoleGrantedEvent':
        this.roles.grant(event);
        break;
      default:
        this.requests.apply(event);
    }
  }

  #addWorker(event: Extract<ChainEvent, { kind: 'WorkerRegisteredEvent' }>): void {
    const { nodeId, owner, sealToken } = event;
    const tokenExpiresAtMs = Number(event.tokenExpiresAtMs);
    this.#workers.set(nodeId, { nodeId, owner, sealToken, tokenExpiresAtMs, status: WORKER_STATUS.pending });
  }

  #changeWorker(nodeId: string, change: Partial<Worker>): void {
    const worker = this.#workers.get(nodeId);
    if (worker) this.#workers.set(nodeId, { ...worker, ...change });
  }
}
