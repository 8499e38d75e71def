import { z } from 'zod';

type Fields = { readonly [key: string]: Fields };

const fields: z.ZodType<Fields> = z.lazy(() => z.record(z.string(), fields));
const owned = z.looseObject({
  metadata: z.looseObject({
    managedFields: z
      .array(z.looseObject({ manager: z.string(), operation: z.string(), fieldsV1: fields.optional() }))
      .default([]),
  }),
});

/**
 * What of an object a manager said last by server-side apply, and still owns: to say it again keeps it.
 *
 * @param object as the API server gave it, with its managed fields
 * @returns the part of the object, or undefined when the manager owns nothing
 * Source: FieldsV1 in https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.37/#fieldsv1-v1-meta
 */
export function ownedBy(manager: string, object: unknown): unknown {
  const { managedFields } = owned.parse(object).metadata;
  const entry = managedFields.find((each) => each.manager === manager && each.operation === 'Apply');
  return entry?.fieldsV1 && partOf(object, entry.fieldsV1);
}

function partOf(value: unknown, owns: Fields): unknown {
  const keys = Object.keys(owns).filter((key) => key !== '.');
  if (keys.length === 0) return value; // it owns all of it
  if (Array.isArray(value)) return keys.flatMap((key) => itemsOf(value, key, owns[key] ?? {}));
  const object = Object(value) as Record<string, unknown>;
  const names = keys.map((key) => key.slice('f:'.length)).filter((name) => Object.hasOwn(object, name));
  return Object.fromEntries(names.map((name) => [name, partOf(object[name], owns[`f:${name}`] ?? {})]));
}

/** `k:{"name":"a"}` is the item that has these values, `v:"a"` the one that is that. */
function itemsOf(items: readonly unknown[], key: string, owns: Fields): unknown[] {
  const wanted: unknown = JSON.parse(key.slice('k:'.length));
  if (key.startsWith('v:')) return items.filter((item) => item === wanted);
  const pairs = Object.entries(Object(wanted));
  const isMeant = (item: unknown) => pairs.every(([name, value]) => Object(item)[name] === value);
  return items.filter(isMeant).map((item) => partOf(item, owns));
}
