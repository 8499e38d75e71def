import { EnclaveError } from '../error.ts';
import { isDnsLabel } from './grammar.ts';

/** The kinds that a request on chain may write, by the resource in its path. */
export const KINDS = {
  pods: { prefix: '/api/v1', apiVersion: 'v1', kind: 'Pod' },
  services: { prefix: '/api/v1', apiVersion: 'v1', kind: 'Service' },
  configmaps: { prefix: '/api/v1', apiVersion: 'v1', kind: 'ConfigMap' },
  deployments: { prefix: '/apis/apps/v1', apiVersion: 'apps/v1', kind: 'Deployment' },
  daemonsets: { prefix: '/apis/apps/v1', apiVersion: 'apps/v1', kind: 'DaemonSet' },
  jobs: { prefix: '/apis/batch/v1', apiVersion: 'batch/v1', kind: 'Job' },
  ingresses: { prefix: '/apis/networking.k8s.io/v1', apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  horizontalpodautoscalers: {
    prefix: '/apis/autoscaling/v2',
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
  },
} as const;

export type Resource = keyof typeof KINDS;
export type Kind = (typeof KINDS)[Resource]['kind'];

/** Where a request points: `/<group>/namespaces/<namespace>/<resource>[/<name>]`. */
export interface Target {
  readonly resource: Resource;
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string | undefined;
}

const PATH =
  /^(\/api\/v1|\/apis\/[a-z0-9.-]+\/v[0-9][a-z0-9]*)\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+)(?:\/(.+))?)?$/;

/**
 * Parses the path of a request. Only the resources of {@link KINDS} are known; cluster-scoped ones have no namespace
 * in their path and so cannot be written down here at all.
 *
 * @throws {EnclaveError} `request`, naming what is not allowed
 */
export function parsePath(path: string): Target {
  const [, prefix, namespace = '', resource = '', name, subresource] = PATH.exec(path) ?? [];
  if (prefix === undefined) throw refuse(path, 'it is not /<api>/namespaces/<namespace>/<resource>');
  if (resource === 'secrets') throw refuse(path, 'everything on chain is public; write Secrets with kubectl');
  if (subresource !== undefined)
    throw refuse(path, `${resource}/${subresource} cannot be written by a request yet`);
  if (!Object.hasOwn(KINDS, resource)) throw refuse(path, `${resource} cannot be written by a request yet`);
  const known = KINDS[resource as Resource];
  if (known.prefix !== prefix) throw refuse(path, `${resource} are under ${known.prefix}`);
  if (!isDnsLabel(namespace)) throw refuse(path, `${JSON.stringify(namespace)} is not a namespace`);
  if (name !== undefined && !isDnsLabel(name)) throw refuse(path, `${JSON.stringify(name)} is not a name`);
  return { resource: resource as Resource, apiVersion: known.apiVersion, kind: known.kind, namespace, name };
}

function refuse(path: string, reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot use path ${JSON.stringify(path)}: ${reason}`);
}
