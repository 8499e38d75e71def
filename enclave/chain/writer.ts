import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '@mysten/sui/transactions';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { ChainRefusal, type Operator } from './operator.ts';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Attempts after the chain itself said no: state may still be on its way, but it will not say yes for ever. */
const MAX_REFUSALS = 4;

/** One thing that the operator has to tell the chain. */
export interface Statement {
  /** What it is about, for the log. */
  readonly label: string;
  /** False when the chain already says so, or when it no longer matters. Asked before each attempt. */
  readonly needed: () => boolean;
  readonly build: (tx: Transaction) => void;
}

/**
 * The operator's word to the chain: one transaction after the other, each repeated until it is on chain or no longer
 * needed. A repetition is harmless, because the contracts refuse a step that was already taken and fence the seat.
 */
export class Writer {
  readonly #operator: Operator;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #stopped = new AbortController();
  #queue: Promise<void> = Promise.resolve();

  constructor(operator: Operator, log: Logger, metrics: Metrics) {
    this.#operator = operator;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Queues a statement; resolves when it was made, was not needed or was given up. */
  submit(statement: Statement): Promise<void> {
    this.#queue = this.#queue.then(() => this.#make(statement));
    return this.#queue;
  }

  /** Makes no further attempt. */
  stop(): void {
    this.#stopped.abort();
  }

  async #make({ label, needed, build }: Statement): Promise<void> {
    let refusals = 0;
    for (let backoff = MIN_BACKOFF_MS; !this.#stopped.signal.aborted && needed(); backoff *= 2) {
      try {
        const { digest } = await this.#operator.execute(build);
        this.#metrics.transactions.inc({ outcome: 'executed' });
        return this.#log.info({ digest }, `chain: ${label}`);
      } catch (error) {
        const refused = error instanceof ChainRefusal;
        this.#metrics.transactions.inc({ outcome: refused ? 'refused' : 'failed' });
        this.#log.warn({ error: String(error) }, `chain: cannot ${label}`);
        if (refused && ++refusals === MAX_REFUSALS) return;
        await sleep(Math.min(backoff, MAX_BACKOFF_MS), undefined, { signal: this.#stopped.signal }).catch(
          () => undefined,
        );
      }
    }
  }
}
