import { type Impersonated, type Reply, StatusError } from '@daasvader/enclave/kube/api-server.ts';
import type { Replay } from '@daasvader/enclave/kube/replay.ts';
import type { KubernetesObject } from '@kubernetes/client-node';

const KINDS: Readonly<Record<string, string>> = {
  configmaps: 'ConfigMap',
  daemonsets: 'DaemonSet',
  deployments: 'Deployment',
  jobs: 'Job',
  pods: 'Pod',
  services: 'Service',
};
const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'replace',
  PATCH: 'apply',
  DELETE: 'delete',
};

/** An answer of Kubernetes's that is an error. */
export function refusal(code: number, message: string, rest: object = {}): StatusError {
  return new StatusError(code, JSON.stringify({ kind: 'Status', code, message, ...rest }));
}

/** What a path is of. */
export function identityIn(path: string) {
  const [, namespace, resource = '', name] = /\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?/.exec(path) ?? [];
  return { kind: KINDS[resource] ?? resource, metadata: { namespace, name } };
}

/** What is asked for, such as `create`. */
export function verbOf({ method }: Replay): string {
  return VERBS[method] ?? method;
}

/**
 * The object that a request makes of the one before it: a patch is merged field by field at the top, whatever its type, and
 * the order's number is written into it, as the server's plugin does.
 *
 * @param before undefined when there is none
 * @throws {StatusError}
 */
export function objectAfter(
  { method, path, target, name, body }: Replay,
  { extra }: Impersonated,
  before: KubernetesObject | undefined,
): KubernetesObject {
  if (method === 'POST' && before !== undefined)
    throw refusal(409, `${target.resource} "${name}" already exists`, {
      ...{ reason: 'AlreadyExists', details: { name, kind: target.resource } },
    });
  if (method === 'PUT' && before === undefined)
    throw refusal(404, `${target.resource} "${name}" not found`, { reason: 'NotFound' });
  const object: KubernetesObject = JSON.parse(Buffer.from(body ?? []).toString());
  const { kind } = identityIn(path);
  const annotations = {
    ...object.metadata?.annotations,
    'daasvader.io/request-id': extra['daasvader.io/order'] ?? '',
  };
  const metadata = { ...object.metadata, name, namespace: target.namespace, annotations };
  return { ...(method === 'PATCH' && before), kind, ...object, metadata };
}

/** What comes over the wire: refusals are answers too. */
export async function answered(work: () => Promise<object>, status = 200): Promise<Reply> {
  const reply = (code: number, body: object): Reply => ({
    ...{ status: code, warnings: [], contentType: 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  });
  try {
    return reply(status, await work());
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { message, reason, details } = error;
    return reply(error.status, { kind: 'Status', code: error.status, message, reason, details });
  }
}
