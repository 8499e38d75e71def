import { CANCELLATION_OUTCOME } from '@daasvader/chain/codes.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import { MAX_BYTES_PER_OWNER, MAX_REQUESTS_PER_OWNER, type Request } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Kubernetes, ObjectRef } from './kubernetes.ts';
import { REQUEST_ANNOTATION } from './names.ts';
import { isFinished } from './outcome.ts';
import type { Plan } from './plan.ts';
import { isDoubtful, NotYet } from './retry.ts';
import type { Tenants } from './tenants.ts';
import type { Tracker } from './tracker.ts';

const { nothing, removed, stays } = CANCELLATION_OUTCOME;

/** What writing needs. */
export interface WriteOptions {
  readonly kubernetes: Pick<Kubernetes, 'apply' | 'read' | 'delete' | 'isReady'>;
  readonly tenants: Pick<Tenants, 'ensure'>;
  readonly tracker: Pick<Tracker, 'outcome' | 'replaced' | 'forget'>;
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly log: Logger;
}

/** What one request does to its object, and what is known of that: enough to take back what it created and nothing else. */
export class Write {
  readonly plan: Plan;
  readonly #request: Request;
  readonly #options: WriteOptions;
  /** Whether the object was there before the first attempt. */
  #existed: boolean | undefined;
  /** How far it has come; `doubtful` when it was sent and no clear answer came. */
  #state: 'unsent' | 'doubtful' | 'done' = 'unsent';

  constructor(request: Request, plan: Plan, options: WriteOptions) {
    this.plan = plan;
    this.#request = request;
    this.#options = options;
  }

  /** Makes one attempt. @returns the object as it was applied, undefined when it was deleted */
  attempt(): Promise<KubernetesObject | undefined> {
    return this.plan.verb === 'apply' ? this.#apply() : this.#delete();
  }

  /** The object as it is now. */
  read(): Promise<KubernetesObject | undefined> {
    return this.#options.kubernetes.read(this.#ref);
  }

  /** Whether it took effect, also when the last answer was an error. Without any answer it counts as having done so. */
  async hasEffect(): Promise<boolean> {
    if (this.#state !== 'doubtful') return this.#state === 'done';
    try {
      return this.#isEffect(await this.read());
    } catch {
      return true; // Kubernetes is away: what may be there is told to be there, so that it is put there again
    }
  }

  /** Takes back what it created, and leaves what it changed. @returns which, one of `CANCELLATION_OUTCOME` */
  async undo(): Promise<number> {
    if (this.#state === 'unsent') return nothing;
    const found = await this.read();
    if (this.#state === 'doubtful' && !this.#isEffect(found)) return nothing;
    if (this.plan.verb === 'delete' || this.#existed) return stays;
    if (found === undefined) return removed;
    if (!this.#isOurs(found)) return stays; // a later request has made it its own
    await this.#options.kubernetes.delete(this.#ref, found.metadata?.uid);
    return removed;
  }

  get #id(): string {
    return `${this.#request.requestId}`;
  }

  get #ref(): ObjectRef {
    const { apiVersion, kind, name, namespace } = this.plan;
    return { apiVersion, kind, metadata: { name, namespace } };
  }

  async #apply(): Promise<KubernetesObject> {
    const { kubernetes, log } = this.#options;
    await this.#makeRoom();
    const before = await this.read();
    if (before) await this.#outlast(before);
    this.#existed ??= before !== undefined;
    log.info('🎯 Executing kubectl command: kubectl apply -f -');
    const applied = await this.#send(() => kubernetes.apply(this.plan.object));
    this.#record('applied');
    return applied;
  }

  async #makeRoom(): Promise<void> {
    const { tenants, state } = this.#options;
    const { owner, size } = this.#request;
    if (!state.requests.hasRoom(owner, { key: this.plan.id, effect: 'base' }, size))
      throw new EnclaveError(
        'request',
        `Cannot carry out request: its owner has ${MAX_REQUESTS_PER_OWNER} requests that make its objects, or ${MAX_BYTES_PER_OWNER} bytes of them; replace or delete some first`,
      );
    await tenants.ensure(owner, this.plan.namespace);
  }

  /** What is about to go, or has done its work for an earlier request, is not what this one asks for. */
  async #outlast(before: KubernetesObject): Promise<void> {
    const what = `the former ${this.plan.kind} ${this.plan.name}`;
    if (before.metadata?.deletionTimestamp !== undefined)
      throw new NotYet(`Cannot carry out request: ${what} has not gone yet`);
    if (!isFinished(before) || this.#isOurs(before)) return;
    await this.#options.kubernetes.delete(this.#ref, before.metadata?.uid);
    throw new NotYet(`Cannot carry out request: ${what} has ended, and has not gone yet`);
  }

  async #delete(): Promise<undefined> {
    const { kubernetes, tracker, log } = this.#options;
    log.info(`🎯 Executing kubectl command: kubectl delete ${this.plan.resource}/${this.plan.name}`);
    tracker.replaced(this.plan.id, this.#id);
    await this.#send(() => kubernetes.delete(this.#ref));
    this.#record('deleted');
  }

  /** Notes what is certain about a write. */
  async #send<T>(write: () => Promise<T>): Promise<T> {
    try {
      const answer = await write();
      this.#state = 'done';
      return answer;
    } catch (error) {
      if (isDoubtful(error)) this.#state = 'doubtful';
      throw error;
    }
  }

  #record(result: string): void {
    const { verb, namespace, resource, name } = this.plan;
    const subject = `${resource}/${name}`;
    this.#options.log.info(`📤 kubectl output: ${subject} ${result}`);
    this.#options.audit.append({
      action: verb,
      subject: `${namespace}/${subject}`,
      requestId: this.#id,
      result,
    });
  }

  #isEffect(found: KubernetesObject | undefined): boolean {
    if (this.plan.verb === 'apply') return found !== undefined && this.#isOurs(found);
    return found === undefined || found.metadata?.deletionTimestamp !== undefined;
  }

  /** Whether the object is as this request made it. */
  #isOurs({ metadata }: KubernetesObject): boolean {
    return metadata?.annotations?.[REQUEST_ANNOTATION] === this.#id;
  }
}
