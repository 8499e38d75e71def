import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { Report } from '../chain/report.ts';
import {
  CANCELLATION_OUTCOME,
  MAX_OBJECTS_PER_OWNER,
  REQUEST_STATUS,
  type Request,
} from '../chain/requests.ts';
import { ADMIN } from '../chain/roles.ts';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Kubernetes, type ObjectRef, reasonOf } from './kubernetes.ts';
import { isFinished, outcomeOf } from './outcome.ts';
import { type Plan, planRequest, REQUEST_ANNOTATION } from './plan.ts';
import { toReason } from './reason.ts';
import { isDoubtful, NotYet, type RetryLimits, retry } from './retry.ts';
import type { Tenants } from './tenants.ts';
import type { Tracker } from './tracker.ts';
import type { Turns } from './turns.ts';

/** How long a deletion waits for the first attempt of what it deletes. */
const PATIENCE_MS = 5_000;
const { nothing, removed, stays } = CANCELLATION_OUTCOME;

/** What carrying out an order needs. */
export interface OrderOptions {
  readonly kubernetes: Pick<Kubernetes, 'apply' | 'read' | 'delete' | 'isReady'>;
  readonly tenants: Pick<Tenants, 'ensure'>;
  readonly tracker: Pick<Tracker, 'outcome' | 'replaced' | 'forget'>;
  readonly state: ClusterState;
  readonly report: Report;
  /** Resolves when the chain's word is fresh enough to act upon. */
  readonly whenFresh: () => Promise<void>;
  /** One write after the other per object. */
  readonly turns: Turns;
  readonly limits: RetryLimits;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * One request, from when it was asked for until the chain knows its end. It ends whatever happens: completed, failed
 * with a reason, or cancelled, which is possible at every moment until the chain knows its end.
 */
export class Order {
  readonly request: Request;
  readonly #options: OrderOptions;
  readonly #plan: Plan | undefined;
  readonly #refusal: unknown;
  readonly #seenAt = performance.now();
  readonly #stop = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  readonly #wrote = Promise.withResolvers<void>();
  readonly #written: Promise<void>;
  /** The one before it for the same object, while that may still write. */
  #earlier: Order | undefined;
  #isCancelled = false;
  /** Whether its object was there before its first write. */
  #existed: boolean | undefined;
  #complaint = '';
  /** How far its write has come; `doubtful` when it was sent and no clear answer came. */
  #write: 'unsent' | 'doubtful' | 'done' = 'unsent';

  /** @param lastOf the order before it for an object, if there is one */
  constructor(request: Request, options: OrderOptions, lastOf: (object: string) => Order | undefined) {
    this.request = request;
    this.#options = options;
    try {
      this.#plan = planRequest(request);
      this.#earlier = lastOf(this.#plan.id);
    } catch (error) {
      this.#refusal = error;
    }
    this.#written = this.#untilWritten();
  }

  /** What it is about; undefined for a request that must fail. */
  get object(): string | undefined {
    return this.#plan?.id;
  }

  get isDeletion(): boolean {
    return this.#plan?.verb === 'delete';
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
      await turn;
      await this.#options.whenFresh();
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
    this.#stop.abort();
    this.#release();
    const { tracker, whenFresh } = this.#options;
    if (this.#plan) tracker.forget(this.#plan.id, this.#id);
    await whenFresh();
    await this.#settle(this.#plan ? await this.#takeBack(this.#plan) : nothing);
  }

  get #id(): string {
    return `${this.request.requestId}`;
  }

  #release(): void {
    this.#tried.resolve();
    this.#wrote.resolve();
  }

  async #untilWritten(): Promise<void> {
    await Promise.all([this.#wrote.promise, this.#earlier?.written]);
    this.#earlier = undefined;
  }

  /** An order waits for the one before it, as long as that takes; a deletion makes an end of it. */
  async #follow(earlier: Order): Promise<void> {
    this.#tried.resolve();
    if (this.isDeletion) {
      await Promise.race([earlier.tried, sleep(PATIENCE_MS, undefined, { ref: false })]);
      earlier.#makeWay(this.#id);
    }
    await earlier.written;
  }

  /** Writes no more: what it asks for would be deleted at once. */
  #makeWay(by: string): void {
    if (!this.isDeletion) {
      this.#stop.abort(new EnclaveError('request', `Cannot carry out request: request ${by} deletes it`));
      this.#release();
    }
    if (this.#earlier) this.#earlier.#makeWay(by);
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
    try {
      if (!this.#plan) throw this.#refusal;
      const applied = await this.#insist(this.#plan);
      metrics.applied.observe((performance.now() - this.#seenAt) / 1_000);
      if (!this.#isCancelled) await this.#untilReady(this.#plan, applied);
    } catch (error) {
      if (!this.#isCancelled) await this.#fail(reasonOf(error), await this.#wasWritten());
    }
  }

  /** What the chain knows the end of, in a cluster that is rebuilt. */
  async #restore(): Promise<void> {
    try {
      if (this.#plan) await this.#insist(this.#plan);
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
    const plan = this.#plan;
    if (!plan || !this.request.wasStarted) return this.#settle(nothing);
    try {
      const isThere = plan.verb === 'delete' || (await this.#patiently(() => this.#read(plan))) !== undefined;
      if (isThere) await this.#insist(plan);
      await this.#settle(isThere ? stays : removed);
    } catch (error) {
      this.#options.log.warn({ requestId: this.#id, error: reasonOf(error) }, 'order: cannot apply anew');
      await this.#settle(removed);
    }
  }

  /** A later request for the same object was carried out, and the chain has not heard of this one's end. */
  #resumeSuperseded(): Promise<void> {
    if (this.#plan && this.request.wasStarted) return this.#complete(this.#plan);
    return this.#fail('Cannot carry out request: a later one took its place', false);
  }

  /** Writes it, again and again while Kubernetes itself is what fails. */
  async #insist(plan: Plan): Promise<KubernetesObject | undefined> {
    try {
      return await this.#patiently(() => (plan.verb === 'apply' ? this.#apply(plan) : this.#delete(plan)));
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
        return turns.take(this.#plan?.id ?? '', work).finally(() => this.#tried.resolve());
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

  async #apply(plan: Plan): Promise<KubernetesObject> {
    const { kubernetes, tenants, state } = this.#options;
    const { owner, requester, role: roleThen } = this.request;
    if (!state.requests.hasRoom(owner, plan.id))
      throw new EnclaveError(
        'request',
        `Cannot carry out request: its owner has ${MAX_OBJECTS_PER_OWNER} objects; delete some first`,
      );
    // Room as when it was asked for, rights as of now: a stake that was withdrawn since gives none.
    const role = state.roles.roleOf(owner);
    await tenants.ensure(owner, role, plan.namespace, role || (owner === requester ? roleThen : ADMIN));
    const before = await this.#read(plan);
    if (before) await this.#outlast(plan, before);
    this.#existed ??= before !== undefined;
    this.#options.log.info('🎯 Executing kubectl command: kubectl apply -f -');
    const applied = await this.#send(() => kubernetes.apply(plan.object));
    this.#record(plan, 'applied');
    return applied;
  }

  /** What is about to go, or has done its work for an earlier request, is not what this one asks for. */
  async #outlast(plan: Plan, before: KubernetesObject): Promise<void> {
    const what = `the former ${plan.kind} ${plan.name}`;
    if (before.metadata?.deletionTimestamp !== undefined)
      throw new NotYet(`Cannot carry out request: ${what} has not gone yet`);
    if (!isFinished(before) || isOf(before, this.#id)) return;
    await this.#options.kubernetes.delete(refOf(plan), before.metadata?.uid);
    throw new NotYet(`Cannot carry out request: ${what} has ended, and has not gone yet`);
  }

  async #delete(plan: Plan): Promise<undefined> {
    const { kubernetes, tracker, log } = this.#options;
    log.info(`🎯 Executing kubectl command: kubectl delete ${plan.resource}/${plan.name}`);
    tracker.replaced(plan.id, this.#id);
    await this.#send(() => kubernetes.delete(refOf(plan)));
    this.#record(plan, 'deleted');
  }

  /** Notes what is certain about a write. */
  async #send<T>(write: () => Promise<T>): Promise<T> {
    try {
      const answer = await write();
      this.#write = 'done';
      return answer;
    } catch (error) {
      if (isDoubtful(error)) this.#write = 'doubtful';
      throw error;
    }
  }

  #record({ verb, namespace, resource, name }: Plan, result: string): void {
    const subject = `${resource}/${name}`;
    this.#options.log.info(`📤 kubectl output: ${subject} ${result}`);
    this.#options.audit.append({
      action: verb,
      subject: `${namespace}/${subject}`,
      requestId: this.#id,
      result,
    });
  }

  async #untilReady(plan: Plan, applied: KubernetesObject | undefined): Promise<void> {
    if (!applied || outcomeOf(applied).state === 'ready') return this.#complete(plan);
    const { report, tracker } = this.#options;
    const conclude = async () => {
      const { state, reason } = await tracker.outcome(applied, this.#id);
      if (this.#isCancelled) return;
      await (state === 'failed' ? this.#fail(reason, true) : this.#complete(plan));
    };
    await Promise.all([report.started(this.request.requestId), conclude()]);
  }

  async #complete(plan: Plan): Promise<void> {
    const { report, log, metrics } = this.#options;
    metrics.requests.inc({ outcome: 'completed' });
    log.info(`✅ ${this.request.method} request for ${plan.resource}/${plan.name} completed successfully`);
    await report.completed(this.request.requestId, resultDigest(this.request, plan));
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
    const result = Object.entries(CANCELLATION_OUTCOME).find(([, value]) => value === outcome)?.[0] ?? '';
    metrics.requests.inc({ outcome: 'cancelled' });
    log.info({ requestId: this.#id, result }, 'request cancelled');
    audit.append({ action: 'cancel', subject: this.request.path, requestId: this.#id, result });
    await report.settled(this.request.requestId, outcome);
  }

  /** Whether its write took effect although the last answer was an error. Without any answer it counts as written. */
  async #wasWritten(): Promise<boolean> {
    const plan = this.#plan;
    if (!plan || this.#write !== 'doubtful') return this.#write === 'done';
    try {
      return this.#isEffect(await this.#read(plan));
    } catch {
      return true; // Kubernetes is away: what may be there is told to be there, so that it is put there again
    }
  }

  #isEffect(found: KubernetesObject | undefined): boolean {
    if (!this.isDeletion) return found !== undefined && isOf(found, this.#id);
    return found === undefined || found.metadata?.deletionTimestamp !== undefined;
  }

  /** @returns what became of it; what cannot be taken back stays */
  async #takeBack(plan: Plan): Promise<number> {
    try {
      return await this.#patiently(() => this.#undo(plan), new AbortController().signal);
    } catch (error) {
      this.#options.log.warn({ requestId: this.#id, error: reasonOf(error) }, 'order: cannot take back');
      return stays;
    }
  }

  /** In its turn, so that no other write to the object comes in between. */
  async #undo(plan: Plan): Promise<number> {
    if (this.#write === 'unsent') return nothing;
    const found = await this.#read(plan);
    if (this.#write === 'doubtful' && !this.#isEffect(found)) return nothing;
    if (this.isDeletion || this.#existed) return stays;
    if (found === undefined) return removed;
    if (!isOf(found, this.#id)) return stays; // a later request has made it its own
    await this.#options.kubernetes.delete(refOf(plan), found.metadata?.uid);
    return removed;
  }

  #read(plan: Plan): Promise<KubernetesObject | undefined> {
    return this.#options.kubernetes.read(refOf(plan));
  }
}

/** What was done, in 32 bytes: SHA-256 of the JSON of the request's number and the object that was asked for. */
export function resultDigest(request: Request, plan: Plan): Uint8Array {
  const record = { requestId: `${request.requestId}`, verb: plan.verb, object: plan.object };
  return createHash('sha256').update(JSON.stringify(record)).digest();
}

function refOf({ apiVersion, kind, name, namespace }: Plan): ObjectRef {
  return { apiVersion, kind, metadata: { name, namespace } };
}

/** Whether the object is as this request made it. */
function isOf({ metadata }: KubernetesObject, requestId: string): boolean {
  return metadata?.annotations?.[REQUEST_ANNOTATION] === requestId;
}
