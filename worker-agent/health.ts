import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Router from '@koa/router';
import Koa from 'koa';
import { Agent, request } from 'undici';
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
  /** URL of the metrics of the node's network. */
  nodeMetrics: string;
}

const NODE_METRICS_TIMEOUT_MS = 5_000;
/** Far above what a node with its pods and peers tells. */
const MAX_NODE_METRICS = 8 << 20;

/**
 * Serves `/healthz`, `/readyz`, `/status`, `/metrics`, `/api/v1/metrics` and `/metrics/node`.
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

function application(state: AgentState, { sealToken, nodeMetrics }: HealthOptions): RequestListener {
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
  router.use(['/metrics', '/api/v1/metrics'], async (context, next) => {
    if (!bearerIs(context.get('authorization'), sealToken())) {
      context.set('www-authenticate', 'Bearer');
      context.throw(401, 'Cannot show metrics: the seal token is missing or another');
    }
    await next();
  });
  router.get(['/metrics', '/api/v1/metrics'], async (context) => {
    context.set('content-type', state.metrics.contentType);
    context.body = await state.metrics.metrics();
  });
  router.get('/metrics/node', async (context) => {
    try {
      context.body = await readNodeMetrics(nodeMetrics);
      context.set('content-type', state.metrics.contentType);
    } catch (error) {
      context.status = 503; // k3s agent is not there, or not yet
      context.body = `Cannot show the metrics of the node's network: ${(error as Error).message}\n`;
    }
  });
  const handle = new Koa().use(router.routes()).use(router.allowedMethods()).callback();
  return (request, response) => {
    handle(request, response).catch(() => response.destroy()); // koa could not even answer with an error
  };
}

async function readNodeMetrics(url: string): Promise<string> {
  const dispatcher = new Agent({ maxResponseSize: MAX_NODE_METRICS });
  try {
    const signal = AbortSignal.timeout(NODE_METRICS_TIMEOUT_MS);
    const { statusCode, body } = await request(url, { dispatcher, signal });
    if (statusCode !== 200) throw new Error(`k3s agent answers ${statusCode}`);
    return await body.text();
  } finally {
    await dispatcher.destroy();
  }
}

function bearerIs(header: string, token: string): boolean {
  const [given, expected] = [Buffer.from(header), Buffer.from(`Bearer ${token}`)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}
