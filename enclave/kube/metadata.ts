import { isDnsSubdomain } from './grammar.ts';
import { fieldsOf, textOf } from './protobuf.ts';

/** What JSON is called, and Kubernetes's own encoding. */
export const JSON_TYPE = 'application/json';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** What begins each object in Kubernetes's protobuf encoding: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding */
const MAGIC = Buffer.from('k8s\0');
/** Field numbers: `raw` of runtime.Unknown, `metadata` of every kind, and of metav1.ObjectMeta what is read here. */
const FIELD = { raw: 2, metadata: 1, name: 1, generateName: 2 };
const MAX_NAME_LENGTH = 63;
const MIN_SUFFIX_LENGTH = 5;

/**
 * The name that a body gives its object, as well as it can be told without knowing what Kubernetes knows: to order by and to
 * remember by, never to decide by.
 *
 * @param requestId of which a generated name is made
 */
export function nameIn(contentType: string, body: Uint8Array, requestId: bigint): string | undefined {
  try {
    const { name, generateName } = contentType === PROTOBUF_TYPE ? protobufNames(body) : jsonNames(body);
    if (typeof name === 'string' && name !== '') return asName(name);
    return typeof generateName === 'string' && generateName !== ''
      ? asName(generatedName(generateName, requestId))
      : undefined;
  } catch {
    return undefined; // what it is, the API server says
  }
}

/** It becomes part of a path that the enclave reads with all rights: what is no name leads nowhere. */
function asName(text: string): string | undefined {
  return isDnsSubdomain(text) ? text : undefined;
}

/**
 * The name that the API server gives an order's object which asks for a generated one: made of the order's number alone,
 * so that the order meets its own object when it is repeated. The server's admission plugin makes the same.
 */
export function generatedName(base: string, requestId: bigint): string {
  const suffix = requestId.toString(36).padStart(MIN_SUFFIX_LENGTH, '0');
  return `${base.slice(0, MAX_NAME_LENGTH - suffix.length)}${suffix}`;
}

interface Names {
  readonly name?: unknown;
  readonly generateName?: unknown;
}

function jsonNames(body: Uint8Array): Names {
  return JSON.parse(Buffer.from(body).toString()).metadata ?? {};
}

function protobufNames(body: Uint8Array): Names {
  if (!MAGIC.equals(body.subarray(0, MAGIC.length))) return {};
  const raw = fieldsOf(body.subarray(MAGIC.length)).get(FIELD.raw);
  const metadata = raw && fieldsOf(raw).get(FIELD.metadata);
  if (!metadata) return {};
  const fields = fieldsOf(metadata);
  return { name: textOf(fields.get(FIELD.name)), generateName: textOf(fields.get(FIELD.generateName)) };
}
