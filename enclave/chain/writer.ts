import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { within } from '../within.ts';
import { FairTurns } from './fair-turns.ts';
import type { Freshness } from './freshness.ts';
import { ChainRefusal, type Executed, type Operator } from './operator.ts';

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
/** Attempts under way at once, the heartbeat apart: half of what the host has coins for. */
const MAX_ATTEMPTS = 8;
/** How long one attempt may take before the next one is made. */
const ATTEMPT_MS = 30_000;
const CONFIRM_MS = 15_000;

/** One thing that the operator has to tell the chain. */
export interface Statement {
  /** Whom it is about, such as a request or a worker: what is said of one is said in order. */
  readonly subject: string;
  /** For whom it is said: nobody's statements wait for all of somebody else's. */
  readonly party: string;
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

/** A statement that waits for its turn in the lane of its subject. */
interface Waiting {
  readonly statement: Statement;
  readonly done: () => void;
}

/**
 * The operator's word to the chain: each statement is repeated until it is on chain, no longer needed or hopeless. What
 * is said of one subject is said in order; subjects do not wait for each other, and the heartbeat waits for none. A
 * repetition is harmless, because the contracts refuse a step that was already taken and fence the seat. While the
 * chain's word is old nothing is said but the heartbeat.
 *
 *     request 7   start → complete      one at a time each, MAX_ATTEMPTS of them at once
 *     worker w    active → offline
 *     heartbeat   beat → beat           apart
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #stopped = new AbortController();
  /** What waits behind the statement under way, by subject. */
  readonly #lanes = new Map<string, Waiting[]>();
  readonly #turns = new FairTurns(MAX_ATTEMPTS);
  #beats: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Queues a statement; resolves when it was made, was not needed or was given up. */
  submit(statement: Statement): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const lane = this.#lanes.get(statement.subject);
    if (lane === undefined) void this.#work(statement.subject, [{ statement, done }]);
    else this.#queue(lane, { statement, done });
    return promise;
  }

  /** Sends a heartbeat, whether or not anything else may be said; resolves when it was sent or given up. */
  beat(build: Statement['build']): Promise<void> {
    const statement = { subject: 'heartbeat', party: '', label: 'heartbeat', needed: () => true, build };
    this.#beats = this.#beats.then(async () => void (await this.#make(statement, true)));
    return this.#beats;
  }

  /** Makes no further attempt. */
  stop(): void {
    this.#stopped.abort();
  }

  /** The newest word counts: when a lane is full, the oldest that waits in it is given up. */
  #queue(lane: Waiting[], waiting: Waiting): void {
    lane.push(waiting);
    if (lane.length <= MAX_WAITING) return;
    const { statement, done } = lane.shift()!;
    this.#options.log.warn(`chain: too much to say of ${statement.subject}, not said: ${statement.label}`);
    done();
  }

  async #work(subject: string, lane: Waiting[]): Promise<void> {
    this.#lanes.set(subject, lane);
    for (let next = lane.shift(); next; next = lane.shift()) {
      const { statement, done } = next;
      try {
        if (await this.#make(statement, false)) void this.#confirm(statement);
      } catch (error) {
        this.#options.log.error({ error: reasonOf(error) }, `chain: given up: ${statement.label}`);
      }
      done();
    }
    this.#lanes.delete(subject);
  }

  /** @returns whether a full node says that it is on chain; never throws */
  async #make(statement: Statement, isBeat: boolean): Promise<boolean> {
    const { freshness, metrics, log } = this.#options;
    const { signal } = this.#stopped;
    const longest = isBeat ? MAX_BEAT_BACKOFF_MS : MAX_BACKOFF_MS;
    const left = { refusals: MAX_REFUSALS, failures: MAX_FAILURES };
    for (let pause = MIN_BACKOFF_MS; ; ) {
      if (!isBeat) await freshness.wait(signal);
      if (signal.aborted) return false;
      try {
        const executed = await (isBeat ? this.#attempt(statement, freshness.sent) : this.#inTurn(statement));
        if (!executed) return false;
        metrics.transactions.inc({ outcome: 'executed' });
        log.info({ digest: executed.digest }, `chain: ${statement.label}`);
        return true;
      } catch (error) {
        if (isShut(error)) continue;
        if (this.#isHopeless(statement, error, left)) return false;
        await sleep(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, longest);
      }
    }
  }

  /** Counts a failure against what is left of the attempts. */
  #isHopeless({ label }: Statement, error: unknown, left: { refusals: number; failures: number }): boolean {
    const { metrics, log, onFailure } = this.#options;
    const kind = error instanceof ChainRefusal ? 'refused' : 'failed';
    metrics.transactions.inc({ outcome: kind });
    log.warn({ error: reasonOf(error) }, `chain: cannot ${label}`);
    onFailure?.();
    if ((kind === 'refused' ? --left.refusals : --left.failures) > 0) return false;
    log.error({ error: reasonOf(error) }, `chain: given up: ${label}`);
    return true;
  }

  /** Makes an attempt when it has its turn, if it is needed then. */
  #inTurn(statement: Statement): Promise<Executed | undefined> {
    return this.#turns.take(statement.party, async () => {
      if (this.#stopped.signal.aborted || !statement.needed()) return undefined;
      this.#options.freshness.assert();
      return this.#attempt(statement);
    });
  }

  #attempt({ label, build }: Statement, onSigned?: (digest: string) => void): Promise<Executed> {
    return within(ATTEMPT_MS, this.#options.operator.execute(build, onSigned), `Cannot ${label}: `);
  }

  /** Says it again when it does not come back proven: a full node may have made up that it was done. */
  async #confirm(statement: Statement): Promise<void> {
    const { confirmMs = CONFIRM_MS, log } = this.#options;
    const { signal } = this.#stopped;
    try {
      await sleep(confirmMs, undefined, { signal, ref: false });
      if (statement.needed()) await this.submit(statement);
    } catch (error) {
      if (!signal.aborted) log.error({ error: reasonOf(error) }, `chain: cannot confirm: ${statement.label}`);
    }
  }
}

/** The chain's word became old, or Kubernetes failed, while the statement waited for its turn: it waits on. */
function isShut(error: unknown): boolean {
  return error instanceof EnclaveError && (error.code === 'stale' || error.code === 'k3s');
}
