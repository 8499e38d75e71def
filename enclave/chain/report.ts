import { setTimeout as sleep } from 'node:timers/promises';
import {
  assignWorkers,
  completeRequest,
  failRequest,
  type OperatorIds,
  settleCancelledRequest,
  startRequest,
} from '@daasvader/chain/calls/operator.ts';
import { REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { Requests } from './requests.ts';
import type { Statement, Writer } from './writer.ts';

/** How long the chain may take to say what it was told before it is told again, in ms. */
const AGAIN_MS = 30_000;
/** What it never says, as of a request that was removed, is told every ten minutes in the end. */
const MAX_AGAIN_MS = 600_000;

/** What telling needs. */
export interface ReportOptions {
  readonly writer: Pick<Writer, 'submit'>;
  readonly seat: OperatorIds;
  readonly requests: Pick<Requests, 'get'>;
  readonly againMs?: number;
}

/** Tells the chain what became of requests, until the chain says so itself. */
export class Report {
  readonly #options: ReportOptions;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** It is applied and on its way. */
  started(requestId: bigint): Promise<void> {
    return this.#tell({
      ...this.#about(requestId),
      label: `start request ${requestId}`,
      needed: () => this.#status(requestId) === REQUEST_STATUS.pending,
      build: (tx, act) => startRequest(tx, this.#options.seat, act, requestId),
    });
  }

  /** These workers run it; said once, since where it runs may be another by the time that the chain has it. */
  async assigned(requestId: bigint, nodeIds: readonly string[]): Promise<void> {
    const isNew = (nodeId: string) => !this.#options.requests.get(requestId)?.workers.includes(nodeId);
    await this.#options.writer.submit({
      ...this.#about(requestId),
      label: `assign request ${requestId}`,
      needed: () => this.#isOpen(requestId) && nodeIds.some(isNew),
      build: (tx, act) => assignWorkers(tx, this.#options.seat, act, { requestId, nodeIds }),
    });
  }

  /** It reached its goal. */
  completed(requestId: bigint, resultDigest: Uint8Array): Promise<void> {
    return this.#tell({
      ...this.#about(requestId),
      label: `complete request ${requestId}`,
      needed: () => this.#isOpen(requestId),
      build: (tx, act) => completeRequest(tx, this.#options.seat, act, { requestId, resultDigest }),
    });
  }

  /**
   * It cannot reach its goal.
   *
   * @param reason at most 256 bytes
   * @param applied whether what it asked for is in the cluster all the same
   */
  failed(requestId: bigint, reason: string, applied: boolean): Promise<void> {
    return this.#tell({
      ...this.#about(requestId),
      label: `fail request ${requestId}`,
      needed: () => this.#isOpen(requestId),
      build: (tx, act) => failRequest(tx, this.#options.seat, act, { requestId, reason, applied }),
    });
  }

  /** It was cancelled, and this is what became of it: one of `CANCELLATION_OUTCOME`. */
  settled(requestId: bigint, outcome: number): Promise<void> {
    return this.#tell({
      ...this.#about(requestId),
      label: `settle request ${requestId}`,
      needed: () => this.#status(requestId) === REQUEST_STATUS.cancelled,
      build: (tx, act) => settleCancelledRequest(tx, this.#options.seat, act, { requestId, outcome }),
    });
  }

  #about(requestId: bigint) {
    return { subject: `request ${requestId}`, party: this.#options.requests.get(requestId)?.owner ?? '' };
  }

  /** Until the chain says so: a writer gives up what is refused a few times, as while the full node lags behind. */
  async #tell(statement: Statement): Promise<void> {
    const { writer, againMs = AGAIN_MS } = this.#options;
    for (let pauseMs = againMs; statement.needed(); pauseMs = Math.min(2 * pauseMs, MAX_AGAIN_MS)) {
      await writer.submit(statement);
      if (statement.needed()) await sleep(pauseMs, undefined, { ref: false });
    }
  }

  /** Undefined when it has ended, as the chain says. */
  #status(requestId: bigint): number | undefined {
    return this.#options.requests.get(requestId)?.status;
  }

  #isOpen(requestId: bigint): boolean {
    return (this.#status(requestId) ?? REQUEST_STATUS.failed) <= REQUEST_STATUS.running;
  }
}
