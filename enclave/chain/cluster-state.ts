import type { ScheduledRequest } from '../kube/plan.ts';
import type { ChainEvent } from './event.ts';
import { Roles } from './roles.ts';

/** A worker's status on chain. */
export const WORKER_STATUS = { pending: 0, active: 1, slashed: 2, offline: 3, draining: 4, left: 5 } as const;
/** A request's status on chain. */
export const REQUEST_STATUS = { scheduled: 0, running: 1, completed: 2, failed: 3, cancelled: 4 } as const;
/** What became of a cancelled request: nothing of it was applied, what it created was removed, what it changed stays. */
export const CANCELLATION_OUTCOME = { nothing: 0, removed: 1, stays: 2 } as const;

/** A worker as the chain knows it. */
export interface Worker {
  readonly nodeId: string;
  readonly owner: string;
  readonly sealToken: string;
  readonly tokenExpiresAtMs: number;
  readonly status: number;
}

/** A request as the chain knows it. */
export interface Request extends ScheduledRequest {
  readonly status: number;
  /** Whether what a failed request asked for is in the cluster all the same. */
  readonly applied?: boolean;
  /** What became of a cancelled request; absent until an enclave said it. */
  readonly outcome?: number;
}

/** What the chain says should be: the fold of its events. A new enclave rebuilds the cluster from nothing but this. */
export class ClusterState {
  readonly #workers = new Map<string, Worker>();
  readonly #requests = new Map<bigint, Request>();
  /** Who has which role. */
  readonly roles = new Roles();

  worker(nodeId: string): Worker | undefined {
    return this.#workers.get(nodeId);
  }

  request(requestId: bigint): Request | undefined {
    return this.#requests.get(requestId);
  }

  get workers(): Worker[] {
    return [...this.#workers.values()];
  }

  get requests(): Request[] {
    return [...this.#requests.values()];
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
      case 'K8sAPIRequestScheduledEvent':
        this.#addRequest(event);
        break;
      default:
        this.#changeRequest(event.requestId, changeOf(event));
    }
  }

  #addWorker(event: Extract<ChainEvent, { kind: 'WorkerRegisteredEvent' }>): void {
    const { nodeId, owner, sealToken } = event;
    const tokenExpiresAtMs = Number(event.tokenExpiresAtMs);
    this.#workers.set(nodeId, { nodeId, owner, sealToken, tokenExpiresAtMs, status: WORKER_STATUS.pending });
  }

  #addRequest(event: Extract<ChainEvent, { kind: 'K8sAPIRequestScheduledEvent' }>): void {
    const requestId = BigInt(event.requestId);
    const manifest = Uint8Array.from(event.manifest);
    this.#requests.set(requestId, { ...event, requestId, manifest, status: REQUEST_STATUS.scheduled });
  }

  #changeWorker(nodeId: string, change: Partial<Worker>): void {
    const worker = this.#workers.get(nodeId);
    if (worker) this.#workers.set(nodeId, { ...worker, ...change });
  }

  #changeRequest(id: string, change: Partial<Request>): void {
    const request = this.#requests.get(BigInt(id));
    if (request) this.#requests.set(request.requestId, { ...request, ...change });
  }
}

/** An event after which a request is another. */
type RequestEvent = Extract<
  ChainEvent,
  {
    kind:
      | 'RequestStartedEvent'
      | 'RequestCompletedEvent'
      | 'RequestFailedEvent'
      | 'RequestCancelledEvent'
      | 'RequestCancellationSettledEvent';
  }
>;

function changeOf(event: RequestEvent): Partial<Request> {
  switch (event.kind) {
    case 'RequestStartedEvent':
      return { status: REQUEST_STATUS.running };
    case 'RequestCompletedEvent':
      return { status: REQUEST_STATUS.completed };
    case 'RequestFailedEvent':
      return { status: REQUEST_STATUS.failed, applied: event.applied };
    case 'RequestCancelledEvent':
      return { status: REQUEST_STATUS.cancelled };
    case 'RequestCancellationSettledEvent':
      return { outcome: event.outcome };
  }
}
