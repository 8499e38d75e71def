import { JSON_TYPE } from './metadata.ts';
import type { Replay } from './replay.ts';

/** metav1.DeleteOptions, as far as it is read here. */
interface DeleteOptions {
  readonly preconditions?: unknown;
  readonly [option: string]: unknown;
}

/**
 * The options of a deletion, with what makes sure that it deletes this object and no other that has taken its name. What
 * they ask for themselves, and what cannot be read, stays as it is.
 *
 * @param uid undefined when there is no such object
 */
export function deletionOptions(
  { query, contentType, body }: Pick<Replay, 'query' | 'contentType' | 'body'>,
  uid: string | undefined,
): Pick<Replay, 'contentType' | 'body'> {
  const options = body === undefined ? optionsIn(query) : contentType === JSON_TYPE ? read(body) : undefined;
  if (uid === undefined || options === undefined || options.preconditions) return { contentType, body };
  return {
    contentType: JSON_TYPE,
    body: Buffer.from(JSON.stringify({ ...options, preconditions: { uid } })),
  };
}

/** Kubernetes does not look at the query of a deletion that has a body: what it says belongs into the body then. */
function optionsIn(query: Replay['query']): DeleteOptions {
  const { propagationPolicy, gracePeriodSeconds, orphanDependents } = query;
  return {
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds: asJson(gracePeriodSeconds) }),
    ...(orphanDependents !== undefined && { orphanDependents: asJson(orphanDependents) }),
  };
}

/** A number or a truth value; anything else stays a text, which Kubernetes refuses. */
function asJson(text: string): unknown {
  return /^(\d{1,15}|true|false)$/.test(text) ? JSON.parse(text) : text;
}

function read(body: Uint8Array): DeleteOptions | undefined {
  try {
    const options: unknown = JSON.parse(Buffer.from(body).toString());
    return typeof options === 'object' && options !== null && !Array.isArray(options)
      ? { ...options }
      : undefined;
  } catch {
    return undefined; // Kubernetes says so
  }
}
