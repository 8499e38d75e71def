import { TENANT_KINDS } from '../manifests/kinds.ts';
import { Refusal } from './status.ts';

/** A request as a client of Kubernetes sent it, its body whole. */
export interface ClientRequest {
  method: string;
  /** As it was written. */
  path: string;
  query: URLSearchParams;
  /** Empty when there is none. */
  contentType: string;
  body: Buffer;
}

/** Where a request goes: straight to Kubernetes, or through the chain with this query. */
export type Route = { to: 'kubernetes' } | { to: 'chain'; query: string };

const READING = ['GET', 'HEAD'];
/** Kept of the query of an order; the enclave replays no other. */
const KEPT = ['fieldManager', 'force', 'propagationPolicy', 'gracePeriodSeconds', 'orphanDependents'];
/** How an answer is given, or how strict: orders are judged strictly. */
const DROPPED = ['fieldValidation', 'pretty', 'timeout', 'timeoutSeconds'];
/** What goes on between a client and a pod; that it is a POST says nothing. */
const CONNECTING = ['exec', 'attach', 'portforward', 'proxy'];
const SELF_REVIEWS = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'];
const SCALABLE = ['deployments', 'statefulsets'];
const ORDERED = new Set(TENANT_KINDS.map(({ group, resource }) => `${group}/${resource}`));

const ROLES = 'roles come from stakes and grants on chain: daas role grant';
const NO_EVICTION = 'workers are drained by their providers; delete the pod instead';
/** What people try and what they can do instead, by resource, or by subresource after a slash. */
const INSTEAD: Readonly<Record<string, string>> = {
  namespaces: 'namespaces are claimed on chain: daas namespace claim (and no --create-namespace)',
  roles: ROLES,
  rolebindings: ROLES,
  clusterroles: ROLES,
  clusterrolebindings: ROLES,
  customresourcedefinitions: 'there are no custom resources here; install the chart without its CRDs',
  nodes: 'nodes are their providers’; workers are drained with worker-agent drain',
  persistentvolumes: 'volumes are made for claims; create a PersistentVolumeClaim',
  storageclasses: 'the storage class is local-path',
  replicasets: 'change the Deployment that owns it',
  '/eviction': NO_EVICTION,
  '/ephemeralcontainers':
    'nothing is added to a pod that runs; use kubectl exec, or debug a copy (--copy-to)',
  '/token': 'service accounts have no rights here, so they have no tokens',
  '/status': 'only the cluster itself says what a status is',
  '/resize': 'change the template, and pods are made anew',
};

/** `/<api>[/namespaces/<namespace>]/<resource>[/<name>[/<subresource>…]]`. */
const PATH =
  /^\/(?:api\/v1|apis\/(?<group>[^/]+)\/[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>.+))?)?$/;

/** What a path of Kubernetes names. */
export interface Target {
  group: string;
  namespace: string | undefined;
  resource: string;
  name: string | undefined;
  subresource: string | undefined;
}

/** What a path names; undefined for one that names no resource. */
export function targetOf(path: string): Target | undefined {
  const groups = PATH.exec(path)?.groups;
  if (groups === undefined) return undefined;
  const { group = '', namespace, resource = '', name, subresource } = groups;
  return { group, namespace, resource, name, subresource };
}

/**
 * Says where a request goes.
 *
 * @throws Refusal for what can never be done, saying what can
 */
export function routeOf(request: ClientRequest): Route {
  if (READING.includes(request.method)) return { to: 'kubernetes' };
  const target = targetOf(request.path);
  if (target === undefined) throw new Refusal(405, `daas: Cannot ${request.method} ${request.path} here`);
  if (goesStraight(request, target)) return { to: 'kubernetes' };
  assertOrdered(request, target);
  return { to: 'chain', query: orderQuery(request.query) };
}

function goesStraight(request: ClientRequest, { group, resource, subresource }: Target): boolean {
  if (subresource !== undefined)
    return CONNECTING.includes(subresource.split('/')[0] ?? '') || isDryRun(request);
  if (group === '' && resource === 'secrets') return true;
  return (/^auth\w*\.k8s\.io$/.test(group) && SELF_REVIEWS.includes(resource)) || isDryRun(request);
}

/** Kubernetes does not look at the query of a DELETE that has a body. */
function isDryRun({ method, query, body, contentType }: ClientRequest): boolean {
  if (method !== 'DELETE' || body.length === 0) return query.has('dryRun');
  if (!contentType.startsWith('application/json')) return false;
  try {
    return [JSON.parse(body.toString('utf8')).dryRun].flat().includes('All');
  } catch {
    return false;
  }
}

function assertOrdered({ method, path, contentType }: ClientRequest, target: Target): void {
  const { group, namespace, resource, name, subresource } = target;
  const what = `${resource}${subresource === undefined ? '' : `/${subresource}`}`;
  const instead = INSTEAD[subresource === undefined ? resource : `/${subresource}`];
  const isScale = subresource === 'scale' && SCALABLE.includes(resource);
  const isKnown = namespace !== undefined && ORDERED.has(`${group}/${resource}`);
  if (!isKnown || (subresource !== undefined && !isScale))
    throw new Refusal(403, `daas: Cannot ${method} ${what}: ${instead ?? 'nobody orders these'}`);
  if (method === 'DELETE' && name === undefined)
    throw new Refusal(405, `daas: Cannot delete all ${what} in one request: name them`);
  if (method === 'PUT' && contentType.includes('protobuf'))
    throw new Refusal(415, `daas: Cannot replace ${what} in protobuf: send application/json`);
  if (/[%\s]/.test(path)) throw new Refusal(400, `daas: Cannot ${method} ${path}: it is not plain text`);
}

function orderQuery(query: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const [key, value] of query) {
    if (KEPT.includes(key)) kept.append(key, value);
    else if (!DROPPED.includes(key))
      throw new Refusal(400, `daas: Cannot order with ?${key}=${value}: leave it out`);
  }
  return kept.toString();
}
