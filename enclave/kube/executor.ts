import { createHash } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import { completeRequest, failRequest, type Seat, startRequest } from '../chain/calls.ts';
import { type ClusterState, REQUEST_STATUS, type Request } from '../chain/cluster-state.ts';
import { ADMIN } from '../chain/roles.ts';
import type { Writer } from '../chain/writer.ts';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Kubernetes, reasonOf, statusOf } from './kubernetes.ts';
import { type Plan, planRequest } from './plan.ts';
import type { Tenants } from './tenants.ts';
import type { Tracker } from './tracker.ts';

/** The contract keeps a reason of at most this many bytes. */
const MAX_REASON_BYTES = 256;
const RETRY_MS = 1_000;

/** What carrying out requests needs. */
export interface ExecutorOptions {
  readonly kubernetes: Kubernetes;
  readonly tenants: Tenants;
  readonly tracker: Tracker;
  readonly state: ClusterState;
  readonly writer: Writer;
  readonly seat: Seat;
  /** Resolves when the chain's word is fresh enough to act upon. */
  readonly whenFresh: () => Promise<void>;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Carries out requests, one after the other per owner of namespaces, and tells the chain what became of them. The same
 * request may come any number of times: applying it again changes nothing, and the chain is told only what it does not
 * say. While the chain's word is old, requests wait.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #queues = new Map<string, Promise<void>>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Queues a request; resolves when it was applied or refused, which is before its workload is ready. */
  submit(request: Request): Promise<void> {
    const seenAt = performance.now();
    const previous = this.#queues.get(request.owner) ?? Promise.resolve();
    const next = previous.then(() => this.#carryOut(request, seenAt));
    this.#queues.set(request.owner, next);
    return next;
  }

  async #carryOut(request: Request, seenAt: number): Promise<void> {
    const { log, metrics, state, whenFresh } = this.#options;
    const requestId = request.requestId.toString();
    await whenFresh();
    const status = state.request(request.requestId)?.status ?? REQUEST_STATUS.cancelled;
    if (status > REQUEST_STATUS.completed) return; // called off while it waited for its turn
    log.info({ requestId }, '🚀 NEW K8S API REQUEST RECEIVED FROM CONTRACT!');
    this.#options.audit.append({ action: 'request', subject: request.path, requestId, result: 'seen' });
    try {
      const plan = planRequest(request);
      const applied = await this.#put(plan, request);
      metrics.applied.observe((performance.now() - seenAt) / 1_000);
      void this.#finish(request, plan, applied);
    } catch (error) {
      await this.#refuse(request, error, false);
    }
  }

  /** Asks Kubernetes, again and again while Kubernetes itself is what fails. */
  async #put(plan: Plan, request: Request): Promise<Plan['object'] | undefined> {
    const { kubernetes, tenants, state, log, audit, whenFresh } = this.#options;
    const command = plan.verb === 'apply' ? 'apply -f -' : `delete ${plan.resource}/${plan.name}`;
    const subject = `${plan.resource}/${plan.name}`;
    for (;;) {
      await whenFresh();
      try {
        // Room as when it was asked for, rights as of now: a stake that was withdrawn since gives none.
        const role = state.roles.roleOf(request.owner);
        const room = role || (request.owner === request.requester ? request.role : ADMIN);
        await tenants.ensure(request.owner, role, plan.namespace, room);
        log.info(`🎯 Executing kubectl command: kubectl ${command}`);
        const applied =
          plan.verb === 'apply' ? await kubernetes.apply(plan.object) : await this.#remove(plan);
        const result = plan.verb === 'apply' ? 'applied' : 'deleted';
        log.info(`📤 kubectl output: ${subject} ${result}`);
        audit.append({
          action: plan.verb,
          subject: `${plan.namespace}/${subject}`,
          requestId: `${request.requestId}`,
          result,
        });
        return applied;
      } catch (error) {
        if (isFinal(error)) throw error;
        log.warn({ error: reasonOf(error) }, 'executor: Kubernetes does not answer, trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #remove({ apiVersion, kind, name, namespace }: Plan): Promise<undefined> {
    await this.#options.kubernetes.delete({ apiVersion, kind, metadata: { name, namespace } });
  }

  async #finish(request: Request, plan: Plan, applied: Plan['object'] | undefined): Promise<void> {
    const { tracker, writer, seat, state, log, metrics } = this.#options;
    const { requestId } = request;
    const status = () => state.request(requestId)?.status ?? REQUEST_STATUS.failed;
    if (status() > REQUEST_STATUS.running) return; // rebuilt: the chain has its result already
    void writer.submit({
      subject: `request ${requestId}`,
      label: `start request ${requestId}`,
      needed: () => status() === REQUEST_STATUS.scheduled,
      build: (tx) => startRequest(tx, seat, requestId),
    });
    const outcome = applied ? await tracker.outcome(applied, `${requestId}`) : undefined;
    if (outcome?.state === 'failed')
      return this.#refuse(request, new EnclaveError('request', outcome.reason), true);
    const digest = resultDigest(request, plan);
    metrics.requests.inc({ outcome: 'completed' });
    log.info(`✅ ${request.method} request for ${plan.resource}/${plan.name} completed successfully`);
    await writer.submit({
      subject: `request ${requestId}`,
      label: `complete request ${requestId}`,
      needed: () => status() <= REQUEST_STATUS.running,
      build: (tx) => completeRequest(tx, seat, requestId, digest),
    });
  }

  async #refuse(request: Request, error: unknown, applied: boolean): Promise<void> {
    const { writer, seat, state, log, metrics, audit } = this.#options;
    const { requestId } = request;
    const reason = truncate(reasonOf(error));
    metrics.requests.inc({ outcome: 'failed' });
    log.warn({ requestId: `${requestId}`, reason }, 'request failed');
    audit.append({ action: 'fail', subject: request.path, requestId: `${requestId}`, result: reason });
    await writer.submit({
      subject: `request ${requestId}`,
      label: `fail request ${requestId}`,
      needed: () => (state.request(requestId)?.status ?? REQUEST_STATUS.failed) <= REQUEST_STATUS.running,
      build: (tx) => failRequest(tx, seat, requestId, { reason, applied }),
    });
  }
}

/** What was done, in 32 bytes: SHA-256 of the JSON of the request's number and the object that was asked for. */
export function resultDigest(request: Request, plan: Plan): Uint8Array {
  const record = { requestId: `${request.requestId}`, verb: plan.verb, object: plan.object };
  return createHash('sha256').update(JSON.stringify(record)).digest();
}

/** Whether trying again cannot help: the request is bad, or Kubernetes understood and refused it. */
function isFinal(error: unknown): boolean {
  if (error instanceof EnclaveError) return true;
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500 && status !== 409 && status !== 429;
}

function truncate(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= MAX_REASON_BYTES
    ? reason
    : bytes
        .subarray(0, MAX_REASON_BYTES - 8)
        .toString()
        .replaceAll('\ufffd', '');
}
