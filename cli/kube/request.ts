import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { reasonOf } from '@daasvader/program/reason.ts';
import { z } from 'zod';
import { readStream } from '../bounded-stream.ts';
import type { Credential } from '../credential/issue.ts';
import { CliError } from '../error.ts';

const CONNECT_TIMEOUT_MS = 20_000;
const MAX_JSON_BYTES = 8 << 20;
const MAX_PROBLEM_BYTES = 1 << 14;

/** Kubernetes as the verified control plane named it, and the credential for it. */
export type Kubernetes = Pick<Credential, 'server' | 'ca' | 'certificate' | 'key'>;

/** Kubernetes said no, or nothing. */
export class KubernetesError extends CliError {
  /** Of the answer, RFC 9110; undefined when there was none. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super('kubernetes', message, options);
    this.name = 'KubernetesError';
    this.status = status;
  }
}

/**
 * Asks for what comes without end, such as a log; who reads it handles its errors.
 *
 * @param signal ends it
 * @throws KubernetesError
 */
export async function getStream(
  { server, ca, certificate, key }: Kubernetes,
  path: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const options = { ca, cert: certificate, key, headers: { accept: 'application/json, */*' }, signal };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(new URL(path, server), options, resolve);
    const fail = (cause: Error) =>
      reject(new KubernetesError(`Cannot reach ${server}: ${reasonOf(cause)}`, undefined, { cause }));
    request.on('error', fail);
    request.setTimeout(CONNECT_TIMEOUT_MS, () => request.destroy(new Error('no answer')));
    request.end();
  });
  answer.setTimeout(0); // a log may be silent for as long as it likes
  if (answer.statusCode === 200) return answer;
  const text = await readText(answer, MAX_PROBLEM_BYTES).catch(() => '');
  throw new KubernetesError(
    `Kubernetes refused: ${problemOf(answer.statusCode ?? 0, text)}`,
    answer.statusCode,
  );
}

/**
 * Asks for an object or a list.
 *
 * @throws KubernetesError
 */
export async function getJson<T>(kubernetes: Kubernetes, path: string, schema: z.ZodType<T>): Promise<T> {
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    const text = await readText(await getStream(kubernetes, path, signal), MAX_JSON_BYTES);
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof KubernetesError) throw cause;
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new KubernetesError(`Cannot read the answer of Kubernetes: ${why}`, undefined, { cause });
  }
}

/** @throws RangeError when there is more */
export async function readText(answer: IncomingMessage, maxBytes: number): Promise<string> {
  return (await readStream(answer, maxBytes)).toString('utf8');
}

function problemOf(status: number, text: string): string {
  try {
    return `${z.object({ message: z.string() }).parse(JSON.parse(text)).message} (${status})`;
  } catch {
    return `status ${status}`; // not a Status of Kubernetes
  }
}
