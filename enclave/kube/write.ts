import { CANCELLATION_OUTCOME } from '@daasvader/chain/codes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import { MAX_BYTES_PER_OWNER, MAX_REQUESTS_PER_OWNER, type Request } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import { type Impersonated, Refusal, type Reply } from './api-server.ts';
import type { Blobs } from './blobs.ts';
import type { Kubernetes } from './kubernetes.ts';
import { REQUEST_ANNOTATION } from './names.ts';
import { deletionOptions } from './options.ts';
import { isFinished } from './outcome.ts';
import { assertNamed, type Replay } from './replay.ts';
import { isDoubtful, NotYet } from './retry.ts';
import { revived } from './revive.ts';
import { RESTORES_GROUP } from './roles.ts';
import { pathOf } from './target.ts';
import type { Tenants } from './tenants.ts';
import type { Tracker } from './tracker.ts';

const { nothing, removed, stays } = CANCELLATION_OUTCOME;

/** The group that lets an order through the gate of the API server; only impersonation gives it. */
export const ORDERS_GROUP = 'daasvader:orders';
/** Tells the API server the order's number, which it writes into the object. */
export const ORDER_EXTRA = 'daasvader.io/order';

/** What writing needs. */
export interface WriteOptions {
  readonly kubernetes: Pick<Kubernetes, 'find' | 'remove' | 'replay' | 'isReady'>;
  readonly tenants: Pick<Tenants, 'ensure'>;
  readonly tracker: Pick<Tracker, 'outcome' | 'replaced' | 'forget'>;
  readonly blobs: Blobs;
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly log: Logger;
}

/** What one order does to its object, and what is known of that: enough to take back what it created and nothing else. */
export class Write {
  readonly replay: Replay;
  readonly #request: Request;
  readonly #options: WriteOptions;
  /** Of its object; once it is known. */
  #name: string | undefined;
  /** Whether the object was there before the first attempt. */
  #existed: boolean | undefined;
  /** Of what is to be deleted, as it was before the first attempt. */
  #uid: string | undefined;
  /** How far it has come; `doubtful` when it was sent and no clear answer came. */
  #state: 'unsent' | 'doubtful' | 'done' = 'unsent';
  #reply: Reply | undefined;

  constructor(request: Request, replay: Replay, options: WriteOptions) {
    this.replay = replay;
    this.#request = request;
    this.#options = options;
    this.#name = replay.name;
  }

  /** Kubernetes's last answer. */
  get reply(): Reply | undefined {
    return this.#reply;
  }

  /**
   * Makes one attempt.
   *
   * @param signal ends the wait for a body that lies elsewhere
   * @returns the object as it is then, undefined when it was deleted
   */
  async attempt(signal: AbortSignal): Promise<KubernetesObject | undefined> {
    if (this.replay.method === 'DELETE') return this.#delete();
    await this.#makeRoom();
    const before = await this.read();
    if (before && this.replay.isFlat) await this.#outlast(before);
    if (before && this.#isDone(before)) return this.#find(before);
    this.#existed ??= before !== undefined;
    return this.#put(await this.#complete(signal), before);
  }

  /** The object as it is now. */
  async read(): Promise<KubernetesObject | undefined> {
    return this.#name === undefined ? undefined : this.#options.kubernetes.find(this.#path);
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
    if (this.replay.method === 'DELETE' || this.#existed) return stays;
    if (found === undefined) return removed;
    if (!this.#isOurs(found)) return stays; // a later order has made it its own
    await this.#options.kubernetes.remove(this.#path, found.metadata?.uid ?? '');
    return removed;
  }

  get #id(): string {
    return `${this.#request.requestId}`;
  }

  get #path(): string {
    return pathOf(this.replay.target, this.#name);
  }

  /** Whether it had begun, or had been carried out, before this enclave began. */
  get #isRestored(): boolean {
    const { wasStarted, requestId } = this.#request;
    return wasStarted || this.#options.state.requests.get(requestId) === undefined;
  }

  /** The request with its body, which is fetched for each attempt so that none is kept in between. */
  async #complete(signal: AbortSignal): Promise<Replay> {
    const { blob, owner, requestId } = this.#request;
    const { blobs } = this.#options;
    const body = blob
      ? await blobs.fetch(blob.blobId, blob.digest, blob.size, owner, signal)
      : this.replay.body;
    const replay = { ...this.replay, body };
    assertNamed(replay, requestId);
    return replay;
  }

  async #put(replay: Replay, before: KubernetesObject | undefined): Promise<KubernetesObject> {
    try {
      const put = await this.#send(this.#isRestored ? revived(replay, before) : replay);
      return this.replay.target.subresource === undefined ? put : await this.#whole(put);
    } catch (error) {
      const found = await this.#met(error);
      if (found === undefined) throw error;
      return this.#find(found);
    }
  }

  /** What a part is of, so that it can be waited for; that the part was put is certain, whatever comes of asking. */
  async #whole(part: KubernetesObject): Promise<KubernetesObject> {
    const whole = await this.read().catch(() => undefined);
    return whole ?? part;
  }

  /** What had the name that only Kubernetes could read, if this order made it, or brings back what is there. */
  async #met(error: unknown): Promise<KubernetesObject | undefined> {
    if (!(error instanceof Refusal) || error.reason !== 'AlreadyExists') return undefined;
    this.#name ??= error.details.name;
    const found = await this.read();
    return found && this.#isDone(found) ? found : undefined;
  }

  /** What is about to go, or has done its work for an earlier request, is not what flat arguments ask for. */
  async #outlast(before: KubernetesObject): Promise<void> {
    const what = `the former ${before.kind} ${this.#name}`;
    if (before.metadata?.deletionTimestamp !== undefined)
      throw new NotYet(`Cannot carry out request: ${what} has not gone yet`);
    if (!isFinished(before) || this.#isOurs(before)) return;
    await this.#options.kubernetes.remove(this.#path, before.metadata?.uid ?? '');
    throw new NotYet(`Cannot carry out request: ${what} has ended, and has not gone yet`);
  }

  async #delete(): Promise<undefined> {
    const { tracker } = this.#options;
    const { uid } = (await this.read())?.metadata ?? {};
    this.#uid ??= uid;
    if (this.#state === 'doubtful' && uid !== this.#uid) return this.#succeed();
    tracker.replaced(this.replay.write.key, this.#id);
    try {
      await this.#send({ ...this.replay, ...deletionOptions(this.replay, this.#uid) });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 404) throw error;
      this.#state = 'done'; // its absence is the goal
    }
  }

  async #makeRoom(): Promise<void> {
    const { tenants, state } = this.#options;
    const { owner, size } = this.#request;
    if (!state.requests.hasRoom(owner, this.replay.write, size))
      throw new EnclaveError(
        'request',
        `Cannot carry out request: its owner has ${MAX_REQUESTS_PER_OWNER} requests that make its objects, or ${MAX_BYTES_PER_OWNER} bytes of them; replace or delete some first`,
      );
    await tenants.ensure(owner, this.replay.target.namespace);
  }

  /**
   * Replays it, and notes what is certain about it.
   *
   * @returns the object that Kubernetes answered with
   * @throws {Refusal}
   */
  async #send(replay: Replay): Promise<KubernetesObject> {
    const { kubernetes, log } = this.#options;
    log.info(`🎯 Executing kubectl command: kubectl ${verbOf(replay)}`);
    try {
      const reply = await kubernetes.replay(replay, this.#requester);
      this.#reply = reply;
      if (reply.status >= 300) throw new Refusal(reply);
      this.#state = 'done';
      const object: KubernetesObject = JSON.parse(Buffer.from(reply.body).toString());
      if (replay.method !== 'DELETE') this.#name ??= object.metadata?.name;
      this.#record();
      return object;
    } catch (error) {
      if (isDoubtful(error)) this.#state = 'doubtful';
      throw error;
    }
  }

  get #requester(): Impersonated {
    return {
      user: userOf(this.#request.requester),
      groups: this.#isRestored ? [ORDERS_GROUP, RESTORES_GROUP] : [ORDERS_GROUP],
      extra: { [ORDER_EXTRA]: this.#id },
    };
  }

  /** It is done already: the answer is what is there. */
  #find(found: KubernetesObject): KubernetesObject {
    const isCreation = this.replay.method === 'POST' && this.#isOurs(found);
    this.#existed ??= !isCreation;
    this.#state = 'done';
    this.#answer(isCreation ? 201 : 200, found);
    return found;
  }

  #succeed(): undefined {
    this.#state = 'done';
    this.#answer(200, { kind: 'Status', apiVersion: 'v1', status: 'Success' } as KubernetesObject);
  }

  #answer(status: number, object: KubernetesObject): void {
    const body = Buffer.from(JSON.stringify(object));
    this.#reply = { status, warnings: [], contentType: 'application/json', body };
    this.#record();
  }

  #record(): void {
    const { method, target } = this.replay;
    const [action, result] = method === 'DELETE' ? ['delete', 'deleted'] : ['apply', 'applied'];
    const subject = `${target.resource}/${this.#name}`;
    this.#options.log.info(`📤 kubectl output: ${subject} ${result}`);
    this.#options.audit.append({
      ...{ action, subject: `${target.namespace}/${subject}`, requestId: this.#id, result },
    });
  }

  #isEffect(found: KubernetesObject | undefined): boolean {
    if (this.replay.method !== 'DELETE') return found !== undefined && this.#isOurs(found);
    return !found || found.metadata?.uid !== this.#uid || found.metadata?.deletionTimestamp !== undefined;
  }

  /** Whether the object is as this order made it. */
  #isOurs({ metadata }: KubernetesObject): boolean {
    return metadata?.annotations?.[REQUEST_ANNOTATION] === this.#id;
  }

  /** Whether the order need not be carried out again; what is brought back may be there, or overtaken since. */
  #isDone(before: KubernetesObject): boolean {
    if (this.replay.target.subresource !== undefined) return false;
    if (this.#isOurs(before)) return true;
    const last = Number(before.metadata?.annotations?.[REQUEST_ANNOTATION] ?? -1);
    return this.#isRestored && (this.replay.method === 'POST' || last > Number(this.#id));
  }
}

/** What kubectl would be asked for. */
function verbOf({ method, target, name }: Replay): string {
  if (method === 'DELETE') return `delete ${target.resource}/${name}`;
  return 'apply -f -';
}
