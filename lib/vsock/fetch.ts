import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Agent, fetch } from 'undici';
import { openTunnel } from './tunnel.ts';
import { type Vsock, VsockError } from './vsock.ts';

const TLS_TIMEOUT_MS = 10_000;
/** To one server at once; what is more waits for its turn. The host turns away a peer that opens many more. */
const MAX_CONNECTIONS = 32;
/** The longest answer that is read: the host, which can forge all of them, must not fill the memory. */
const MAX_ANSWER_BYTES = 32 << 20;

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
  return fetchOver(() => vsock.connect(port));
}

/**
 * A `fetch` for the outside world through the CONNECT proxy on a vsock port of the host. With `https:` URLs the TLS
 * session ends here and at the server, which is checked against Node's root certificates; with `http:` URLs the host
 * can read and forge everything.
 */
export function proxyFetch(vsock: Vsock, proxyPort: number): ClosableFetch {
  return fetchOver(async (url) => {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    const socket = await openTunnel(vsock, proxyPort, `${url.hostname}:${port}`);
    return url.protocol === 'https:' ? secure(socket, url.hostname) : socket;
  });
}

function fetchOver(open: (url: URL) => Promise<Socket>): ClosableFetch {
  const dispatcher = new Agent({
    connections: MAX_CONNECTIONS,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect: ({ protocol, host, hostname }, callback) => {
      open(new URL(`${protocol}//${host ?? hostname}`)).then(
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

function secure(socket: Socket, hostname: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const host = hostname.replace(/^\[|\]$/g, '');
  // A server name is never an address (RFC 6066 section 3); the certificate is checked against `host` all the same.
  const name = isIP(host) ? {} : { servername: host };
  const tls = connectTls({ socket, host, ...name, ALPNProtocols: ['http/1.1'] });
  const late = () =>
    tls.destroy(new VsockError('timeout', `Cannot connect to ${host}: TLS handshake took too long`));
  tls.setTimeout(TLS_TIMEOUT_MS, late);
  tls.once('error', reject).once('secureConnect', () => {
    tls.setTimeout(0, late);
    tls.off('error', reject);
    resolve(tls);
  });
  return promise;
}
