import { ROLE } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1PodSpec } from '@kubernetes/client-node';
import type { ScheduledRequest } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import { isDnsLabel, isImage, parseLabels, parsePort } from './grammar.ts';
import { checkManifest, type Manifest, parseManifest } from './manifest.ts';
import { OWN_PREFIX, roleName } from './names.ts';
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
  /** Names the object among all: `<kind>/<namespace>/<name>`. */
  readonly id: string;
  /** The whole object with its restrictions filled in; only its identity when it is to be deleted. */
  readonly object: KubernetesObject;
}

const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** The least role for a kind, where it is more than developer. */
const LEAST_ROLE: Partial<Record<Kind, number>> = {
  Ingress: ROLE.admin,
  HorizontalPodAutoscaler: ROLE.admin,
  DaemonSet: ROLE.super,
};
/** Developers have one namespace, admins and above may add a suffix to get more. */
const SUFFIX = /^-[a-z0-9-]{0,7}[a-z0-9]$/;

/**
 * Turns a request into a plan, or says why it must fail. A pure function: the same request gives the same object
 * every time, which is what makes applying it twice harmless.
 *
 * @throws {EnclaveError} `request`
 */
export function planRequest(request: ScheduledRequest): Plan {
  if (!METHODS.has(request.method)) throw refuse(`method ${JSON.stringify(request.method)} does not write`);
  if (request.role < ROLE.developer || roleName(request.role) === 'none')
    throw refuse(`the role ${roleName(request.role)} may only read`);
  const target = parsePath(request.path);
  if (request.role < (LEAST_ROLE[target.kind] ?? ROLE.developer))
    throw refuse(`the role ${roleName(request.role)} may not write ${target.resource}`);
  const namespace = namespaceFor(request, target);
  if (request.method === 'POST' && target.name !== undefined) throw refuse('POST takes no name in its path');
  const verb = request.method === 'DELETE' ? 'delete' : 'apply';
  const manifest = verb === 'apply' ? manifestOf(request, target) : undefined;
  const name = nameOf(request, target, manifest);
  const { apiVersion, kind, resource } = target;
  const object = manifest
    ? restrict(manifest, namespace, request)
    : { apiVersion, kind, metadata: { name, namespace } };
  return { verb, kind, apiVersion, resource, namespace, name, id: `${kind}/${namespace}/${name}`, object };
}

/** The object that a request is about, or undefined for a request that must fail, whatever is wrong with it. */
export function objectOf(request: ScheduledRequest): Plan['id'] | undefined {
  try {
    return planRequest(request).id;
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
  const isOwn = request.owner === request.requester;
  if (!isOwn && request.role > ROLE.admin)
    throw refuse(`the role ${roleName(request.role)} is not granted to others`);
  if (request.namespace === own || (isOwn && request.namespace === 'default')) return own;
  if (!request.namespace.startsWith(own) || !SUFFIX.test(request.namespace.slice(own.length))) {
    throw refuse(`namespace ${request.namespace} is not its owner's`);
  }
  if (isOwn && request.role < ROLE.admin)
    throw refuse(`the role ${roleName(request.role)} has one namespace`);
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
  if (request.manifest.length === 0) return checkManifest(target.kind, buildObject(request, target));
  const manifest = parseManifest(target.kind, request.manifest);
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
      throw refuse(`${target.resource} need a manifest; use submit_manifest`);
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

/** The annotation that ties an object to the request it came from. */
export const REQUEST_ANNOTATION = `${OWN_PREFIX}request-id`;
/** Marks what the enclave applied, so that one watch finds all of it and nothing else. */
export const MANAGED_LABEL = `${OWN_PREFIX}managed`;
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
  if (kind === 'Pod') return { ...object, spec: restrictPod(manifest.spec, request) } as KubernetesObject;
  if (kind !== 'Deployment' && kind !== 'Job' && kind !== 'DaemonSet') return object;
  const spec = manifest.spec as {
    template: { metadata: { labels: Record<string, string> }; spec: V1PodSpec };
  };
  const { template } = spec;
  const podSpec = kind === 'Job' ? { restartPolicy: 'Never', ...template.spec } : template.spec;
  // A DaemonSet runs on each node, so it prefers none.
  const worker = kind === 'DaemonSet' ? '' : request.worker;
  return {
    ...object,
    spec: {
      ...spec,
      template: {
        metadata: { ...template.metadata, labels: { ...template.metadata.labels, ...marks } },
        spec: restrictPod(podSpec, { ...request, worker }),
      },
    },
  } as KubernetesObject;
}

function restrictPod(candidate: unknown, { role, worker }: ScheduledRequest): V1PodSpec {
  const spec = candidate as V1PodSpec;
  const { priorityClassName } = spec;
  if (priorityClassName !== undefined && role < ROLE.super)
    throw refuse(`priorityClassName ${priorityClassName} takes the role super, of one's own stake`);
  return restrictPodSpec(spec, worker);
}

function refuse(reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot carry out request: ${reason}`);
}
