import { CANCELLATION_OUTCOME, REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { EventKind, EventOf } from '@daasvader/chain/events.ts';

/** Objects of one owner that are remembered, each with a manifest of 8 KiB at most: 16 MiB. More are refused. */
export const MAX_OBJECTS_PER_OWNER = 2_000;
/** Cancelled requests of one owner whose content is kept until it is known what became of them. */
const MAX_CANCELLED_PER_OWNER = 32;

/** A request as the contract scheduled it. */
export interface ScheduledRequest {
  readonly requestId: bigint;
  readonly method: string;
  readonly path: string;
  readonly name: string;
  readonly labels: string;
  readonly namespace: string;
  readonly containerName: string;
  readonly image: string;
  readonly port: string;
  readonly requester: string;
  /** Whose namespace it is; another than the requester when that one was granted a role there. */
  readonly owner: string;
  /** Of the requester, in this namespace. */
  readonly role: number;
  readonly manifest: Uint8Array;
  readonly worker: string;
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
}

/** An event about one request. */
export type RequestEvent = EventOf<'K8sAPIRequestScheduledEvent' | Extract<EventKind, `Request${string}`>>;

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
    const kept = [...this.#owners.values()].flatMap(({ objects }) => [...objects.values()]);
    const open = [...this.#entries.values()].map(({ request }) => request);
    return [...kept, ...open].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  }

  /** Whether an owner may have another object, or has this one already. */
  hasRoom(owner: string, object: string): boolean {
    const objects = this.#owners.get(owner)?.objects;
    return objects === undefined || objects.size < MAX_OBJECTS_PER_OWNER || objects.has(object);
  }

  /** Takes the next event. */
  apply(event: RequestEvent): void {
    const requestId = BigInt(event.requestId);
    switch (event.kind) {
      case 'K8sAPIRequestScheduledEvent':
        return this.#schedule(event);
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

  #schedule(event: EventOf<'K8sAPIRequestScheduledEvent'>): void {
    const requestId = BigInt(event.requestId);
    // What is deleted is named by the path; the limit of open requests does not hold for deletions, so they stay small.
    const manifest = event.method === 'DELETE' ? new Uint8Array() : Uint8Array.from(event.manifest);
    const status = REQUEST_STATUS.pending;
    const request = { ...event, requestId, manifest, status, wasStarted: false, isSuperseded: false };
    const entry = { request, object: this.#objectOf(request) };
    this.#entries.set(requestId, entry);
    this.#ownerOf(request).open.set(requestId, entry);
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
    if (owner.open.size + owner.objects.size === 0) this.#owners.delete(entry.request.owner);
  }

  #ownerOf({ owner }: Request): Owner {
    const known = this.#owners.get(owner) ?? { open: new Map(), cancelled: new Set(), objects: new Map() };
    this.#owners.set(owner, known);
    return known;
  }
}

/** What was carried out is what there is of its object from now on; what was asked for before it is not to come back. */
function keep({ open, objects }: Owner, { request, object }: Entry): void {
  if (object === undefined) return;
  // A Job that ended has done its work: what is left of it is its result.
  const isGone = request.method === 'DELETE' || object.startsWith('Job/');
  if (isGone) objects.delete(object);
  else objects.set(object, request);
  for (const [id, entry] of open)
    if (id < request.requestId && entry.object === object)
      entry.request = { ...entry.request, isSuperseded: true };
}

function dropContent(entry: Entry): void {
  const none = { path: '', name: '', labels: '', namespace: '', containerName: '', image: '', port: '' };
  entry.request = { ...entry.request, ...none, manifest: new Uint8Array() };
  entry.object = undefined;
}
