import { z } from 'zod';
import { ownedBy } from './owned.ts';

/** Whose the fields are that `daas deploy` says. */
export const DEPLOY_MANAGER = 'daas-deploy';

/** A volume of its own for a Deployment. */
export interface VolumeSpec {
  name: string;
  path: string;
  /** As Kubernetes writes quantities. */
  size: string;
}

/** What a person says of a Deployment; what is undefined stays as it is. */
export interface DeploymentSpec {
  image: string;
  port?: number | undefined;
  labels?: Record<string, string> | undefined;
  env?: Record<string, string> | undefined;
  envFromSecret?: readonly string[] | undefined;
  replicas?: number | undefined;
  cpu?: string | undefined;
  memory?: string | undefined;
  command?: readonly string[] | undefined;
  /** Path that answers with success once it is ready. */
  health?: string | undefined;
  volumes?: readonly VolumeSpec[] | undefined;
}

const named = z.array(z.looseObject({ name: z.string() })).default([]);
const amounts = z.record(z.string(), z.unknown()).default({});
const container = z.looseObject({
  name: z.string(),
  env: named,
  envFrom: z.array(z.unknown()).default([]),
  ports: z.array(z.looseObject({ containerPort: z.int() })).default([]),
  resources: z.looseObject({ requests: amounts, limits: amounts }).prefault({}),
  volumeMounts: z.array(z.looseObject({ name: z.string() })).default([]),
});
const deployment = z.looseObject({
  spec: z
    .looseObject({
      selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }).optional(),
      template: z
        .looseObject({
          spec: z.looseObject({ containers: z.array(container).default([]), volumes: named }).prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
});

/** The port of a container that nobody named. */
const DEFAULT_PORT = 80;

/**
 * The objects to apply as {@link DEPLOY_MANAGER} so that a Deployment and its Service become what was said, and keep what
 * was said before.
 *
 * @param live the Deployment of now, or undefined when there is none or it is not known
 */
export function deploymentObjects(
  name: string,
  said: DeploymentSpec,
  hasService: boolean,
  live?: unknown,
): object[] {
  const now = deployment.parse(live ?? {}).spec;
  const before = deployment.parse((live && ownedBy(DEPLOY_MANAGER, live)) ?? {}).spec;
  const isOurs = (each: { name: string }) => each.name === name;
  const { ports } = now.template.spec.containers.find(isOurs) ?? {};
  const port = said.port ?? ports?.[0]?.containerPort ?? DEFAULT_PORT;
  const labels = said.labels ?? now.selector?.matchLabels ?? { app: name };
  const selector = now.selector?.matchLabels ?? labels;
  const was = before.template.spec;
  const volumes = merged(
    was.volumes,
    (said.volumes ?? []).map((each) => volumeOf(name, each)),
  );
  const spec = {
    ...before,
    ...(said.replicas !== undefined && { replicas: said.replicas }),
    // Two pods, the old one and the new one, must not write to the same volume at once.
    ...(volumes.length > 0 && { strategy: { type: 'Recreate' } }),
    selector: { matchLabels: selector },
    template: {
      metadata: { labels: { ...labels, ...selector } },
      spec: withoutEmpty({
        ...was,
        containers: [containerOf(name, said, port, was.containers.find(isOurs))],
        volumes,
      }),
    },
  };
  const metadata = { name, labels };
  const service = { selector, ports: [{ port, targetPort: port }] };
  return [
    ...(said.volumes ?? []).map((each) => claimOf(name, each)),
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec },
    ...(hasService ? [{ apiVersion: 'v1', kind: 'Service', metadata, spec: service }] : []),
  ];
}

function containerOf(
  name: string,
  said: DeploymentSpec,
  port: number,
  was: z.output<typeof container> = container.parse({ name }),
): object {
  const { image, command, health, cpu, memory } = said;
  const env = Object.entries(said.env ?? {}).map(([key, value]) => ({ name: key, value }));
  const secrets = (said.envFromSecret ?? []).map((secret) => ({ secretRef: { name: secret } }));
  const isNew = (each: object) => !was.envFrom.some((old) => JSON.stringify(old) === JSON.stringify(each));
  const amount = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const { requests, limits } = was.resources;
  const resources = { requests: { ...requests, ...amount }, limits: { ...limits, ...amount } };
  return withoutEmpty({
    ...was,
    ...{ name, image, ports: [{ containerPort: port }] },
    env: merged(was.env, env),
    envFrom: [...was.envFrom, ...secrets.filter(isNew)],
    resources: withoutEmpty(resources),
    ...(command !== undefined && { command }),
    ...(health !== undefined && { readinessProbe: { httpGet: { path: health, port } } }),
    volumeMounts: merged(
      was.volumeMounts,
      (said.volumes ?? []).map(({ name: volume, path }) => ({ name: volume, mountPath: path })),
    ),
  });
}

function volumeOf(name: string, volume: VolumeSpec) {
  return { name: volume.name, persistentVolumeClaim: { claimName: claimName(name, volume) } };
}

function claimOf(name: string, volume: VolumeSpec): object {
  const metadata = { name: claimName(name, volume), labels: { app: name } };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: volume.size } } };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec };
}

function claimName(name: string, volume: VolumeSpec): string {
  return `${name}-${volume.name}`;
}

/** Both in their order, with the new ones in place of old ones of the same name. */
function merged<T extends { name: string }>(old: readonly T[], fresh: readonly T[]): T[] {
  const isOf = (name: string) => (each: T) => each.name === name;
  const kept = old.map((each) => fresh.find(isOf(each.name)) ?? each);
  return [...kept, ...fresh.filter(({ name }) => !old.some(isOf(name)))];
}

/** To apply an empty list would only claim it. */
function withoutEmpty(object: object): object {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => typeof value !== 'object' || Object.keys(value).length > 0),
  );
}
