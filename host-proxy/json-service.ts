import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { httpHandler } from '@daasvader/vsock/http.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import { HostProxyError, type HostProxyErrorCode } from './error.ts';
import type { Metrics } from './metrics.ts';

const MAX_HEADER_BYTES = 4_096;
const REQUEST_TIMEOUT_MS = 30_000;
/** Neither side sent anything for so long, such as a client that does not take its answer. */
const IDLE_MS = 60_000;
const MAX_BODY_BYTES = 8 << 20;
/** How long a client that was refused may take to stop sending. */
const LINGER_MS = 1_000;

/** Answers one route; what it returns is sent as JSON with status 200. */
export type Route = (input: { query: URLSearchParams; body: unknown }) => Promise<unknown>;

/** Routes by method and path, such as `POST /seat`. */
export type Routes = Readonly<Record<string, Route>>;

const STATUS: Partial<Record<HostProxyErrorCode, number>> = {
  request: 400,
  refused: 403,
  conflict: 409,
  fails: 422,
  budget: 429,
  chain: 502,
};

/** HTTP/1.1 with JSON over vsock connections. Errors are RFC 9457 problem documents with a `code`. */
export function jsonService(routes: Routes, metrics: Metrics, log: Logger): ConnectionHandler {
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { name, status, answer } = await dispatch(routes, request);
    metrics.hostRequests.inc({ route: name, status: String(status) });
    if (status >= 400) log.warn({ route: name, status, answer }, 'host request failed');
    const type = status === 200 ? 'application/json' : 'application/problem+json';
    const body = JSON.stringify(answer);
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(body, () => request.complete || endSoon(request));
  };
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
    },
    (request, response) => {
      respond(request, response).catch((err: unknown) => {
        log.error({ err }, 'Cannot answer a host request');
        response.destroy();
      });
    },
  );
  server.setTimeout(IDLE_MS);
  return httpHandler(server);
}

/**
 * Drops what a client still sends of a refused body, for a moment, and then the connection: if that was cut with bytes
 * unread, TCP would reset it, and the client might lose the answer.
 */
function endSoon(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), LINGER_MS);
  request.resume().once('close', () => clearTimeout(timer));
}

interface Answer {
  readonly name: string;
  readonly status: number;
  readonly answer: unknown;
}

async function dispatch(routes: Routes, request: IncomingMessage): Promise<Answer> {
  const { pathname, searchParams } = new URL(
    `http://host${request.url?.startsWith('/') ? request.url : '/'}`,
  );
  const name = `${request.method} ${pathname}`;
  const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (!route) return { name: 'unknown', status: 404, answer: problem(404, 'request', `There is no ${name}`) };
  try {
    const body = request.method === 'POST' ? await readJson(request) : undefined;
    return { name, status: 200, answer: await route({ query: searchParams, body }) };
  } catch (error) {
    const { code, message, command } = asHostProxyError(error);
    const status = STATUS[code] ?? 500;
    return { name, status, answer: { ...problem(status, code, message), command } };
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  // The answer to a refused body still has to go out, so leaving the loop must not destroy the request.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES)
      throw new HostProxyError('request', `Cannot read the body: over ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch (cause) {
    throw new HostProxyError('request', 'Cannot read the body: it is not JSON', { cause });
  }
}

function asHostProxyError(error: unknown): HostProxyError {
  if (error instanceof HostProxyError) return error;
  if (error instanceof ZodError) {
    const problems = error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    return new HostProxyError('request', `Cannot use the request: ${problems.join('; ')}`, { cause: error });
  }
  return new HostProxyError('store', `Cannot answer: ${(error as Error).message}`, { cause: error });
}

function problem(status: number, code: string, detail: string): object {
  return { type: 'about:blank', title: code, status, code, detail };
}
