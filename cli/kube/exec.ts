import { PassThrough, type Readable, type Writable } from 'node:stream';
import { Exec } from '@kubernetes/client-node';
import { z } from 'zod';
import { type Connection, configOf, connected, feed } from './connection.ts';
import { type Kubernetes, KubernetesError } from './request.ts';

/** metav1.Status, as exec ends with it: client-go, tools/remotecommand/v4.go. */
const status = z.object({
  status: z.string().optional(),
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })) })
    .partial()
    .nullish(),
});

/** A command to run, and where. */
export interface PodCommand {
  namespace: string;
  pod: string;
  /** The only one, when undefined. */
  container: string | undefined;
  command: readonly string[];
  /** On a terminal of its own, which joins what it tells with what it prints. */
  tty: boolean;
}

/** Where it reads and prints. */
export interface CommandStreams {
  stdin: Readable | undefined;
  stdout: Writable;
  stderr: Writable;
}

/**
 * Runs a command in a pod to its end.
 *
 * @returns its exit code
 * @throws KubernetesError when it cannot be run, or the connection ends before it does
 */
export async function runInPod(
  kubernetes: Kubernetes,
  { namespace, pod, container, command, tty }: PodCommand,
  { stdin, stdout, stderr }: CommandStreams,
  connection?: Connection,
): Promise<number> {
  const input = stdin === undefined ? null : new PassThrough();
  const exec = new Exec(configOf(kubernetes), connection);
  const ended = Promise.withResolvers<number>();
  ended.promise.catch(() => {}); // it may end before it is waited for
  const connecting = exec.exec(
    encodeURIComponent(namespace),
    encodeURIComponent(pod),
    container as string, // sent empty when there is none, which means the only one
    [...command],
    stdout,
    tty ? null : stderr,
    input,
    tty,
    (ending) => settle(ending, ended),
  );
  const socket = await connected(connecting, kubernetes, `run a command in ${pod}`);
  socket.onclose = () =>
    ended.reject(
      new KubernetesError(
        'Cannot say how the command ended: the connection ended before it, as it does when a credential of ten minutes does',
      ),
    );
  if (stdin !== undefined && input !== null) void feed(stdin, input, () => socket.bufferedAmount);
  return ended.promise.finally(() => socket.close());
}

function settle(ending: unknown, { resolve, reject }: PromiseWithResolvers<number>): void {
  const parsed = status.safeParse(ending);
  if (!parsed.success) return reject(new KubernetesError('Cannot read how the command ended'));
  if (parsed.data.status === 'Success') return resolve(0);
  const { message = 'no reason given', reason, details } = parsed.data;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message ?? '';
  if (reason === 'NonZeroExitCode' && /^\d{1,3}$/.test(code)) return resolve(Number(code));
  reject(new KubernetesError(`Cannot run the command: ${message}`));
}
