import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { ScheduledRequest } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import { isDnsLabel, isDnsSubdomain } from './grammar.ts';

/** Where an order points: `/<api>/namespaces/<namespace>/<resource>[/<name>[/<subresource>]]`. */
export interface Target {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

const PATH =
  /^(?:\/api\/(v1)|\/apis\/([a-z0-9.-]+)\/(v[a-z0-9]+))\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+)(?:\/([a-z]+))?)?$/;
/** What an owner may add to the name of the first namespace to name another. */
const SUFFIX = /^-[a-z0-9-]{0,7}[a-z0-9]$/;

/**
 * Parses the path of an order. Cluster-scoped resources have no namespace in their path and so cannot be written down
 * here at all; of those in a namespace RBAC says who may write them.
 *
 * @throws {EnclaveError} `request`, naming what is not allowed
 */
export function parsePath(path: string): Target {
  const [matched, core, group = '', version = core ?? '', namespace = '', resource = '', name, subresource] =
    PATH.exec(path) ?? [];
  if (matched === undefined) throw refuse(path, 'it is not /<api>/namespaces/<namespace>/<resource>');
  if (resource === 'secrets') throw refuse(path, 'everything on chain is public; write Secrets with kubectl');
  if (subresource !== undefined && subresource !== 'scale')
    throw refuse(path, `${resource}/${subresource} cannot be written by an order`);
  if (!isDnsLabel(namespace)) throw refuse(path, `${JSON.stringify(namespace)} is not a namespace`);
  if (name !== undefined && !isDnsSubdomain(name))
    throw refuse(path, `${JSON.stringify(name)} is not a name`);
  return { group, version, namespace, resource, name, subresource };
}

/**
 * Where an order points, its namespace in full: it must be its owner's, whatever role the requester has there.
 *
 * @throws {EnclaveError} `request`
 */
export function targetOf(
  request: Pick<ScheduledRequest, 'path' | 'namespace' | 'owner' | 'requester'>,
): Target {
  const target = parsePath(request.path);
  if (target.namespace !== request.namespace)
    throw refuse(request.path, `namespace ${request.namespace} is another`);
  return { ...target, namespace: namespaceFor(request) };
}

/** The path of a resource in a namespace, or of one object of it. */
export function pathOf(
  { group, version, namespace, resource }: Omit<Target, 'name' | 'subresource'>,
  name?: string,
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}/namespaces/${namespace}/${resource}${name === undefined ? '' : `/${name}`}`;
}

/** Names an object among all, whatever the version that it is written in: `<resource>.<group>/<namespace>/<name>`. */
export function keyOf(
  { group, namespace, resource }: Pick<Target, 'group' | 'namespace' | 'resource'>,
  name: string,
): string {
  return `${resource}.${group}/${namespace}/${name}`;
}

function namespaceFor({
  owner,
  requester,
  namespace,
  path,
}: Pick<ScheduledRequest, 'path' | 'namespace' | 'owner' | 'requester'>): string {
  const own = namespaceOf(owner);
  if (namespace === own) return own;
  if (namespace === 'default' && owner === requester) return own;
  if (!namespace.startsWith(own) || !SUFFIX.test(namespace.slice(own.length)))
    throw refuse(path, `namespace ${namespace} is not its owner's`);
  return namespace;
}

function refuse(path: string, reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot use path ${JSON.stringify(path)}: ${reason}`);
}
