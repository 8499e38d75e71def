import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CANCELLATION_OUTCOME, codeName, REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Report } from '../chain/report.ts';
import type { Request } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import type { Metrics } from '../metrics.ts';
import { type Answer, type Answers, statusAnswer } from './answers.ts';
import { Refusal, type Reply } from './api-server.ts';
import { Debounced } from './debounced.ts';
import { reasonOf } from './kubernetes.ts';
import { outcomeOf } from './outcome.ts';
import { toReason } from './reason.ts';
import { type Replay, replayOf } from './replay.ts';
import { type RetryLimits, retry } from './retry.ts';
import { assertKept, assertMay, isKept } from './rights.ts';
import type { Turns } from './turns.ts';
import { Write, type WriteOptions } from './write.ts';

/** How long a deletion waits for the first attempt of what it deletes. */
const PATIENCE_MS = 5_000;
/** How long the nodes of an order must stay the same before the chain is told of them, while it has not ended. */
const ASSIGN_MS = 5_000;
/** How many workers the contract takes for one request. */
const MAX_WORKERS = 16;
const { nothing, removed, stays } = CANCELLATION_OUTCOME;
const CALLED_OFF = statusAnswer(409, 'Conflict', 'The order was cancelled');

/** What carrying out an order needs. */
export interface OrderOptions extends WriteOptions {
  readonly report: Report;
  readonly answers: Pick<Answers, 'record'>;
  /** Resolves when the chain's word is fresh enough to act upon. */
  readonly whenFresh: () => Promise<void>;
  /** One write after the other per object. */
  readonly turns: Turns;
  readonly limits: RetryLimits;
  readonly metrics: Metrics;
}

/**
 * One request, from when it was asked for until the chain knows its end. It ends whatever happens: completed, failed
 * with a reason, or cancelled, which is possible at every moment until the chain knows its end.
 */
export class Order {
  /** What was asked for; without its body when it is cancelled. */
  request: Request;
  /** What it is about; undefined for a request that must fail. */
  readonly object: string | undefined;
  readonly isDeletion: boolean;
  readonly #options: OrderOptions;
  /** Undefined for a request that must fail, and for one that is cancelled and of which nothing is left to take back. */
  #write: Write | undefined;
  #refusal: unknown;
  readonly #seenAt = performance.now();
  readonly #stop = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  readonly #wrote = Promise.withResolvers<void>();
  readonly #written: Promise<void>;
  /** The one before it for the same object, while that may still write. */
  #earlier: Order | undefined;
  #isCancelled = false;
  #isAnswered = false;
  /** Whether a deletion has made an end of it and of what was before it. */
  #isOver = false;
  #complaint = '';

  /** @param lastOf the order before it for an object, if there is one */
  constructor(request: Request, options: OrderOptions, lastOf: (object: string) => Order | undefined) {
    this.request = request;
    this.#options = options;
    try {
      this.#write = new Write(request, replayOf(request), options);
      this.#earlier = lastOf(this.#write.replay.write.key);
    } catch (error) {
      this.#refusal = error;
    }
    this.object = this.#write?.replay.write.key;
    this.isDeletion = this.#write?.replay.method === 'DELETE';
    this.#written = this.#untilWritten();
  }

  /** Resolves when others need no longer wait for it: its first attempt was made, or it waits itself. */
  get tried(): Promise<void> {
    return this.#tried.promise;
  }

  /** Resolves when neither it nor any order before it will write to its object. */
  get written(): Promise<void> {
    return this.#written;
  }

  /**
   * Carries it out and tells the chain; resolves when the chain was told.
   *
   * @param turn when it may begin
   */
  async run(turn: Promise<unknown>): Promise<void> {
    try {
      if (this.request.blob) this.#tried.resolve(); // its body may be long in coming
      await turn;
      await this.#options.whenFresh();
      this.#judge();
      if (this.#earlier) await this.#follow(this.#earlier);
      if (!this.#isCancelled) await this.#proceed();
    } finally {
      this.#release();
    }
  }

  /** Calls it off: takes back what it created, leaves what it changed, and tells the chain which; resolves when it was told. */
  async cancel(): Promise<void> {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#answer(CALLED_OFF);
    this.#stop.abort();
    this.#release();
    const { tracker, whenFresh } = this.#options;
    if (this.object !== undefined) tracker.forget(this.object, this.#id);
    await whenFresh();
    const outcome = this.#write ? await this.#takeBack(this.#write) : nothing;
    this.#forget();
    await this.#settle(outcome);
  }

  get #id(): string {
    return `${this.request.requestId}`;
  }

  /** Many can be cancelled in one transaction, and the chain is told of one after the other: nothing big is kept for that long. */
  #forget(): void {
    this.#write = undefined;
    this.request = { ...this.request, body: new Uint8Array() };
  }

  /** Whoever may not do it makes an end of nothing that others asked for. */
  #judge(): void {
    const isOpen = this.#options.state.requests.get(this.request.requestId) !== undefined;
    if (this.#write === undefined || !isOpen || this.request.status > REQUEST_STATUS.running) return;
    try {
      assertMay(this.request, this.#write.replay.target.namespace, this.#options.state.roles);
    } catch (error) {
      this.#refusal = error;
    }
  }

  #release(): void {
    this.#tried.resolve();
    this.#wrote.resolve();
  }

  async #untilWritten(): Promise<void> {
    await this.#earlier?.written;
    this.#earlier = undefined;
    await this.#wrote.promise;
  }

  /** An order waits for the one before it, as long as that takes; a deletion makes an end of it. */
  async #follow(earlier: Order): Promise<void> {
    this.#tried.resolve();
    if (this.isDeletion && this.#refusal === undefined) {
      await Promise.race([earlier.tried, sleep(PATIENCE_MS, undefined, { ref: false })]);
      if (!this.#isCancelled) earlier.#makeWay(this.#id);
    }
    await earlier.written;
  }

  /** It and those before it write no more: what they ask for would be deleted at once. */
  #makeWay(by: string): void {
    for (let order: Order | undefined = this; order && !order.#isOver; order = order.#earlier) order.#end(by);
  }

  #end(by: string): void {
    this.#isOver = true;
    if (this.isDeletion) return;
    this.#stop.abort(new EnclaveError('request', `Cannot carry out request: request ${by} deletes it`));
    this.#release();
  }

  #proceed(): Promise<void> {
    const { requests } = this.#options.state;
    if (requests.get(this.request.requestId) === undefined) return this.#restore();
    if (this.request.status === REQUEST_STATUS.cancelled) return this.#resumeCancelled();
    if (this.request.isSuperseded) return this.#resumeSuperseded();
    return this.#carryOut();
  }

  async #carryOut(): Promise<void> {
    const { log, audit, metrics } = this.#options;
    log.info({ requestId: this.#id }, '🚀 NEW K8S API REQUEST RECEIVED FROM CONTRACT!');
    audit.append({ action: 'request', subject: this.request.path, requestId: this.#id, result: 'seen' });
    const write = this.#write;
    try {
      const applied = await this.#accept(write);
      metrics.applied.observe((performance.now() - this.#seenAt) / 1_000);
      if (write && !this.#isCancelled) await this.#untilReady(write.replay, applied);
    } catch (error) {
      if (!this.#isCancelled) await this.#fail(reasonOf(error), await this.#isApplied());
    }
  }

  /** Replays it, and keeps the answer for who asked for it. @returns the object as it is then, undefined when it was deleted */
  async #accept(write: Write | undefined): Promise<KubernetesObject | undefined> {
    try {
      if (write === undefined || this.#refusal !== undefined) throw this.#refusal;
      const { roles } = this.#options.state;
      const applied = await this.#insist(write, () =>
        assertMay(this.request, write.replay.target.namespace, roles),
      );
      if (write.reply) this.#answer(write.reply);
      return applied;
    } catch (error) {
      this.#answer(answerOf(error, write?.reply));
      throw error;
    }
  }

  /** Tells who asked for it, once. */
  #answer(answer: Answer): void {
    if (!this.#isAnswered) this.#options.answers.record(this.request, answer);
    this.#isAnswered = true;
  }

  /** Whether what it asked for is in the cluster, or comes back with its namespace. */
  async #isApplied(): Promise<boolean> {
    const wasThere = this.request.wasStarted && isKept(this.request, this.#options.state.roles);
    return wasThere || ((await this.#write?.hasEffect()) ?? false);
  }

  /** What the chain knows the end of, in a cluster that is rebuilt. */
  async #restore(): Promise<void> {
    try {
      if (this.#write)
        await this.#insist(this.#write, () => assertKept(this.request, this.#options.state.roles));
    } catch (error) {
      const reason = toReason(reasonOf(error));
      this.#options.log.error({ requestId: this.#id, reason }, 'order: cannot restore');
      this.#options.audit.append({
        action: 'restore',
        subject: this.request.path,
        requestId: this.#id,
        result: reason,
      });
    }
  }

  /** It was cancelled, and the enclave before this one did not say what became of it: what it had created is gone. */
  async #resumeCancelled(): Promise<void> {
    const write = this.#write;
    if (!write || !this.request.wasStarted) return this.#settle(nothing);
    try {
      const isThere = this.isDeletion || (await this.#patiently(() => write.read())) !== undefined;
      if (isThere) await this.#insist(write);
      await this.#settle(isThere ? stays : removed);
    } catch (error) {
      this.#options.log.warn({ requestId: this.#id, error: reasonOf(error) }, 'order: cannot apply anew');
      await this.#settle(removed);
    }
  }

  /** A later request for the same object was carried out, and the chain has not heard of this one's end. */
  #resumeSuperseded(): Promise<void> {
    if (this.#write && this.request.wasStarted) return this.#complete(this.#write.replay);
    return this.#fail('Cannot carry out request: a later one took its place', false);
  }

  /** Writes it, again and again while Kubernetes itself is what fails. */
  async #insist(write: Write, check?: () => void): Promise<KubernetesObject | undefined> {
    try {
      const late = AbortSignal.timeout(this.#options.limits.deadlineMs);
      return await this.#patiently(() => {
        check?.();
        return write.attempt(AbortSignal.any([this.#stop.signal, late]));
      });
    } finally {
      this.#release();
    }
  }

  #patiently<T>(attempt: () => Promise<T>, signal = this.#stop.signal): Promise<T> {
    const { kubernetes, limits, turns, whenFresh } = this.#options;
    return retry(
      async () => {
        await whenFresh();
        const work = () => {
          signal.throwIfAborted();
          return attempt();
        };
        return turns.take(this.object ?? '', work).finally(() => this.#tried.resolve());
      },
      {
        isReady: () => kubernetes.isReady(),
        signal,
        limits,
        onFailure: (error) => this.#complain(reasonOf(error)),
      },
    );
  }

  /** Once for what is said again and again. */
  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    this.#options.log.warn({ requestId: this.#id, reason }, 'order: trying again');
  }

  async #untilReady(replay: Replay, applied: KubernetesObject | undefined): Promise<void> {
    if (!applied || outcomeOf(applied).state === 'ready') return this.#complete(replay);
    const { report, tracker } = this.#options;
    const { requestId } = this.request;
    const assignment = new Debounced((nodes: readonly string[]) => this.#assign(nodes), ASSIGN_MS);
    const conclude = async () => {
      const { state, reason } = await tracker.outcome(applied, this.#id, assignment.set);
      assignment.flush(); // what is said of one request is said in order: before its end
      if (this.#isCancelled) return;
      await (state === 'failed' ? this.#fail(reason, true) : this.#complete(replay));
    };
    await Promise.all([report.started(requestId), conclude()]);
  }

  #assign(nodes: readonly string[]): void {
    if (nodes.length === 0) return;
    const told = this.#options.report.assigned(this.request.requestId, nodes.slice(0, MAX_WORKERS));
    told.catch((error: unknown) => this.#complain(reasonOf(error)));
  }

  async #complete(replay: Replay): Promise<void> {
    const { report, log, metrics } = this.#options;
    const { target, name = '' } = replay;
    metrics.requests.inc({ outcome: 'completed' });
    log.info(`✅ ${this.request.method} request for ${target.resource}/${name} completed successfully`);
    await report.completed(this.request.requestId, resultDigest(this.request, replay));
  }

  async #fail(text: string, applied: boolean): Promise<void> {
    const { report, log, metrics, audit } = this.#options;
    const reason = toReason(text);
    metrics.requests.inc({ outcome: 'failed' });
    log.warn({ requestId: this.#id, reason, applied }, 'request failed');
    audit.append({ action: 'fail', subject: this.request.path, requestId: this.#id, result: reason });
    await report.failed(this.request.requestId, reason, applied);
  }

  async #settle(outcome: number): Promise<void> {
    const { report, log, metrics, audit } = this.#options;
    const result = codeName(CANCELLATION_OUTCOME, outcome) ?? '';
    metrics.requests.inc({ outcome: 'cancelled' });
    log.info({ requestId: this.#id, result }, 'request cancelled');
    audit.append({ action: 'cancel', subject: this.request.path, requestId: this.#id, result });
    await report.settled(this.request.requestId, outcome);
  }

  /** @returns what became of it; what cannot be taken back stays */
  async #takeBack(write: Write): Promise<number> {
    try {
      return await this.#patiently(() => write.undo(), new AbortController().signal);
    } catch (error) {
      this.#options.log.warn({ requestId: this.#id, error: reasonOf(error) }, 'order: cannot take back');
      return stays;
    }
  }
}

/** What is told of an order that failed: Kubernetes's own words where it gave some. */
function answerOf(error: unknown, reply: Reply | undefined): Answer {
  if (error instanceof Refusal && reply) return reply;
  if (error instanceof EnclaveError) return statusAnswer(403, 'Forbidden', error.message);
  return statusAnswer(504, 'Timeout', reasonOf(error));
}

/** What was done, in 32 bytes: SHA-256 of the JSON of the request's number and of what Kubernetes was asked for. */
export function resultDigest(
  { requestId, blob }: Request,
  { method, path, query, body }: Replay,
): Uint8Array {
  const digest = blob?.digest ?? sha256(body ?? new Uint8Array());
  const record = {
    ...{ requestId: `${requestId}`, method, path, query },
    body: Buffer.from(digest).toString('hex'),
  };
  return sha256(JSON.stringify(record));
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
