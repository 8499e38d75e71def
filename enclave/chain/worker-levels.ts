import { setTimeout as sleep } from 'node:timers/promises';
import { activateWorker, type OperatorIds, setWorkerStatus } from '@daasvader/chain/calls/operator.ts';
import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Logger } from '../log.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Statement, Writer } from './writer.ts';

/** The chain is told of an absence of the same worker at most so often, in ms: 10 minutes. */
const FLAP_MS = 600_000;
/** How long the chain may take to say what it was told before it is told again, in ms. */
const AGAIN_MS = 30_000;

/** What telling needs. */
export interface WorkerLevelsOptions {
  readonly writer: Pick<Writer, 'submit'>;
  readonly seat: OperatorIds;
  readonly state: Pick<ClusterState, 'worker'>;
  readonly log: Logger;
  /** Whether a worker's node is ready now. */
  readonly isReady: (nodeId: string) => boolean;
  /** The counter of the join that a worker came by. */
  readonly counterOf: (nodeId: string) => bigint;
  /** By the chain's clock, ms since 1970. */
  readonly chainTime: () => number;
  readonly flapMs?: number;
  readonly againMs?: number;
}

/**
 * Tells the chain which workers are there. A return is told at once, and so is an absence, but for one that follows
 * another within ten minutes: it waits until those are over, and is told only when the worker is absent then. So one that
 * flaps costs two statements in ten minutes.
 */
export class WorkerLevels {
  readonly #options: WorkerLevelsOptions;
  /** Workers of which an absence was told lately, and whether another one waits to be told. */
  readonly #lately = new Map<string, boolean>();
  /** Workers that are looked at again soon, since what was said of them may have been refused. */
  readonly #again = new Set<string>();

  constructor(options: WorkerLevelsOptions) {
    this.#options = options;
  }

  /** Tells how things stand with a worker, when the chain has it otherwise. */
  tell(nodeId: string): void {
    const { isReady } = this.#options;
    if (isReady(nodeId)) void this.#say(nodeId, this.#presence(nodeId));
    else if (this.#lately.has(nodeId)) this.#lately.set(nodeId, true);
    else if (this.#isActive(nodeId)) {
      void this.#say(nodeId, this.#absence(nodeId));
      void this.#rest(nodeId);
    }
  }

  async #rest(nodeId: string): Promise<void> {
    this.#lately.set(nodeId, false);
    await sleep(this.#options.flapMs ?? FLAP_MS, undefined, { ref: false });
    const isWaiting = this.#lately.get(nodeId);
    this.#lately.delete(nodeId);
    if (isWaiting) this.tell(nodeId);
  }

  #presence(nodeId: string): Statement {
    const { seat, isReady, counterOf } = this.#options;
    return {
      ...this.#about(nodeId),
      label: `activate worker ${nodeId}`,
      needed: () => isReady(nodeId) && this.#isAway(nodeId),
      build: (tx, act) => activateWorker(tx, seat, act, { nodeId, counter: counterOf(nodeId) }),
    };
  }

  #absence(nodeId: string): Statement {
    const { seat, isReady } = this.#options;
    return {
      ...this.#about(nodeId),
      label: `set worker ${nodeId} offline`,
      needed: () => !isReady(nodeId) && this.#isActive(nodeId),
      build: (tx, act) => setWorkerStatus(tx, seat, act, { nodeId, status: WORKER_STATUS.offline }),
    };
  }

  #about(nodeId: string) {
    return { subject: `worker ${nodeId}`, party: this.#options.state.worker(nodeId)?.owner ?? '' };
  }

  #isActive(nodeId: string): boolean {
    return this.#options.state.worker(nodeId)?.status === WORKER_STATUS.active;
  }

  /** Whether the chain would take its return: with a seal token that expired it waits for another one. */
  #isAway(nodeId: string): boolean {
    const { status, tokenExpiresAtMs } = this.#options.state.worker(nodeId) ?? {};
    if (tokenExpiresAtMs === undefined || tokenExpiresAtMs <= this.#options.chainTime()) return false;
    return status === WORKER_STATUS.pending || status === WORKER_STATUS.offline;
  }

  /** A writer gives up what is refused a few times, as while the full node lags behind. */
  async #say(nodeId: string, statement: Statement): Promise<void> {
    const { writer, log, againMs = AGAIN_MS } = this.#options;
    try {
      await writer.submit(statement);
      if (!statement.needed() || this.#again.has(nodeId)) return;
    } catch (error) {
      log.error({ error: reasonOf(error) }, `chain: cannot ${statement.label}`);
      return;
    }
    this.#again.add(nodeId);
    await sleep(againMs, undefined, { ref: false });
    this.#again.delete(nodeId);
    this.tell(nodeId);
  }
}
