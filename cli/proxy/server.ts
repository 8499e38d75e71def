import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MAX_REFERENCED_BYTES } from '@daasvader/chain/calls/user.ts';
import type { SelfSigned } from '@daasvader/program/self-signed.ts';
import { readStream } from '../bounded-stream.ts';
import { LONG_MS } from '../kube/open.ts';
import type { Orders } from './orders.ts';
import { type ClientRequest, routeOf } from './route.ts';
import { type Answer, answerTo, Refusal } from './status.ts';
import type { Upstream } from './upstream.ts';
import { warningHeader } from './warning.ts';

const LOOPBACK = '127.0.0.1';
/** Of one person's tools; a watch is one. */
const MAX_CONNECTIONS = 512;
/** What Kubernetes takes a body for whose type it is not told, but for that of a patch. */
const JSON_TYPE = 'application/json';
/** RFC 9110, section 7.6.1, and what is between the client and us alone. */
const NOT_PASSED_ON = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['authorization', 'host', 'proxy-authorization'],
];

/** What a proxy answers with, and to whom. */
export interface ProxyOptions {
  upstream: Upstream;
  orders: Orders;
  tls: SelfSigned;
  /** Who knows it may use it. */
  secret: string;
  /** On loopback; 0 for any that is free. */
  port: number;
}

/**
 * Serves the API of Kubernetes on loopback for whoever knows the secret: reads go to Kubernetes, writes through the chain.
 *
 * @throws what the system says when the port cannot be had
 */
export async function startProxy(options: ProxyOptions): Promise<{ server: Server; url: string }> {
  const { key, certificate: cert } = options.tls;
  const server = createServer({ key, cert, maxHeaderSize: 1 << 16 });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(options.port, LOOPBACK);
  await once(server, 'listening');
  const host = `${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  const doorkeeper = doorkeeperOf(options.secret, host);
  server.on('request', (request, response) => {
    serve(options, doorkeeper, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else write(response, answerTo(error));
    });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    connect(options, doorkeeper, request, socket, head).catch((error: unknown) =>
      refuse(socket, answerTo(error)),
    );
  });
  return { server, url: `https://${host}` };
}

type Doorkeeper = (headers: IncomingHttpHeaders) => void;

/** Lets in who knows the secret and means us. No page of a browser does either, and none is ever let read an answer. */
function doorkeeperOf(secret: string, host: string): Doorkeeper {
  const expected = digest(`Bearer ${secret}`);
  return (headers) => {
    if (headers.host !== host || headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
      throw new Refusal(403, `daas: Only programs are served here, at ${host}`);
    if (!timingSafeEqual(digest(headers.authorization ?? ''), expected))
      throw new Refusal(401, 'daas: Use the kubeconfig that daas proxy wrote');
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function serve(
  { upstream, orders }: ProxyOptions,
  letIn: Doorkeeper,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  letIn(request.headers);
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const asked = await readRequest(request);
  const route = routeOf(asked);
  if (route.to === 'chain') {
    assertPlain(request.headers);
    return write(response, await orders.carryOut(asked, route.query, gone.signal));
  }
  const { method = '', url = '' } = request;
  const { body } = asked;
  const headers = { ...passedOn(request), ...(body.length > 0 && { 'content-length': body.length }) };
  const answer = await upstream.ask({ method, path: url, headers, body, signal: gone.signal });
  response.writeHead(answer.statusCode ?? 502, passedOn(answer));
  if (answer.headers['content-length'] === undefined) response.flushHeaders(); // a watch may be silent for long
  await pipeline(answer, response);
}

/** Impersonation is the cluster's own, and what it is asked of an order would be lost. */
function assertPlain(headers: IncomingHttpHeaders): void {
  if (Object.keys(headers).some((name) => name.startsWith('impersonate-')))
    throw new Refusal(403, 'daas: Cannot order as another user; leave out --as');
  if (headers['content-encoding'] !== undefined)
    throw new Refusal(415, 'daas: Cannot order a compressed body');
}

async function readRequest(request: IncomingMessage): Promise<ClientRequest> {
  const { method = '', url = '', headers } = request;
  const at = url.indexOf('?');
  const [path, query] = at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
  const body = await readBody(request);
  const contentType = headers['content-type'] || (body.length > 0 && method !== 'PATCH' ? JSON_TYPE : '');
  return { method, path, query: new URLSearchParams(query), contentType, body };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
  if (length === '0' && coding === undefined) return Buffer.alloc(0);
  return readStream(request, MAX_REFERENCED_BYTES).catch((cause: Error) => {
    if (cause instanceof RangeError)
      throw new Refusal(413, `daas: Cannot send more than ${MAX_REFERENCED_BYTES} bytes`);
    throw cause;
  });
}

/** A shell, a forwarded port: what both sides say goes on as it comes. */
async function connect(
  { upstream }: ProxyOptions,
  letIn: Doorkeeper,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { method = '', url = '', headers } = request;
  letIn(headers);
  const gone = new AbortController();
  socket.on('close', () => gone.abort());
  const upgrading = { ...passedOn(request), connection: 'Upgrade', upgrade: headers.upgrade };
  const asking = { method, path: url, headers: upgrading, signal: gone.signal };
  const { response, socket: remote, head: first } = await upstream.upgrade(asking, LONG_MS);
  socket.write(headOf(response));
  if (remote === undefined) return pipeline(response, socket);
  if (first !== undefined && first.length > 0) socket.write(first);
  if (head.length > 0) remote.write(head);
  remote.on('error', () => remote.destroy());
  // Either side may end first; then nobody is left to talk to.
  for (const [from, to] of [[socket, remote] as const, [remote, socket] as const]) {
    from.pipe(to);
    from.on('close', () => to.destroy());
  }
}

/** The beginning of an answer, as it came; the connection is of no use after it unless it is the one that was asked for. */
function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1]]] : []));
  const passed = lines.filter(
    ([name]) => statusCode === 101 || !NOT_PASSED_ON.includes(String(name).toLowerCase()),
  );
  const end = statusCode === 101 ? [] : [['connection', 'close']];
  const text = [...passed, ...end].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${text}\r\n`;
}

function refuse(socket: Duplex, { status, contentType, body }: Answer): void {
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  if (socket.writable) socket.end(Buffer.concat([Buffer.from(head), body]));
}

function write(response: ServerResponse, answer: Answer): void {
  const { status, warnings, contentType, body, retryAfter } = answer;
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  response.setHeader('warning', warnings.map(warningHeader));
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
}

/** Each line as it came, but for those that are not passed on. */
function passedOn({ headersDistinct }: IncomingMessage): Record<string, string[]> {
  const lines = Object.entries(headersDistinct).filter(([name]) => !NOT_PASSED_ON.includes(name));
  return Object.fromEntries(lines.map(([name, values]) => [name, values ?? []]));
}
