import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Act } from '@daasvader/chain/calls/operator.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { within } from '../within.ts';
import { Backlog, type Item } from './backlog.ts';
import { ChainRefusal } from './chain-refusal.ts';
import type { Freshness } from './freshness.ts';
import type { Executed, Operator } from './operator.ts';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;
/** A heartbeat is worth more than the trouble of sending it: it is what the cluster waits for after an interruption. */
const MAX_BEAT_BACKOFF_MS = 5_000;
/** Attempts after the chain itself said no: state may still be on its way, but it will not say yes for ever. */
const MAX_REFUSALS = 4;
/** Attempts after anything else, while heartbeats come through: about an hour of them. */
const MAX_FAILURES = 128;
/** Statements that wait behind one of the same subject. */
const MAX_WAITING = 16;
/** Statements in one transaction: the largest is 1.2 KiB, sixteen names of nodes, and Sui takes 128 KiB. */
export const MAX_STATEMENTS = 32;
/** Transactions under way at once, the heartbeat apart: while these are, the next one gathers what is to be said. */
export const MAX_ATTEMPTS = 8;
/**
 * From the beginning of one transaction to that of the next, the heartbeat apart: what is said meanwhile goes together, and
 * each transaction costs the host at least 0.001 SUI.
 */
const GATHER_MS = 250;
/** How long one attempt may take before the next one is made. */
const ATTEMPT_MS = 30_000;
const CONFIRM_MS = 15_000;
const MAX_CONFIRM_MS = 3_600_000;

/** One thing that the operator has to tell the chain: a level, which is as true said twice or late. */
export interface Statement extends Item {
  /** What it is about, for the log. */
  readonly label: string;
  /** False when the chain already says so, or when it no longer matters. Asked before each attempt. */
  readonly needed: () => boolean;
  /** Adds its commands, which need what began the transaction. */
  readonly build: (tx: Transaction, act: Act) => void;
}

/** What a writer needs. */
export interface WriterOptions {
  readonly operator: Pick<Operator, 'execute'>;
  /** Begins a transaction of ours: in the term that we lead, and for as long as it may be held back. */
  readonly begin: (tx: Transaction) => Act;
  readonly freshness: Pick<Freshness, 'wait' | 'sent'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Called when an attempt failed, before the next one: the full node may be the reason. */
  readonly onFailure?: () => void;
  /** How long what was said may take to come back proven before it is said again, in ms. */
  readonly confirmMs?: number;
  /** How long after a transaction the next one is begun at the earliest, in ms. */
  readonly gatherMs?: number;
}

/** How often something may still fail, and how long to wait before the next attempt. */
class Patience {
  #refusals = MAX_REFUSALS;
  #failures = MAX_FAILURES;
  #pauseMs = MIN_BACKOFF_MS;
  readonly #longestMs: number;

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  /** @returns whether that was the last attempt */
  isOver(error: unknown): boolean {
    return (error instanceof ChainRefusal ? --this.#refusals : --this.#failures) <= 0;
  }

  /** Waits longer each time, or until `signal` fires. */
  async pause(signal: AbortSignal): Promise<void> {
    await sleep(this.#pauseMs, undefined, { signal }).catch(() => undefined);
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#longestMs);
  }
}

/** A statement that was not made yet. */
interface Waiting extends Item {
  readonly statement: Statement;
  readonly patience: Patience;
  /** How long it may take to come back proven. */
  readonly confirmMs: number;
  readonly done: () => void;
}

/**
 * The operator's word to the chain: each statement is repeated until it is on chain, no longer needed or hopeless. What
 * waits goes together, a bounded number in one transaction: of each subject in order, of each party in turn. What a
 * refused transaction held goes on without the statement that was refused. The heartbeat is a transaction of its own and
 * waits for none; while the chain's word is old nothing else is said.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #stopped = new AbortController();
  readonly #backlog = new Backlog<Waiting>(MAX_WAITING);
  /** Statements that were made and whose proof is waited for. */
  readonly #unconfirmed = new Set<Statement>();
  /** Transactions under way. */
  #attempts = 0;
  #isGathering = false;
  /** When the last transaction was begun, by a clock in ms that nobody sets. */
  #begunAt = Number.NEGATIVE_INFINITY;
  #beats: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Queues a statement; resolves when it was made, was not needed or was given up. */
  submit(statement: Statement): Promise<void> {
    return this.#submit(statement, this.#options.confirmMs ?? CONFIRM_MS);
  }

  /** Sends a heartbeat, whether or not anything else may be said; resolves when it was sent or given up. */
  beat(build: Statement['build']): Promise<void> {
    this.#beats = this.#beats.then(() => this.#beat(build));
    return this.#beats;
  }

  /** Makes no further attempt: what waits is given up. */
  stop(): void {
    this.#stopped.abort();
    void this.#gather();
  }

  #submit(statement: Statement, confirmMs: number): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const { subject, party } = statement;
    const patience = new Patience(MAX_BACKOFF_MS);
    const dropped = this.#backlog.add({ subject, party, statement, patience, confirmMs, done });
    if (dropped) {
      this.#options.log.warn(`chain: too much to say of ${subject}, not said: ${dropped.statement.label}`);
      dropped.done();
    }
    void this.#gather();
    return promise;
  }

  async #beat(build: Statement['build']): Promise<void> {
    const { freshness } = this.#options;
    const patience = new Patience(MAX_BEAT_BACKOFF_MS);
    while (!this.#stopped.signal.aborted) {
      try {
        const { digest } = await this.#attempt('heartbeat', [build], freshness.sent);
        return this.#options.log.info({ digest }, 'chain: heartbeat');
      } catch (error) {
        this.#noteFailure('heartbeat', error);
        if (patience.isOver(error)) return;
        await patience.pause(this.#stopped.signal);
      }
    }
  }

  /** Sends what waits, until nothing does or enough is under way; one run of this at a time. */
  async #gather(): Promise<void> {
    if (this.#isGathering) return;
    this.#isGathering = true;
    const { signal } = this.#stopped;
    try {
      await turn(); // what is said in the same breath goes together
      while (this.#attempts < MAX_ATTEMPTS && this.#backlog.ready > 0) {
        await this.#options.freshness.wait(signal);
        await this.#untilGathered(signal);
        const taken = this.#backlog.take(MAX_STATEMENTS);
        const batch = taken.filter((waiting) => !signal.aborted && this.#isNeeded(waiting));
        for (const waiting of taken) if (!batch.includes(waiting)) this.#end(waiting);
        if (batch.length === 0) continue;
        this.#begunAt = performance.now();
        void this.#send(batch);
      }
    } finally {
      this.#isGathering = false;
    }
  }

  /** Whoever speaks first in a while does not wait, nor does what fills a transaction. */
  async #untilGathered(signal: AbortSignal): Promise<void> {
    if (this.#backlog.ready >= MAX_STATEMENTS) return;
    const { gatherMs = GATHER_MS } = this.#options;
    const left = this.#begunAt + gatherMs - performance.now();
    if (left > 0) await sleep(left, undefined, { signal }).catch(() => undefined);
  }

  #isNeeded({ statement: { needed, label } }: Waiting): boolean {
    try {
      return needed();
    } catch (error) {
      this.#options.log.error({ error: reasonOf(error) }, `chain: given up: ${label}`);
      return false;
    }
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    this.#attempts += 1;
    await this.#say(batch);
    this.#attempts -= 1;
    void this.#gather();
  }

  /** Makes one transaction of statements, and more of them when that is refused; does not fail. */
  async #say(batch: readonly Waiting[]): Promise<void> {
    try {
      const label = batch.map(({ statement }) => statement.label).join(', ');
      const builds = batch.map(({ statement }) => statement.build);
      const { digest } = await this.#attempt(label, builds);
      for (const waiting of batch) this.#succeed(waiting, digest);
    } catch (error) {
      await this.#fail(batch, error);
    }
  }

  async #attempt(
    label: string,
    builds: readonly Statement['build'][],
    onSigned?: (digest: string) => void,
  ): Promise<Executed> {
    const { operator, begin, metrics } = this.#options;
    const build = (tx: Transaction) => {
      const act = begin(tx);
      for (const add of builds) add(tx, act);
    };
    const executed = await within(ATTEMPT_MS, operator.execute(build, onSigned), `Cannot ${label}: `);
    metrics.transactions.inc({ outcome: 'executed' });
    return executed;
  }

  #succeed(waiting: Waiting, digest: string): void {
    this.#options.log.info({ digest }, `chain: ${waiting.statement.label}`);
    void this.#confirm(waiting);
    this.#end(waiting);
  }

  /** What was refused together goes on apart: nobody's statement is spoilt by another's for more than a moment. */
  async #fail(batch: readonly Waiting[], error: unknown): Promise<void> {
    this.#noteFailure(batch.map(({ statement }) => statement.label).join(', '), error);
    const isOfSome = error instanceof ChainRefusal && error.command !== 0 && batch.length > 1;
    if (!isOfSome) {
      for (const waiting of batch) void this.#retry(waiting, error);
      return;
    }
    const middle = Math.ceil(batch.length / 2);
    await this.#say(batch.slice(0, middle));
    await this.#say(batch.slice(middle));
  }

  async #retry(waiting: Waiting, error: unknown): Promise<void> {
    const { patience, statement } = waiting;
    if (patience.isOver(error)) {
      this.#options.log.error({ error: reasonOf(error) }, `chain: given up: ${statement.label}`);
      return this.#end(waiting);
    }
    await patience.pause(this.#stopped.signal);
    this.#backlog.putBack(waiting);
    void this.#gather(); // gives it up when we are stopped
  }

  #end(waiting: Waiting): void {
    this.#backlog.end(waiting);
    waiting.done();
  }

  #noteFailure(label: string, error: unknown): void {
    const { metrics, log, onFailure } = this.#options;
    metrics.transactions.inc({ outcome: error instanceof ChainRefusal ? 'refused' : 'failed' });
    log.warn({ error: reasonOf(error) }, `chain: cannot ${label}`);
    onFailure?.();
  }

  /**
   * Says it again when it does not come back proven: a full node may have made up that it was done. Each time it waits
   * twice as long, since the chain may also have found nothing to do.
   */
  async #confirm({ statement, confirmMs }: Waiting): Promise<void> {
    const { signal } = this.#stopped;
    if (this.#unconfirmed.has(statement)) return; // somebody said it again meanwhile
    this.#unconfirmed.add(statement);
    try {
      await sleep(confirmMs, undefined, { signal, ref: false });
      this.#unconfirmed.delete(statement);
      if (statement.needed()) await this.#submit(statement, Math.min(confirmMs * 2, MAX_CONFIRM_MS));
    } catch (error) {
      if (signal.aborted) return;
      this.#options.log.error({ error: reasonOf(error) }, `chain: cannot confirm: ${statement.label}`);
    }
  }
}
