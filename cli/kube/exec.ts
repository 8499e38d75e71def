import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { type Kubernetes, KubernetesError } from './request.ts';

const CONNECT_TIMEOUT_MS = 20_000;
/** What may wait to be sent before no more is read. */
const MAX_WAITING_BYTES = 1 << 20;
const DRAIN_POLL_MS = 5;

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

/** The connection, as the client library makes it. */
export type Connection = NonNullable<ConstructorParameters<typeof Exec>[1]>;

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
    container as string, // left out of the query when there is none
    [...command],
    stdout,
    tty ? null : stderr,
    input,
    tty,
    (ending) => settle(ending, ended),
  );
  const late = sleep(CONNECT_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new KubernetesError(`Cannot reach ${kubernetes.server}: no answer`);
  });
  late.catch(() => {});
  const socket = await Promise.race([connecting, late]).catch((cause: { message?: string }) => {
    if (cause instanceof KubernetesError) throw cause;
    throw new KubernetesError(`Cannot run a command in ${pod}: ${cause.message ?? 'no reason'}`, undefined, {
      cause,
    });
  });
  socket.onclose = () =>
    ended.reject(new KubernetesError('Cannot say how the command ended: the connection ended before it'));
  if (stdin !== undefined && input !== null) void feed(stdin, input, () => socket.bufferedAmount);
  return ended.promise.finally(() => socket.close());
}

/** Reads no faster than it is sent. */
async function feed(stdin: Readable, input: Writable, waiting: () => number): Promise<void> {
  try {
    for await (const chunk of stdin) {
      input.write(chunk);
      while (waiting() > MAX_WAITING_BYTES) await sleep(DRAIN_POLL_MS);
    }
  } catch {
    // It was closed, because the command has ended.
  }
  input.end();
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

function configOf({ server, ca, certificate, key }: Kubernetes): KubeConfig {
  const config = new KubeConfig();
  const [caData, certData, keyData] = [ca, certificate, key].map((pem) =>
    Buffer.from(pem).toString('base64'),
  );
  config.loadFromClusterAndUser(
    { name: 'daasvader', server, caData: caData as string, skipTLSVerify: false },
    { name: 'user', certData: certData as string, keyData: keyData as string },
  );
  return config;
}
