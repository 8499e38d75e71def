import { CANCELLATION_OUTCOME, REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { EventKind, EventOf } from '@daasvader/chain/events.ts';

/** Objects of one owner that are remembered; more are refused. */
export const MAX_OBJECTS_PER_OWNER = 2_000;
/** Bytes of their bodies, together; more are refused. */
export const MAX_BYTES_PER_OWNER = 16 * 1024 * 1024;
/** Cancelled requests of one owner whose content is kept until it is known what became of them. */
const MAX_CANCELLED_PER_OWNER = 32;
/** Any number of deletions may be open. Options are smaller: of more it is enough to know that it is too much. */
const MAX_DELETION_BYTES = 1_025;
const NOTHING = new Uint8Array();

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
  /** Whether the chain has no more than the digest of the body. */
  readonly isByDigest: boolean;
  /** When it was asked for, by the chain's clock, in ms since 1970. */
  readonly atMs: number;
}

/** Names the object among all that a request is about; undefined for a request that must fail. */
export type ObjectOf = (request: ScheduledRequest) => string | undefined;

/** A request as the chain knows it. */
export interface Request extends ScheduledRequest {
  readonly status: number;
  /** Whether the chain was told that it is applied; of a cancelled request, before it was cancelled. */
  readonly wasStarted: boolean;
  /** Whether a later request for the same object was carried out: what this one asked for is not to come back. */
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
  /** What it is about; undefined when it is no proper request, or when its content was dropped. */
  object: string | undefined;
}

interface Owner {
  readonly open: Map<bigint, Entry>;
  /** Those of them that are cancelled and whose content is kept, oldest first. */
  readonly cancelled: Set<Entry>;
  /** The last request that was carried out, by object. */
  readonly objects: Map<string, Request>;
  /** Of their bodies. */
  bytes: number;
}

/**
 * The fold of what was asked for and what became of it: the requests that have not ended, and of each object the last
 * one that was carried out. Nothing else is kept, so that the past does not grow.
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
   * What makes an empty cluster what the chain says it should be, in the order of the chain: of each object the last
   * request that was carried out, and those that have not ended. Jobs that have ended do not run again.
   */
  get desired(): Request[] {
    const kept = [...this.#owners.keys()].flatMap((owner) => this.keptOf(owner));
    const open = [...this.#entries.values()].map(({ request }) => request);
    return [...kept, ...open].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  }

  /** Of each object of an owner the last request that was carried out. */
  keptOf(owner: string): Request[] {
    return [...(this.#owners.get(owner)?.objects.values() ?? [])];
  }

  /** Forgets what was carried out for an owner and is not to come back. */
  forget(owner: string, isGone: (request: Request) => boolean): void {
    const known = this.#owners.get(owner);
    if (known === undefined) return;
    for (const [object, request] of known.objects) if (isGone(request)) remove(known, object);
    this.#release(owner, known);
  }

  /** Whether an owner may have another object, or one that it has already, with a body of this size. */
  hasRoom(owner: string, object: string, size: number): boolean {
    const { objects, bytes } = this.#owners.get(owner) ?? newOwner();
    const before = objects.get(object);
    const isOneMore = before === undefined ? 1 : 0;
    return (
      objects.size + isOneMore <= MAX_OBJECTS_PER_OWNER &&
      bytes - sizeOf(before) + size <= MAX_BYTES_PER_OWNER
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
    const entry = { request, object: this.#objectOf(request) };
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
  return { open: new Map(), cancelled: new Set(), objects: new Map(), bytes: 0 };
}

/** What was asked for, whichever way. */
function contentOf(event: SubmittedEvent) {
  const { method, path, namespace, requester, owner } = event;
  const asked = { method, path, namespace, requester, owner };
  if (event.kind === 'K8sAPIRequestScheduledEvent') {
    const { name, labels, containerName, image, port } = event;
    const flat = { name, labels, containerName, image, port };
    return { ...asked, ...flat, query: '', contentType: '', body: undefined, isByDigest: false };
  }
  const { query, contentType } = event;
  const body = Buffer.concat(event.body);
  const kept = method === 'DELETE' ? Uint8Array.from(body.subarray(0, MAX_DELETION_BYTES)) : body;
  const isByDigest = event.digest.length > 0;
  return { ...asked, ...NO_ARGUMENTS, query, contentType, body: kept, isByDigest };
}

const NO_ARGUMENTS = { name: '', labels: '', containerName: '', image: '', port: '' };

/** What was carried out is what there is of its object from now on; what was asked for before it is not to come back. */
function keep(owner: Owner, { request, object }: Entry): void {
  if (object === undefined) return;
  remove(owner, object);
  // A Job that ended has done its work: what is left of it is its result.
  const isGone = request.method === 'DELETE' || object.startsWith('jobs.batch/');
  if (!isGone) {
    owner.objects.set(object, request);
    owner.bytes += sizeOf(request);
  }
  for (const [id, entry] of owner.open)
    if (id < request.requestId && entry.object === object)
      entry.request = { ...entry.request, isSuperseded: true };
}

function remove(owner: Owner, object: string): void {
  owner.bytes -= sizeOf(owner.objects.get(object));
  owner.objects.delete(object);
}

function sizeOf(request: Request | undefined): number {
  return request?.body?.length ?? 0;
}

function dropContent(entry: Entry): void {
  const none = { ...NO_ARGUMENTS, path: '', namespace: '', query: '', contentType: '', body: NOTHING };
  entry.request = { ...entry.request, ...none };
  entry.object = undefined;
}
