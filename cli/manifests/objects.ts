import { z } from 'zod';
import { CliError } from '../error.ts';
import { apiVersionOf, findKind, pathOf, TENANT_KINDS, type TenantKind } from './kinds.ts';
import type { Manifest } from './read.ts';

/** An object that users may order, and where it is. */
export interface TenantObject {
  readonly file: string;
  readonly kind: TenantKind;
  readonly name: string;
  /** As orders have it: `default` is the own namespace of whoever orders. */
  readonly namespace: string;
  /** Without its namespace, which its path has. */
  readonly object: Readonly<Record<string, unknown>>;
}

const metadata = z.looseObject({
  name: z.string().optional(),
  namespace: z.string().nullish(),
  generateName: z.string().optional(),
  labels: z.record(z.string(), z.unknown()).nullish(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
});
/** Of labels and annotations that the cluster writes; what was fetched has them, and nobody else can set them. */
const OWN_PREFIX = 'daasvader.io/';

/**
 * What manifests are about.
 *
 * @param namespace of objects that name none; undefined for one's own
 * @returns the objects in the order in which they are to be made
 * @throws CliError `file` with all that cannot be ordered, and why
 */
export function tenantObjects(manifests: readonly Manifest[], namespace: string | undefined): TenantObject[] {
  const problems: string[] = [];
  const objects = manifests.flatMap((manifest): TenantObject[] => {
    const object = tenantObject(manifest, namespace);
    if (typeof object !== 'string') return [object];
    problems.push(`${manifest.file}: ${object}`);
    return [];
  });
  const paths = objects.map(pathOfObject);
  for (const path of new Set(paths.filter((each, at) => paths.indexOf(each) !== at)))
    problems.push(`${path} is there twice`);
  if (problems.length > 0)
    throw new CliError('file', `Cannot use the manifests:\n  ${problems.join('\n  ')}`);
  const rank = ({ kind }: TenantObject) => TENANT_KINDS.indexOf(kind);
  return objects.sort((a, b) => rank(a) - rank(b));
}

/** Where the API server has it. */
export function pathOfObject({ kind, namespace, name }: TenantObject): string {
  return pathOf(kind, namespace, name);
}

/** `deployment.apps/web`, as kubectl calls it. */
export function titleOf({ kind, name }: TenantObject): string {
  return `${kind.kind.toLowerCase()}${kind.group === '' ? '' : `.${kind.group}`}/${name}`;
}

/** Secrets never go through the chain. */
export function isSecret({ kind }: TenantObject): boolean {
  return kind.resource === 'secrets';
}

/** The object, or why it cannot be ordered. */
function tenantObject({ file, apiVersion, kind, object }: Manifest, given?: string): TenantObject | string {
  const found = findKind(apiVersion, kind);
  if (found === undefined) return `${kind} of ${apiVersion} ${whyNot(kind)}`;
  const parsed = metadata.safeParse(object.metadata);
  if (!parsed.success || !parsed.data.name)
    return parsed.data?.generateName
      ? `a ${kind} with generateName cannot be applied, as it is another one each time: give it a name`
      : `a ${kind} needs metadata.name`;
  const { name, namespace: written, labels, annotations, ...rest } = parsed.data;
  if (given !== undefined && written && written !== given)
    return `${kind} ${name} is for the namespace ${written}, not for ${given}`;
  const namespace = written || given || 'default';
  const others = {
    ...(labels && { labels: withoutOwn(labels) }),
    ...(annotations && { annotations: withoutOwn(annotations) }),
  };
  const cleaned = { ...object, metadata: { name, ...others, ...rest } };
  return { file, kind: found, name, namespace, object: cleaned };
}

function withoutOwn(entries: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => !key.startsWith(OWN_PREFIX)));
}

function whyNot(kind: string): string {
  const other = TENANT_KINDS.find((each) => each.kind === kind);
  if (other !== undefined) return `is not served: write apiVersion: ${apiVersionOf(other)}`;
  if (kind === 'Namespace') return 'is not ordered: daas namespace claim makes a namespace yours';
  if (kind === 'Role' || kind === 'RoleBinding') return 'is not ordered: daas role grant lets others in';
  return `is not ordered: ${[...new Set(TENANT_KINDS.map((each) => each.kind))].join(', ')} are`;
}
