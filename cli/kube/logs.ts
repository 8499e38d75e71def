import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connect } from './open.ts';
import { findPod, hasEnded, type Pod } from './pods.ts';
import { getStream, type Kubernetes, KubernetesError } from './request.ts';

/** A line of a log is printed up to here at once. */
const MAX_LINE_BYTES = 1 << 20;

/** What of a log is wanted. */
export interface LogQuery {
  name: string;
  namespace: string | undefined;
  container: string | undefined;
  /** Lines from its end to begin with; all when undefined. */
  tail: string | undefined;
  previous: boolean;
  timestamps: boolean;
  follow: boolean;
}

/** How to go on after a connection ended. */
export interface Patience {
  retryMs: number;
  /** For how long nothing may be reached before it is given up. */
  giveUpMs: number;
}

/** Where lines go, and what a person is told. */
export interface LogSinks {
  line: (text: string) => Promise<void>;
  tell: (text: string) => void;
}

/**
 * Prints the log of a pod. While it follows, it goes on after the last line with a new credential whenever the connection
 * ends, and with the pod that took the place of one that is gone, until the pod has ended.
 *
 * @throws KubernetesError
 */
export async function printLog(
  connect: Connect,
  query: LogQuery,
  { line, tell }: LogSinks,
  { retryMs, giveUpMs }: Patience,
): Promise<void> {
  let pod: Pod | undefined;
  let last = '';
  let reachedMs = Date.now();
  for (;;) {
    try {
      const credential = await connect();
      const namespace = query.namespace ?? credential.namespace;
      const found = await findPod(credential, namespace, query.name, pod?.metadata.name);
      const isSame = pod?.metadata.name === found.metadata.name;
      if (pod !== undefined && !isSame) tell(`going on with pod ${found.metadata.name}`);
      if (!isSame) last = '';
      pod = found;
      const log = await open(credential, namespace, pod, query, last);
      for await (const text of linesOf(log)) {
        const { time, rest } = split(text);
        if (time !== '' && time <= last) continue; // the server begins with the whole second
        last = time || last; // the rest of a line that was too long has none
        await line(query.timestamps ? text : rest);
      }
      reachedMs = Date.now();
      if (!query.follow) return;
      const now = await findPod(credential, namespace, query.name, pod.metadata.name);
      if (now.metadata.name === pod.metadata.name && hasEnded(now)) return;
    } catch (error) {
      if (!query.follow || pod === undefined || !mayPass(error)) throw error;
      if (isGone(error) && pod.metadata.name === query.name) return; // that very pod was meant
      if (error instanceof BrokenLog) reachedMs = Date.now();
      if (Date.now() - reachedMs > giveUpMs) throw error;
      tell(`${(error as Error).message}; trying again`);
    }
    await sleep(retryMs);
  }
}

function open(
  kubernetes: Kubernetes,
  namespace: string,
  pod: Pod,
  query: LogQuery,
  last: string,
): Promise<IncomingMessage> {
  const { container, tail, previous, follow } = query;
  const parameters = new URLSearchParams({
    timestamps: 'true',
    follow: `${follow}`,
    previous: `${previous}`,
  });
  if (container !== undefined) parameters.set('container', container);
  if (last !== '') parameters.set('sinceTime', last);
  else if (tail !== undefined) parameters.set('tailLines', tail);
  const names = [namespace, pod.metadata.name].map(encodeURIComponent);
  return getStream(kubernetes, `/api/v1/namespaces/${names[0]}/pods/${names[1]}/log?${parameters}`);
}

/** Whether asking again may help: it was not refused for good. A pod that is gone may get a successor. */
function mayPass(error: unknown): boolean {
  if (error instanceof KubernetesError)
    return error.status === undefined || isGone(error) || isStarting(error) || error.status >= 429;
  return error instanceof BrokenLog || (error as { code?: unknown }).code === 'unreachable';
}

function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 404;
}

function isStarting({ status, message }: KubernetesError): boolean {
  return status === 400 && message.includes('waiting to start');
}

/** The connection ended in the middle of a log. */
class BrokenLog extends Error {}

/** Ends when the log does, or with a BrokenLog when the connection broke. */
async function* linesOf(log: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of log.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length <= MAX_LINE_BYTES) continue;
      yield rest;
      rest = '';
    }
  } catch (cause) {
    throw new BrokenLog('The connection to the log ended', { cause });
  }
  if (rest !== '') yield rest;
}

/** The time that Kubernetes puts before a line, RFC 3339 with up to nine decimals, in a form that sorts. */
function split(text: string): { time: string; rest: string } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?/.exec(text);
  if (match === null) return { time: '', rest: text };
  return { time: `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}Z`, rest: text.slice(match[0].length) };
}
