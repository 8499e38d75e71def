import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Agent, fetch } from 'undici';
import { openTunnel } from './tunnel.ts';
import { type Vsock, VsockError } from './vsock.ts';

/** To one server at once; what is more waits for its turn. The host turns away a peer that opens many more. */
const MAX_CONNECTIONS = 32;
/** The longest answer that is read: the host, which can forge all of them, must not fill the memory. */
const MAX_ANSWER_BYTES = 32 << 20;
/** Until an answer begins, and between two pieces of it. */
const SILENCE_MS = 60_000;
/** Opening a connection altogether, however often the other side says a little more. */
const CONNECT_TIMEOUT_MS = 20_000;

/** A `fetch` whose connections belong to it; close them when it is no longer needed. */
export interface ClosableFetch {
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

/**
 * A `fetch` for an HTTP service on a vsock port of the host: every URL goes there, `http://host/path` will do.
 * Nothing it returns may be trusted: the host can read and forge it.
 */
export function serviceFetch(vsock: Vsock, port: number): ClosableFetch {
  return fetchOver((_url, signal) => vsock.connect(port, { signal }), MAX_ANSWER_BYTES);
}

/**
 * A `fetch` for the outside world through the CONNECT proxy on a vsock port of the host. With `https:` URLs the TLS
 * session ends here and at the server, which is checked against Node's root certificates; with `http:` URLs the host
 * can read and forge everything.
 *
 * @param maxAnswerBytes infinite for a caller that bounds by itself what it reads, such as of a stream
 */
export function proxyFetch(
  vsock: Vsock,
  proxyPort: number,
  maxAnswerBytes = MAX_ANSWER_BYTES,
): ClosableFetch {
  return fetchOver(async (url, signal) => {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    const socket = await openTunnel(vsock, proxyPort, `${url.hostname}:${port}`, { signal });
    return url.protocol === 'https:' ? secure(socket, url.hostname, signal) : socket;
  }, maxAnswerBytes);
}

function fetchOver(
  open: (url: URL, signal: AbortSignal) => Promise<Socket>,
  maxAnswerBytes: number,
): ClosableFetch {
  const dispatcher = new Agent({
    connections: MAX_CONNECTIONS,
    maxResponseSize: Number.isFinite(maxAnswerBytes) ? maxAnswerBytes : -1,
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    connect: ({ protocol, host, hostname }, callback) => {
      open(new URL(`${protocol}//${host ?? hostname}`), AbortSignal.timeout(CONNECT_TIMEOUT_MS)).then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      );
    },
  });
  const bound = (input: RequestInfo | URL, init?: RequestInit) =>
    // undici's own fetch types and Node's are the same interface, declared twice.
    fetch(input as Parameters<typeof fetch>[0], { ...(init as Parameters<typeof fetch>[1]), dispatcher });
  return { fetch: bound as unknown as typeof globalThis.fetch, close: () => dispatcher.close() };
}

function secure(socket: Socket, hostname: string, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const host = hostname.replace(/^\[|\]$/g, '');
  // A server name is never an address (RFC 6066 section 3); the certificate is checked against `host` all the same.
  const name = isIP(host) ? {} : { servername: host };
  const tls = connectTls({ socket, host, ...name, ALPNProtocols: ['http/1.1'] });
  const late = () =>
    tls.destroy(new VsockError('timeout', `Cannot connect to ${host}: TLS handshake took too long`));
  signal.addEventListener('abort', late);
  if (signal.aborted) late();
  tls.once('error', reject).once('secureConnect', () => {
    signal.removeEventListener('abort', late);
    tls.off('error', reject);
    resolve(tls);
  });
  return promise;
}
