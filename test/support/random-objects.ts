/** A schema as OpenAPI 3 has it, as far as Kubernetes uses it. */
interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** The schemas of a group and version, as the API server publishes them under `/openapi/v3`. */
export interface Schemas {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A number from 0 to below `below`. */
export type Draw = (below: number) => number;

const TEXTS = [
  '',
  'a',
  'web',
  'data',
  'x'.repeat(300),
  'ä\u0000',
  '10Mi',
  '50%',
  '1',
  'TCP',
  'Always',
  'a/b',
  '10.0.0.1',
];
const NUMBERS = [0, 1, 2, 80, 8_080, -1, 65_536, 2 ** 31, 2 ** 53];
/** By their formats; a quantity is a type of its own. */
const FORMATTED: Readonly<Record<string, readonly unknown[]>> = {
  'date-time': ['2026-01-01T00:00:00Z', '1970-01-01T00:00:00.000000Z', null],
  byte: ['', 'YQ=='],
  int32: NUMBERS.filter((number) => number < 2 ** 31),
  quantity: ['0', '1', '50m', '10Mi', '1e3', '-1', '0.1', '9E'],
};
/** Below this depth, what need not be there is left out. */
const MAX_DEPTH = 9;

/** The same numbers for the same seed: Mulberry32, which is good enough to vary tests. */
export function drawFrom(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** An object that the schemas of its kind allow, whatever it would mean. */
export function randomObject(schemas: Schemas, apiVersion: string, kind: string, draw: Draw): object {
  const suffix = `.${apiVersion.split('/').at(-1)}.${kind}`;
  const found = Object.entries(schemas.components.schemas).find(([name]) => name.endsWith(suffix));
  if (found === undefined) throw new Error(`Cannot find the schema of ${kind} in ${apiVersion}`);
  return { ...(randomOf(found[1], 0) as object), apiVersion, kind };

  function randomOf(schema: Schema, depth: number): unknown {
    const referred = schema.$ref ?? schema.allOf?.[0]?.$ref;
    if (referred?.endsWith('.Quantity')) return pick(FORMATTED.quantity!);
    if (referred !== undefined)
      return randomOf(schemas.components.schemas[referred.split('/').at(-1)!]!, depth);
    if (schema.enum) return pick(schema.enum);
    const formatted = FORMATTED[schema.format ?? ''];
    if (formatted) return pick(formatted);
    if (schema.oneOf) return randomOf(pick(schema.oneOf), depth);
    if (schema.type === 'string') return pick(TEXTS);
    if (schema.type === 'integer' || schema.type === 'number') return pick(NUMBERS);
    if (schema.type === 'boolean') return draw(2) === 0;
    if (schema.type === 'array')
      return Array.from({ length: depth > MAX_DEPTH ? 0 : 1 + draw(2) }, () =>
        randomOf(schema.items!, depth + 1),
      );
    return { ...propertiesOf(schema, depth), ...furtherOf(schema, depth) };
  }

  function propertiesOf({ properties = {}, required = [] }: Schema, depth: number): object {
    const wanted = Object.entries(properties).filter(
      ([name]) => required.includes(name) || name === 'spec' || (depth <= MAX_DEPTH && draw(5) === 0),
    );
    return Object.fromEntries(wanted.map(([name, schema]) => [name, randomOf(schema, depth + 1)]));
  }

  function furtherOf({ additionalProperties: further }: Schema, depth: number): object {
    return typeof further === 'object' ? { [pick(TEXTS)]: randomOf(further, depth + 1) } : {};
  }

  function pick<T>(values: readonly T[]): T {
    return values[draw(values.length)]!;
  }
}
