import { request } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { listenPath } from '@daasvader/vsock/unix-socket.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import { z } from 'zod';
import { HostProxyError } from './error.ts';

/** Signing, executing and waiting for a transaction takes a few seconds. */
const ANSWER_MS = 60_000;

const problem = z.object({ detail: z.string() });

/**
 * The socket in `host.state_dir` by which commands reach the host proxy that runs, as its own user only: two processes
 * that pay from one account might name the same coin.
 *
 * @throws {VsockError} `in-use` when another host proxy runs on this folder, `path`
 */
export function listenForCommands(stateDir: string, handler: ConnectionHandler): Promise<Server> {
  return listenPath(socketOf(stateDir), handler);
}

/**
 * Asks the host proxy that runs on this folder.
 *
 * @returns its answer, or nothing when none runs
 * @throws {HostProxyError} `request` with what it refused, or when it does not answer
 */
export async function askRunning(stateDir: string, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; body: unknown } | undefined>();
  const asked = request({
    socketPath: socketOf(stateDir),
    path,
    method: 'POST',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const fail = (error: Error) =>
    reject(new HostProxyError('request', `Cannot ask the host proxy that runs: ${error.message}`));
  asked.once('response', (response) => {
    json(response).then((body) => resolve({ ok: response.statusCode === 200, body }), fail);
  });
  asked.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
    else fail(error);
  });
  asked.end('{}');
  const answer = await promise;
  if (answer === undefined || answer.ok) return answer?.body;
  throw new HostProxyError('request', problem.parse(answer.body).detail);
}

function socketOf(stateDir: string): string {
  return join(stateDir, 'control');
}
