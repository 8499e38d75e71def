import { rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { ENCLAVE_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock, VsockListener } from '@daasvader/vsock/vsock.ts';
import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from '../log.ts';
import { problems } from './problem.ts';
import { RateLimit } from './rate-limit.ts';

const LIMITS: ServerOptions = {
  maxHeaderSize: 8_192,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
};

/** What a TLS server shows and signs with, in PEM. */
export interface TlsCredentials {
  readonly key: string;
  readonly certificate: string;
}

/** Adds its routes to the API. */
export type Routes = (router: Router) => void;

/**
 * An API of this process, behind the bound TLS key or, for port 6443, on a Unix socket.
 *
 * @param limit shared by those that are to be bounded together
 */
export function createApi(routes: readonly Routes[], log: Logger, limit = new RateLimit()): Koa {
  const api = new Koa();
  const router = new Router();
  for (const add of routes) add(router);
  // koa prints errors by itself unless somebody listens; `problems` answers and logs them.
  api.on('error', (error: Error) => log.debug({ error: String(error) }, 'api: connection failed'));
  api.use(problems(log));
  const paths = new Set(router.stack.map(({ path }) => path));
  api.use(limit.middleware((path) => (paths.has(path) ? path : 'none')));
  api.use(router.routes());
  return api;
}

/** Serves the API over TLS 1.3 on the enclave's vsock port, until what this returns is closed. */
export async function listenTls(
  api: Koa,
  vsock: Vsock,
  { key, certificate }: TlsCredentials,
): Promise<VsockListener> {
  const server = createHttpsServer(
    { ...LIMITS, key, cert: certificate, minVersion: 'TLSv1.3' },
    handlerOf(api),
  );
  // Node enforces the time limits only once a server listens, and this one is handed its connections.
  server.emit('listening');
  return await vsock.listen(ENCLAVE_PORT.api, (socket) => {
    socket.on('error', () => socket.destroy());
    server.emit('connection', socket);
  });
}

/** Serves the API to the Kubernetes server, which ends TLS for it under its own, bound, certificate. */
export async function listenUnix(api: Koa, path: string): Promise<void> {
  await rm(path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  createHttpServer(LIMITS, handlerOf(api)).once('error', reject).listen(path, resolve);
  await promise;
}

/** What koa could not answer, not even with an error, is cut off. */
function handlerOf(api: Koa): RequestListener {
  const handle = api.callback();
  return (request, response) => {
    handle(request, response).catch(() => response.destroy());
  };
}
