import { CANCELLATION_OUTCOME, REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { EventKind, EventOf } from '@daasvader/chain/events.ts';

/** Requests of one owner that were carried out and are remembered; more are refused. */
export const MAX_REQUESTS_PER_OWNER = 2_000;
/** Bytes of their bodies, together; more are refused. */
export const MAX_BYTES_PER_OWNER = 16 * 1024 * 1024;
/** Any number of deletions may be open. Options are smaller: of more it is enough to know that it is too much. */
export const MAX_DELETION_BYTES = 1_025;
/** Cancelled requests of one owner whose content is kept until it is known what became of them. */
const MAX_CANCELLED_PER_OWNER = 32;
/** Has done its work when its request has ended: what is left of it is its result. */
const JOBS = 'jobs.batch/';
const NOTHING = new Uint8Array();

/** A body that lies elsewhere. */
export interface Blob {
  /** SHA-256. */
  readonly digest: Uint8Array;
  readonly size: number;
  /** Of Walrus, 32 bytes. */
  readonly blobId: Uint8Array;
}

/** A request as the contract scheduled it: by flat arguments, or as one to Kubernetes with a body. */
export interface ScheduledRequest {
  readonly requestId: bigint;
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly contentType: string;
  readonly name: string;
  readonly labels: string;
  readonly namespace: string;
  readonly containerName: string;
  readonly image: string;
  readonly port: string;
  readonly requester: string;
  /** Whose namespace it is; another than the requester when that one was granted a role there. */
  readonly owner: string;
  /** Undefined when the flat arguments say what is asked for. */
  readonly body: Uint8Array | undefined;
  /** Of the whole body, in bytes, wherever it is. */
  readonly size: number;
  /** Where a body is of which the chain has no more than this. */
  readonly blob: Blob | undefined;
  /** When it was asked for, by the chain's clock, in ms since 1970. */
  readonly atMs: number;
}

/** What a request does, and to which object. */
export interface WriteOf {
  /** Names the object among all: `<resource>.<group>/<namespace>/<name>`. */
  readonly key: string;
  /**
   * `base`: creates or replaces it, whatever was there. `apply`: server-side apply, which creates it where it is not.
   * `patch`: builds upon what is there.
   */
  readonly effect: 'base' | 'apply' | 'patch' | 'delete';
  /** Whose fields an `apply` says in full. */
  readonly manager?: string;
}

/** What a request does; undefined for a request that must fail. */
export type ObjectOf = (request: ScheduledRequest) => WriteOf | undefined;

/** A request as the chain knows it. */
export interface Request extends ScheduledRequest {
  readonly status: number;
  /** Whether the chain was told that it is applied; of a cancelled request, before it was cancelled. */
  readonly wasStarted: boolean;
  /** Whether a later request that replaced or deleted its object was carried out: what it asked for is not to come back. */
  readonly isSuperseded: boolean;
  /** Whom the chain was told to run it. */
  readonly workers: readonly string[];
}

type SubmittedEvent = EventOf<'K8sAPIRequestScheduledEvent' | 'KubernetesRequestEvent'>;

/** An event about one request. */
export type RequestEvent =
  | SubmittedEvent
  | EventOf<'WorkerAssignedEvent' | Extract<EventKind, `Request${string}`>>;

interface Entry {
  request: Request;
  /** Undefined when it is no proper request, or when its content was dropped. */
  write: WriteOf | undefined;
}

/** A request that was carried out. */
interface Kept {
  readonly request: Request;
  readonly write: WriteOf;
}

interface Owner {
  readonly open: Map<bigint, Entry>;
  /** Those of them that are cancelled and whose content is kept, oldest first. */
  readonly cancelled: Set<Entry>;
  /** What makes each object what it is, by its key, in the order of the chain. */
  readonly objects: Map<string, readonly Kept[]>;
  /** How many those are. */
  count: number;
  /** Of their bodies. */
  bytes: number;
}

/**
 * The fold of what was asked for and what became of it: the requests that have not ended, and of each object the last
 * one that made it anew with those that changed it since. Nothing else is kept, so that the past does not grow.
 */
export class Requests {
  readonly #entries = new Map<bigint, Entry>();
  readonly #owners = new Map<string, Owner>();
  readonly #objectOf: ObjectOf;

  constructor(objectOf: ObjectOf) {
    this.#objectOf = objectOf;
  }

  /** A request that has not ended; a cancelled one ends when it is settled. */
  get(requestId: bigint): Request | undefined {
    return this.#entries.get(requestId)?.request;
  }

  /**
   * What makes an empty cluster what the chain says it should be, in the order of the chain: of each object what was
   * carried out and makes it what it is, and what has not ended. Jobs that were started do not run again.
   */
  get desired(): Request[] {
    const kept = [...this.#owners.keys()].flatMap((owner) => this.keptOf(owner));
    const open = [...this.#entries.values()].map(({ request }) => request);
    return [...kept, ...open].sort(byNumber);
  }

  /** What was carried out for an owner and makes its objects what they are, in the order of the chain. */
  keptOf(owner: string): Request[] {
    const kept = [...(this.#owners.get(owner)?.objects.values() ?? [])].flat();
    return kept.map(({ request }) => request).sort(byNumber);
  }

  /** Forgets what was carried out for an owner and is not to come back. */
  forget(owner: string, isGone: (request: Request) => boolean): void {
    const known = this.#owners.get(owner);
    if (known === undefined) return;
    for (const [key, kept] of known.objects)
      put(
        known,
        key,
        kept.filter(({ request }) => !isGone(request)),
      );
    this.#release(owner, known);
  }

  /** Whether one more request of an owner can be remembered, with a body of this size. */
  hasRoom(owner: string, write: WriteOf, size: number): boolean {
    const { objects, count, bytes } = this.#owners.get(owner) ?? newOwner();
    const before = objects.get(write.key) ?? [];
    const after = neededOf([...before, { write, request: { size } }]);
    return (
      count - before.length + after.length <= MAX_REQUESTS_PER_OWNER &&
      bytes - sizeOf(before) + sizeOf(after) <= MAX_BYTES_PER_OWNER
    );
  }

  /** Takes the next event. */
  apply(event: RequestEvent): void {
    const requestId = BigInt(event.requestId);
    switch (event.kind) {
      case 'K8sAPIRequestScheduledEvent':
      case 'KubernetesRequestEvent':
        return this.#schedule(event);
      case 'WorkerAssignedEvent':
        return this.#assign(requestId, event.nodeId);
      case 'RequestStartedEvent':
        return this.#change(requestId, { status: REQUEST_STATUS.running, wasStarted: true });
      case 'RequestCompletedEvent':
        return this.#end(requestId, true);
      case 'RequestFailedEvent':
        return this.#end(requestId, event.applied);
      case 'RequestCancelledEvent':
        return this.#cancel(requestId);
      case 'RequestCancellationSettledEvent':
        return this.#end(requestId, event.outcome === CANCELLATION_OUTCOME.stays);
    }
  }

  #schedule(event: SubmittedEvent): void {
    const status = REQUEST_STATUS.pending;
    const asked = { ...contentOf(event), requestId: BigInt(event.requestId), atMs: Number(event.atMs) };
    const request = { ...asked, status, wasStarted: false, isSuperseded: false, workers: [] };
    const entry = { request, write: this.#objectOf(request) };
    this.#entries.set(request.requestId, entry);
    this.#ownerOf(request).open.set(request.requestId, entry);
  }

  #assign(requestId: bigint, nodeId: string): void {
    const workers = this.#entries.get(requestId)?.request.workers ?? [];
    if (!workers.includes(nodeId)) this.#change(requestId, { workers: [...workers, nodeId] });
  }

  #change(requestId: bigint, change: Partial<Request>): void {
    const entry = this.#entries.get(requestId);
    if (entry) entry.request = { ...entry.request, ...change };
  }

  /** Many requests can be made and cancelled in one transaction: of all but the newest only the number is kept. */
  #cancel(requestId: bigint): void {
    this.#change(requestId, { status: REQUEST_STATUS.cancelled });
    const entry = this.#entries.get(requestId);
    if (!entry) return;
    const { cancelled } = this.#ownerOf(entry.request);
    cancelled.add(entry);
    const [oldest] = cancelled;
    if (oldest === undefined || cancelled.size <= MAX_CANCELLED_PER_OWNER) return;
    cancelled.delete(oldest);
    dropContent(oldest);
  }

  #end(requestId: bigint, isApplied: boolean): void {
    const entry = this.#entries.get(requestId);
    if (!entry) return;
    const owner = this.#ownerOf(entry.request);
    this.#entries.delete(requestId);
    owner.open.delete(requestId);
    owner.cancelled.delete(entry);
    if (isApplied && !entry.request.isSuperseded) keep(owner, entry);
    this.#release(entry.request.owner, owner);
  }

  #release(address: string, { open, objects }: Owner): void {
    if (open.size + objects.size === 0) this.#owners.delete(address);
  }

  #ownerOf({ owner }: Request): Owner {
    const known = this.#owners.get(owner) ?? newOwner();
    this.#owners.set(owner, known);
    return known;
  }
}

function newOwner(): Owner {
  return { open: new Map(), cancelled: new Set(), objects: new Map(), count: 0, bytes: 0 };
}

/** What was asked for, whichever way. */
function contentOf(event: SubmittedEvent) {
  const { method, path, namespace, requester, owner } = event;
  const asked = { method, path, namespace, requester, owner };
  if (event.kind === 'K8sAPIRequestScheduledEvent') {
    const { name, labels, containerName, image, port } = event;
    const flat = { name, labels, containerName, image, port, query: '', contentType: '' };
    return { ...asked, ...flat, body: undefined, size: 0, blob: undefined };
  }
  const { query, contentType, digest } = event;
  const whole = Buffer.concat(event.body);
  const body = method === 'DELETE' ? Uint8Array.from(whole.subarray(0, MAX_DELETION_BYTES)) : whole;
  const content = { ...asked, ...NO_ARGUMENTS, query, contentType, body };
  if (digest.length === 0) return { ...content, size: whole.length, blob: undefined };
  const size = Number(event.size);
  return { ...content, size, blob: { digest, size, blobId: event.blobId } };
}

const NO_ARGUMENTS = { name: '', labels: '', containerName: '', image: '', port: '' };

/** What was carried out counts from now on; what it replaces, and has not ended, is not to come back. */
function keep(owner: Owner, { request, write }: Entry): void {
  if (write === undefined) return;
  const { key, effect } = write;
  const all = [...(owner.objects.get(key) ?? []), { request, write }];
  const inOrder = all.sort((a, b) => byNumber(a.request, b.request));
  put(owner, key, key.startsWith(JOBS) ? [] : neededOf(inOrder));
  if (effect !== 'base' && effect !== 'delete') return;
  for (const [id, entry] of owner.open)
    if (id < request.requestId && entry.write?.key === key)
      entry.request = { ...entry.request, isSuperseded: true };
}

/** Of what was done to an object, in this order, what an empty cluster needs to come to the same. */
function neededOf<K extends { readonly write: WriteOf }>(done: readonly K[]): K[] {
  const needed: K[] = [];
  for (const next of done) {
    const { effect } = next.write;
    if (effect === 'base' || effect === 'delete') needed.length = 0;
    if (effect === 'apply') dropFormer(needed, next.write);
    if (effect !== 'delete') needed.push(next);
  }
  return needed;
}

/**
 * Who applies says all that is its own, so what it said before counts no more; but for what a patch built upon since,
 * and for what made the object on which others built.
 */
function dropFormer(needed: { readonly write: WriteOf }[], { manager }: WriteOf): void {
  const former = needed.findLastIndex(({ write }) => write.effect === 'apply' && write.manager === manager);
  const since = needed.slice(former + 1);
  const isOwnBase = former === 0 && since.length > 0;
  if (former < 0 || isOwnBase || since.some(({ write }) => write.effect !== 'apply')) return;
  needed.splice(former, 1);
}

function put(owner: Owner, key: string, kept: readonly Kept[]): void {
  const before = owner.objects.get(key) ?? [];
  owner.count += kept.length - before.length;
  owner.bytes += sizeOf(kept) - sizeOf(before);
  if (kept.length > 0) owner.objects.set(key, kept);
  else owner.objects.delete(key);
}

function sizeOf(kept: readonly { readonly request: Pick<Request, 'size'> }[]): number {
  return kept.reduce((sum, { request }) => sum + request.size, 0);
}

function byNumber(a: Request, b: Request): number {
  return a.requestId < b.requestId ? -1 : 1;
}

function dropContent(entry: Entry): void {
  const none = { ...NO_ARGUMENTS, path: '', namespace: '', query: '', contentType: '', body: NOTHING };
  entry.request = { ...entry.request, ...none, size: 0, blob: undefined };
  entry.write = undefined;
}
