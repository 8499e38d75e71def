import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { reasonOf } from '@daasvader/program/reason.ts';
import { z } from 'zod';
import { type Kubernetes, KubernetesError, readText } from './request.ts';
import { warningTexts } from './warnings.ts';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 8 << 20;

/** A request to Kubernetes; `path` with its query. */
export interface KubernetesRequest {
  method: string;
  path: string;
  contentType?: string;
  body?: Uint8Array;
}

/** What Kubernetes answered, whatever it was. */
export interface KubernetesAnswer {
  /** RFC 9110. */
  status: number;
  /** The texts of its warnings. */
  warnings: string[];
  /** An object, or a Status. */
  body: Record<string, unknown>;
}

/**
 * Sends a request as the user of the credential, over the connection that trusts the attested CA alone.
 *
 * @throws KubernetesError when there is no answer, or none of JSON
 */
export async function exchange(
  kubernetes: Kubernetes,
  request: KubernetesRequest,
): Promise<KubernetesAnswer> {
  try {
    const answer = await send(kubernetes, request);
    const text = await readText(answer, MAX_ANSWER_BYTES);
    const body = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return { status: answer.statusCode ?? 0, warnings: warningTexts(answer.headersDistinct.warning), body };
  } catch (cause) {
    const why =
      cause instanceof z.ZodError || cause instanceof SyntaxError
        ? 'its answer is not JSON'
        : reasonOf(cause);
    throw new KubernetesError(`Cannot reach ${kubernetes.server}: ${why}`, undefined, { cause });
  }
}

/**
 * The object of an answer.
 *
 * @param what was tried, for the message: `Cannot apply x`
 * @throws KubernetesError with Kubernetes's own message when it refused
 */
export function objectOf({ status, body }: KubernetesAnswer, what: string): Record<string, unknown> {
  if (status >= 200 && status < 300) return body;
  throw new KubernetesError(`${what}: ${messageOf(body)} (${status})`, status);
}

/** What a Status says. */
export function messageOf({ message }: Record<string, unknown>): string {
  return typeof message === 'string' ? message : 'Kubernetes does not say why';
}

function send(
  { server, ca, certificate, key }: Kubernetes,
  request: KubernetesRequest,
): Promise<IncomingMessage> {
  const { method, path, contentType = 'application/json', body } = request;
  const headers = {
    accept: 'application/json',
    ...(body && { 'content-type': contentType, 'content-length': body.length }),
  };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const options = { ca, cert: certificate, key, method, headers, signal };
    httpsRequest(new URL(path, server), options, resolve).on('error', reject).end(body);
  });
}
