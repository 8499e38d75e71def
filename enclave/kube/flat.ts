import type { ScheduledRequest } from '../chain/requests.ts';
import { EnclaveError } from '../error.ts';
import { parseLabels, parsePort } from './grammar.ts';
import type { Target } from './target.ts';

/** What the contract's flat arguments can say. */
type Flat = Pick<ScheduledRequest, 'labels' | 'containerName' | 'image' | 'port'>;
type Builder = (flat: Flat, name: string, labels: Record<string, string>) => object;

/** The kinds that flat arguments are enough for, by resource and group. */
const BUILDERS: Readonly<Record<string, { kind: string; spec: Builder }>> = {
  'pods.': { kind: 'Pod', spec: podSpec },
  'services.': { kind: 'Service', spec: serviceSpec },
  'deployments.apps': { kind: 'Deployment', spec: workloadSpec },
  'daemonsets.apps': { kind: 'DaemonSet', spec: workloadSpec },
  'jobs.batch': { kind: 'Job', spec: jobSpec },
};

/**
 * The object that flat arguments describe, for a server-side apply: what they do not say, such as replicas, is left to
 * whoever says it.
 *
 * @throws {EnclaveError} `request`
 */
export function flatObject(flat: Flat, { group, version, resource }: Target, name: string): object {
  const builder = BUILDERS[`${resource}.${group}`];
  if (builder === undefined)
    throw new EnclaveError(
      'request',
      `Cannot carry out request: ${resource} need a body; use submit_request`,
    );
  const given = parseLabels(flat.labels);
  const labels = Object.keys(given).length > 0 ? given : { app: name };
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: builder.kind,
    metadata: { name, labels },
    spec: builder.spec(flat, name, labels),
  };
}

function podSpec({ containerName, image, port }: Flat, name: string) {
  const ports = port === '' ? undefined : [{ containerPort: parsePort(port) }];
  return { containers: [{ name: containerName || name, image, ...(ports && { ports }) }] };
}

function workloadSpec(flat: Flat, name: string, labels: Record<string, string>) {
  const template = { metadata: { labels }, spec: podSpec(flat, name) };
  return { selector: { matchLabels: labels }, template };
}

function jobSpec(flat: Flat, name: string, labels: Record<string, string>) {
  return {
    template: { metadata: { labels }, spec: { ...podSpec(flat, name), restartPolicy: 'Never' } },
  };
}

function serviceSpec({ port }: Flat, _: string, labels: Record<string, string>) {
  const number = parsePort(port);
  return { selector: labels, ports: [{ port: number, targetPort: number }] };
}
