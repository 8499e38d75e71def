import { MAX_DELETION_BYTES, type ScheduledRequest, type WriteOf } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import { flatObject } from './flat.ts';
import { isDnsLabel } from './grammar.ts';
import { JSON_TYPE, nameIn, PROTOBUF_TYPE } from './metadata.ts';
import { keyOf, pathOf, type Target, targetOf } from './target.ts';

const APPLY_TYPE = 'application/apply-patch+yaml';
const OBJECT_TYPES = [JSON_TYPE, PROTOBUF_TYPE];
const CONTENT_TYPES: Readonly<Record<string, readonly string[]>> = {
  POST: OBJECT_TYPES,
  // One that was carried out is brought back with another uid and resource version, which are written into its JSON.
  PUT: [JSON_TYPE],
  PATCH: [
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    APPLY_TYPE,
  ],
  DELETE: ['', ...OBJECT_TYPES],
};
/** What of a query is replayed. */
const PARAMETERS = ['fieldManager', 'force', 'propagationPolicy', 'gracePeriodSeconds', 'orphanDependents'];
/** What of a query says nothing about what is to be done: how to answer, and what the enclave says itself. */
const IGNORED = ['fieldValidation', 'pretty', 'timeout'];
/** Owner of the fields that flat arguments say. */
const FLAT_MANAGER = 'daasvader';
/** What belongs to an object goes with it. */
const FLAT_DELETION = { propagationPolicy: 'Background' };

/** The request to Kubernetes that an order is. */
export interface Replay {
  readonly method: string;
  /** With the namespace in full, as the API server takes it. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** Undefined where there is none, and while all that is known is its digest. */
  readonly body: Uint8Array | undefined;
  readonly target: Target;
  /** Of its object; undefined when only the API server can tell. */
  readonly name: string | undefined;
  readonly write: WriteOf;
  /** Whether flat arguments said it: it makes the object what it should be, whatever was there. */
  readonly isFlat: boolean;
}

/**
 * Turns an order into a request to Kubernetes, or says why it must fail. Of the body no more is judged than its type: that
 * is for the API server alone. The same order gives the same request every time.
 *
 * @throws {EnclaveError} `request`
 */
export function replayOf(request: ScheduledRequest): Replay {
  const types = CONTENT_TYPES[request.method];
  if (types === undefined) throw refuse(`method ${JSON.stringify(request.method)} does not write`);
  const target = targetOf(request);
  return request.body === undefined ? flatReplay(request, target) : bodyReplay(request, target, types);
}

/** What an order does, or undefined for one that must fail, whatever is wrong with it. */
export function objectOf(request: ScheduledRequest): WriteOf | undefined {
  try {
    return replayOf(request).write;
  } catch {
    return undefined; // whoever carries it out meets the same error, and tells it
  }
}

function flatReplay(request: ScheduledRequest, target: Target): Replay {
  const name = request.name || target.name || '';
  if (!isDnsLabel(name)) throw refuse(`name ${JSON.stringify(name)} is not a DNS label`);
  if (target.name !== undefined && target.name !== name)
    throw refuse(`names disagree: ${target.name}, ${name}`);
  if (target.subresource !== undefined) throw refuse(`a ${target.subresource} needs a body`);
  const shared = { path: pathOf(target, name), target, name, isFlat: true };
  const key = keyOf(target, name);
  if (request.method === 'DELETE') {
    const write: WriteOf = { key, effect: 'delete' };
    return { ...shared, write, method: 'DELETE', query: FLAT_DELETION, contentType: '', body: undefined };
  }
  const body = Buffer.from(JSON.stringify(flatObject(request, target, name)));
  const query = { fieldManager: FLAT_MANAGER, force: 'true', fieldValidation: 'Strict' };
  const write: WriteOf = { key, effect: 'apply', manager: FLAT_MANAGER };
  return { ...shared, write, method: 'PATCH', query, contentType: APPLY_TYPE, body };
}

function bodyReplay(request: ScheduledRequest, target: Target, types: readonly string[]): Replay {
  const { method, requestId } = request;
  const isDeletion = method === 'DELETE';
  const query = { ...parametersOf(request.query), ...(!isDeletion && { fieldValidation: 'Strict' }) };
  const contentType = typeOf(request.contentType);
  const bytes = request.body?.length ? request.body : undefined;
  if (!types.includes(contentType) || (contentType === '' && bytes !== undefined))
    throw refuse(
      `content of type ${JSON.stringify(request.contentType)} cannot be replayed by ${method}; send ${types.filter(Boolean).join(', ')}`,
    );
  if (isDeletion && request.size >= MAX_DELETION_BYTES)
    throw refuse(`the options of a deletion have ${MAX_DELETION_BYTES} bytes or more`);
  if (method !== 'POST' && target.name === undefined) throw refuse(`${method} takes a name in its path`);
  if (method === 'POST' && target.subresource !== undefined) throw refuse('a scale cannot be created');
  if (request.blob !== undefined) assertByDigest(method, target);
  const name = target.name ?? nameIn(contentType, bytes ?? new Uint8Array(), requestId);
  const subpath = target.subresource === undefined ? '' : `/${target.subresource}`;
  const path = method === 'POST' ? pathOf(target) : `${pathOf(target, target.name)}${subpath}`;
  const key = keyOf(target, name ?? `?${requestId}`);
  const write = { key, ...effectOf({ method, contentType, query, target }) };
  return { method, path, query, contentType, body: bytes, target, name, write, isFlat: false };
}

function assertByDigest(method: string, { name }: Target): void {
  if (method === 'DELETE') throw refuse('the options of a deletion cannot be by their digest');
  if (name === undefined) throw refuse('a POST by the digest of its body takes a name in its path');
}

/**
 * A creation that has a name in its path, to order by, must create an object of that name.
 *
 * @throws {EnclaveError} `request`
 */
export function assertNamed({ method, target, contentType, body }: Replay, requestId: bigint): void {
  if (method !== 'POST' || target.name === undefined) return;
  const name = body && nameIn(contentType, body, requestId);
  if (name !== target.name)
    throw refuse(`its body names ${JSON.stringify(name ?? '')}, its path ${JSON.stringify(target.name)}`);
}

/** A part of an object, such as its scale, is changed as by a patch. */
function effectOf({
  method,
  contentType,
  query,
  target,
}: Pick<Replay, 'method' | 'contentType' | 'query' | 'target'>): Omit<WriteOf, 'key'> {
  if (method === 'DELETE') return { effect: 'delete' };
  if (target.subresource !== undefined) return { effect: 'patch' };
  if (method !== 'PATCH') return { effect: 'base' };
  if (contentType !== APPLY_TYPE) return { effect: 'patch' };
  return { effect: 'apply', manager: query.fieldManager ?? '' };
}

function parametersOf(query: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (IGNORED.includes(name)) continue;
    if (!PARAMETERS.includes(name) || Object.hasOwn(parameters, name))
      throw refuse(`the query's ${JSON.stringify(name)} cannot be replayed, or is there twice; leave it out`);
    parameters[name] = value;
  }
  return parameters;
}

/** Without the only parameter that says nothing; with any other it is none of those that are known. */
function typeOf(contentType: string): string {
  return contentType.toLowerCase().replace(/; ?charset=utf-8$/, '');
}

function refuse(reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot carry out request: ${reason}`);
}
