import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '@mysten/sui/transactions';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Freshness } from './freshness.ts';
import { ChainRefusal, type Executed, type Operator } from './operator.ts';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Attempts after the chain itself said no: state may still be on its way, but it will not say yes for ever. */
const MAX_REFUSALS = 4;
/** How long one attempt may take before the next one is made. */
const ATTEMPT_MS = 30_000;
const CONFIRM_MS = 15_000;

/** One thing that the operator has to tell the chain. */
export interface Statement {
  /** What it is about, for the log. */
  readonly label: string;
  /** False when the chain already says so, or when it no longer matters. Asked before each attempt. */
  readonly needed: () => boolean;
  readonly build: (tx: Transaction) => void;
}

/** What a writer needs. */
export interface WriterOptions {
  readonly operator: Pick<Operator, 'execute'>;
  readonly freshness: Pick<Freshness, 'assert' | 'wait' | 'sent'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Called when an attempt failed, before the next one: the full node may be the reason. */
  readonly onFailure?: () => void;
  /** How long what was said may take to come back proven before it is said again, in ms. */
  readonly confirmMs?: number;
}

/**
 * The operator's word to the chain: one transaction after the other, each repeated until it is on chain or no longer
 * needed. A repetition is harmless, because the contracts refuse a step that was already taken and fence the seat.
 * While the chain's word is old nothing is said but the heartbeat, which does not wait for the rest.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #stopped = new AbortController();
  #statements: Promise<void> = Promise.resolve();
  #beats: Promise<void> = Promise.resolve();
  /** Ends when the transaction under way does: two at once would want the same coin. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Queues a statement; resolves when it was made, was not needed or was given up. */
  submit(statement: Statement): Promise<void> {
    this.#statements = this.#statements.then(async () => {
      if (await this.#make(statement, false)) void this.#confirm(statement);
    });
    return this.#statements;
  }

  /** Sends a heartbeat, whether or not anything else may be said; resolves when it was sent. */
  beat(build: Statement['build']): Promise<void> {
    const statement = { label: 'heartbeat', needed: () => true, build };
    this.#beats = this.#beats.then(async () => void (await this.#make(statement, true)));
    return this.#beats;
  }

  /** Makes no further attempt. */
  stop(): void {
    this.#stopped.abort();
  }

  /** @returns whether a full node says that it is on chain */
  async #make(statement: Statement, isBeat: boolean): Promise<boolean> {
    const { freshness, metrics, log, onFailure } = this.#options;
    const { signal } = this.#stopped;
    let refusals = 0;
    for (let backoff = MIN_BACKOFF_MS; ; backoff *= 2) {
      if (!isBeat) await freshness.wait(signal);
      if (signal.aborted || !statement.needed()) return false;
      try {
        const { digest } = await this.#attempt(statement, isBeat);
        metrics.transactions.inc({ outcome: 'executed' });
        log.info({ digest }, `chain: ${statement.label}`);
        return true;
      } catch (error) {
        const refused = error instanceof ChainRefusal;
        metrics.transactions.inc({ outcome: refused ? 'refused' : 'failed' });
        log.warn({ error: String(error) }, `chain: cannot ${statement.label}`);
        onFailure?.();
        if (refused && ++refusals === MAX_REFUSALS) return false;
        await sleep(Math.min(backoff, MAX_BACKOFF_MS), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #attempt({ label, build }: Statement, isBeat: boolean): Promise<Executed> {
    const { operator, freshness } = this.#options;
    const attempt = this.#turn.then(() => {
      if (!isBeat) freshness.assert();
      return within(ATTEMPT_MS, label, operator.execute(build, isBeat ? freshness.sent : undefined));
    });
    this.#turn = attempt.catch(() => undefined);
    return attempt;
  }

  /** Says it again when it does not come back proven: a full node may have made up that it was done. */
  async #confirm(statement: Statement): Promise<void> {
    const { confirmMs = CONFIRM_MS } = this.#options;
    await sleep(confirmMs, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined);
    if (!this.#stopped.signal.aborted && statement.needed()) await this.submit(statement);
  }
}

async function within<T>(ms: number, label: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`Cannot ${label}: no answer within ${ms / 1_000} s`);
  });
  late.catch(() => undefined); // when the work is done in time
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
