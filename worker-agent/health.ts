import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Router from '@koa/router';
import Koa from 'koa';
import { STATUS_PATH } from './agent-status.ts';
import { WorkerError } from './error.ts';
import type { AgentState } from './state.ts';

/** Where health and metrics are served. */
export interface HealthOptions {
  port: number;
  /** Files in PEM. Without them the endpoint is plain HTTP on loopback only. */
  tls: { cert: string; key: string } | undefined;
  /** Bearer token that metrics ask for; it may be renewed meanwhile. */
  sealToken: () => string;
}

/**
 * Serves `/healthz`, `/readyz`, `/status`, `/metrics` and `/api/v1/metrics`.
 * @throws WorkerError `config` when the port or the certificate cannot be used
 */
export async function serveHealth(state: AgentState, options: HealthOptions): Promise<Server> {
  const server = await listenerOf(application(state, options), options.tls);
  server.listen(options.port, options.tls === undefined ? '127.0.0.1' : undefined);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { message } = cause as Error;
    throw new WorkerError(
      'config',
      `Cannot serve health on port ${options.port}: ${message}; change node.port`,
      {
        cause,
      },
    );
  }
  return server;
}

async function listenerOf(handle: RequestListener, tls: HealthOptions['tls']): Promise<Server> {
  if (tls === undefined) return createServer(handle);
  const [cert, key] = await Promise.all([readPem(tls.cert), readPem(tls.key)]);
  return createTlsServer({ cert, key, minVersion: 'TLSv1.3' }, handle);
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new WorkerError('config', `Cannot serve health over TLS: ${(cause as Error).message}`, { cause });
  }
}

function application(state: AgentState, { sealToken }: HealthOptions): RequestListener {
  const router = new Router();
  router.get('/healthz', (context) => {
    context.body = 'ok\n';
  });
  router.get('/readyz', (context) => {
    const ready = state.status.phase === 'running';
    context.status = ready ? 200 : 503;
    context.body = `${ready ? 'ok' : state.status.phase}\n`;
  });
  router.get(STATUS_PATH, (context) => {
    context.body = state.status;
  });
  router.get(['/metrics', '/api/v1/metrics'], async (context) => {
    if (!bearerIs(context.get('authorization'), sealToken())) {
      context.set('www-authenticate', 'Bearer');
      context.throw(401, 'Cannot show metrics: the seal token is missing or another');
    }
    context.set('content-type', state.metrics.contentType);
    context.body = await state.metrics.metrics();
  });
  const handle = new Koa().use(router.routes()).use(router.allowedMethods()).callback();
  return (request, response) => {
    handle(request, response).catch(() => response.destroy()); // koa could not even answer with an error
  };
}

function bearerIs(header: string, token: string): boolean {
  const [given, expected] = [Buffer.from(header), Buffer.from(`Bearer ${token}`)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}
