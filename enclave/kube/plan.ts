import { ROLE } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1PodSpec } from '@kubernetes/client-node';
import type { ScheduledRequest, WriteOf } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import { isDnsLabel, isImage, parseLabels, parsePort } from './grammar.ts';
import { checkManifest, type Manifest, parseManifest } from './manifest.ts';
import { MANAGED_LABEL, OWN_PREFIX, REQUEST_ANNOTATION } from './names.ts';
import { type Kind, parsePath, type Target } from './path.ts';
import { restrictPodSpec } from './restrict.ts';

/** What Kubernetes is to be asked for. */
export interface Plan {
  readonly verb: 'apply' | 'delete';
  readonly kind: Kind;
  readonly apiVersion: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Names the object among all: `<resource>.<group>/<namespace>/<name>`. */
  readonly id: string;
  /** The whole object with its restrictions filled in; only its identity when it is to be deleted. */
  readonly object: KubernetesObject;
  /** The least role in the namespace that it takes, one of `ROLE`. */
  readonly leastRole: number;
}

const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** The least role for a kind, where it is more than developer. */
const LEAST_ROLE: Partial<Record<Kind, number>> = {
  HorizontalPodAutoscaler: ROLE.admin,
  DaemonSet: ROLE.super,
};
const JSON_TYPE = 'application/json';
/** What an owner may add to the name of the first namespace to name another. */
const SUFFIX = /^-[a-z0-9-]{0,7}[a-z0-9]$/;

/**
 * Turns a request into a plan, or says why it must fail. A pure function: the same request gives the same object
 * every time, which is what makes applying it twice harmless. Whether it may be carried out is another question, of
 * whoever does it when they do it.
 *
 * @throws {EnclaveError} `request`
 */
export function planRequest(request: ScheduledRequest): Plan {
  if (!METHODS.has(request.method)) throw refuse(`method ${JSON.stringify(request.method)} does not write`);
  const target = parsePath(request.path);
  const namespace = namespaceFor(request, target);
  if (request.method === 'POST' && target.name !== undefined) throw refuse('POST takes no name in its path');
  const verb = request.method === 'DELETE' ? 'delete' : 'apply';
  assertReplayable(request);
  const manifest = verb === 'apply' ? manifestOf(request, target) : undefined;
  const name = nameOf(request, target, manifest);
  const { apiVersion, kind, resource } = target;
  const object = manifest
    ? restrict(manifest, namespace, request)
    : { apiVersion, kind, metadata: { name, namespace } };
  const leastRole = Math.max(LEAST_ROLE[kind] ?? ROLE.developer, hasPriority(object) ? ROLE.super : 0);
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
  const id = `${resource}.${group}/${namespace}/${name}`;
  return { verb, kind, apiVersion, resource, namespace, name, id, object, leastRole };
}

/** What this enclave cannot send on as it is; another version may. */
function assertReplayable({ method, query, contentType, body, blob }: ScheduledRequest): void {
  if (blob !== undefined) throw refuse('a body by its digest cannot be fetched yet; send the body itself');
  if (query !== '') throw refuse(`the query ${JSON.stringify(query)} cannot be replayed yet; leave it out`);
  if (body === undefined) return;
  if (method === 'DELETE' && body.length > 0) throw refuse('a DELETE with a body cannot be replayed yet');
  if (method !== 'DELETE' && contentType !== JSON_TYPE)
    throw refuse(`content of type ${JSON.stringify(contentType)} cannot be replayed yet; send ${JSON_TYPE}`);
}

/** What a request does to which object, or undefined for a request that must fail, whatever is wrong with it. */
export function objectOf(request: ScheduledRequest): WriteOf | undefined {
  try {
    const { id, verb } = planRequest(request);
    return { key: id, effect: verb === 'delete' ? 'delete' : 'base' };
  } catch {
    return undefined; // whoever carries it out meets the same error, and tells it
  }
}

/** The namespace of the request, which must be its owner's, whatever role the requester has there. */
function namespaceFor(request: ScheduledRequest, target: Target): string {
  if (target.namespace !== request.namespace) {
    throw refuse(`path and namespace disagree: ${target.namespace}, ${request.namespace}`);
  }
  const own = namespaceOf(request.owner);
  if (request.namespace === own) return own;
  if (request.namespace === 'default' && request.owner === request.requester) return own;
  if (!request.namespace.startsWith(own) || !SUFFIX.test(request.namespace.slice(own.length))) {
    throw refuse(`namespace ${request.namespace} is not its owner's`);
  }
  return request.namespace;
}

function nameOf(request: ScheduledRequest, target: Target, manifest: Manifest | undefined): string {
  const names = [target.name, request.name || undefined, manifest?.metadata.name].filter(
    (name) => name !== undefined,
  );
  const [name] = names;
  if (name === undefined || !isDnsLabel(name))
    throw refuse(`name ${JSON.stringify(name ?? '')} is not a DNS label`);
  if (names.some((other) => other !== name)) throw refuse(`names disagree: ${names.join(', ')}`);
  return name;
}

function manifestOf(request: ScheduledRequest, target: Target): Manifest {
  if (request.body === undefined) return checkManifest(target.kind, buildObject(request, target));
  const manifest = parseManifest(target.kind, request.body);
  const named = (manifest.metadata as { namespace?: string }).namespace;
  if (named !== undefined && named !== request.namespace) throw refuse(`manifest names namespace ${named}`);
  return manifest;
}

/** The object that the contract's flat arguments describe. */
function buildObject(request: ScheduledRequest, target: Target): unknown {
  const name = request.name || target.name || '';
  const given = parseLabels(request.labels);
  const labels = Object.keys(given).length > 0 ? given : { app: name };
  const base = { apiVersion: target.apiVersion, kind: target.kind, metadata: { name, labels } };
  switch (target.kind) {
    case 'Pod':
      return { ...base, spec: podSpec(request, name) };
    case 'Deployment':
    case 'DaemonSet':
      return {
        ...base,
        spec: {
          ...(target.kind === 'Deployment' && { replicas: 1 }),
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpec(request, name) },
        },
      };
    case 'Job':
      return {
        ...base,
        spec: {
          template: { metadata: { labels }, spec: { ...podSpec(request, name), restartPolicy: 'Never' } },
        },
      };
    case 'Service': {
      const port = parsePort(request.port);
      return { ...base, spec: { selector: labels, ports: [{ port, targetPort: port }] } };
    }
    default:
      throw refuse(`${target.resource} need a body; use submit_request`);
  }
}

function podSpec(request: ScheduledRequest, name: string) {
  if (!isImage(request.image))
    throw refuse(`${JSON.stringify(request.image)} is no image of a registry with a public DNS name`);
  const ports = request.port === '' ? undefined : [{ containerPort: parsePort(request.port) }];
  return {
    containers: [{ name: request.containerName || name, image: request.image, ...(ports && { ports }) }],
  };
}

/** `kind` and `name` of the workload that a pod belongs to, on the pod. */
export const KIND_LABEL = `${OWN_PREFIX}kind`;
export const NAME_LABEL = `${OWN_PREFIX}name`;

function restrict(manifest: Manifest, namespace: string, request: ScheduledRequest): KubernetesObject {
  const { kind } = manifest;
  const { name, labels } = manifest.metadata;
  const marks = { [MANAGED_LABEL]: 'true', [KIND_LABEL]: kind, [NAME_LABEL]: name };
  const { annotations } = manifest.metadata as { annotations?: Record<string, string> };
  const object = {
    ...manifest,
    metadata: {
      name,
      namespace,
      labels: { ...labels, ...marks },
      annotations: { ...annotations, [REQUEST_ANNOTATION]: request.requestId.toString() },
    },
  };
  if (kind === 'Pod')
    return { ...object, spec: restrictPodSpec(manifest.spec as V1PodSpec) } as KubernetesObject;
  if (kind !== 'Deployment' && kind !== 'Job' && kind !== 'DaemonSet') return object;
  const spec = manifest.spec as {
    template: { metadata: { labels: Record<string, string> }; spec: V1PodSpec };
  };
  const { template } = spec;
  const podSpec: V1PodSpec = kind === 'Job' ? { restartPolicy: 'Never', ...template.spec } : template.spec;
  return {
    ...object,
    spec: {
      ...spec,
      template: {
        metadata: { ...template.metadata, labels: { ...template.metadata.labels, ...marks } },
        spec: restrictPodSpec(podSpec),
      },
    },
  } as KubernetesObject;
}

/** Whether its pods are of one of the classes that the cluster offers to super users. */
function hasPriority({
  spec,
}: KubernetesObject & { spec?: V1PodSpec & { template?: { spec?: V1PodSpec } } }): boolean {
  return (spec?.template?.spec ?? spec)?.priorityClassName !== undefined;
}

function refuse(reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot carry out request: ${reason}`);
}
