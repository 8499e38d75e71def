import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Exec, KubeConfig } from '@kubernetes/client-node';
import { type Kubernetes, KubernetesError } from './request.ts';

const CONNECT_TIMEOUT_MS = 20_000;
/** What may wait to be sent before no more is read. */
const MAX_WAITING_BYTES = 1 << 20;
const DRAIN_POLL_MS = 5;

/** What makes connections, as the client library has it. */
export type Connection = NonNullable<ConstructorParameters<typeof Exec>[1]>;

/** The same as the client library takes it: this CA, this certificate, and nothing of the machine. */
export function configOf({ server, ca, certificate, key }: Kubernetes): KubeConfig {
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

/**
 * Waits until there is a connection.
 *
 * @param what it is for, as the message says it
 * @throws KubernetesError
 */
export async function connected<T>(connecting: Promise<T>, { server }: Kubernetes, what: string): Promise<T> {
  const late = sleep(CONNECT_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new KubernetesError(`Cannot reach ${server}: no answer`);
  });
  late.catch(() => {}); // it comes in any case, mostly when nobody waits any more
  return Promise.race([connecting, late]).catch((cause: { message?: string }) => {
    if (cause instanceof KubernetesError) throw cause;
    throw new KubernetesError(`Cannot ${what}: ${cause.message ?? 'no reason'}`, undefined, { cause });
  });
}

/**
 * Reads no faster than it is sent.
 *
 * @param waiting bytes that are not sent yet
 * @param passesEnd whether the end of the one becomes that of the other
 */
export async function feed(
  stdin: Readable,
  input: Writable,
  waiting: () => number,
  passesEnd = true,
): Promise<void> {
  try {
    for await (const chunk of stdin) {
      input.write(chunk);
      while (waiting() > MAX_WAITING_BYTES) await sleep(DRAIN_POLL_MS);
    }
  } catch {
    // It was closed, because the command has ended.
  }
  if (passesEnd) input.end();
}
