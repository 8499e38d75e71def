import type { KubernetesObject } from '@kubernetes/client-node';
import type { Replay } from './replay.ts';
import { pathOf } from './target.ts';

/**
 * What is to be replayed of an order that had been carried out, in a cluster where its object may be another one, or none:
 * a replacement becomes a creation where there is nothing to replace, and does not ask for the former object.
 *
 * @param before the object as it is now
 */
export function revived(replay: Replay, before: KubernetesObject | undefined): Replay {
  const { method, target, query, body } = replay;
  if (method !== 'PUT' || target.subresource !== undefined || body === undefined) return replay;
  const present = { ...replay, body: withoutPast(body, before) };
  if (before !== undefined) return present;
  return { ...present, method: 'POST', path: pathOf(target), query };
}

function withoutPast(body: Uint8Array, before: KubernetesObject | undefined): Uint8Array {
  try {
    const { metadata, ...object } = JSON.parse(Buffer.from(body).toString());
    const { uid: _, resourceVersion: __, ...rest } = metadata;
    const resourceVersion = before?.metadata?.resourceVersion;
    const now = { ...rest, ...(resourceVersion !== undefined && { resourceVersion }) };
    return Buffer.from(JSON.stringify({ ...object, metadata: now }));
  } catch {
    return body; // it was no object then either
  }
}
