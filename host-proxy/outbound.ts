import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { httpHandler } from '@daasvader/vsock/http.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import { HostProxyError } from './error.ts';
import type { Metrics } from './metrics.ts';
import { type RelayOptions, relay } from './relay.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 4_096;

/**
 * Addresses that a public name must never lead to: loopback, private, link-local (cloud metadata), shared, multicast
 * and reserved ranges (RFC 6890), and IPv6 forms that embed an IPv4 address.
 */
const internal = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  internal.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  internal.addSubnet(net, prefix, 'ipv6');
}

/** Resolves a name to addresses, as `dns.lookup` with `all` does. */
export type Resolver = (host: string) => Promise<{ address: string; family: number }[]>;

/** What the enclave may reach, and how its tunnels end. */
export interface OutboundOptions extends RelayOptions {
  /** `host:port` in lower case, compared exactly. */
  readonly allow: ReadonlySet<string>;
  readonly resolve?: Resolver;
}

/** The HTTP CONNECT proxy through which the enclave reaches the allow-list, and nothing else. */
export function outboundHandler(options: OutboundOptions, metrics: Metrics, log: Logger): ConnectionHandler {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  });
  server.on('request', (_request, response) => {
    metrics.outbound.inc({ outcome: 'malformed' });
    response.writeHead(405, { allow: 'CONNECT', connection: 'close' }).end();
  });
  server.on('connect', async (request: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => client.destroy());
    try {
      const remote = await dial(request.url ?? '', options);
      metrics.outbound.inc({ outcome: 'open' });
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) remote.write(head);
      await relay(client, remote, options);
    } catch (error) {
      const refused = error instanceof HostProxyError && error.code === 'refused';
      metrics.outbound.inc({ outcome: refused ? 'refused' : 'unreachable' });
      log.warn({ err: error, target: request.url }, 'outbound tunnel was not opened');
      client.end(
        `HTTP/1.1 ${refused ? '403 Forbidden' : '502 Bad Gateway'}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    }
  });
  return httpHandler(server);
}

/** Opens the connection to an allowed target; the address that was checked is the address that is dialled. */
async function dial(target: string, { allow, resolve = resolveAll }: OutboundOptions): Promise<Socket> {
  if (!allow.has(target)) {
    throw new HostProxyError(
      'refused',
      `Cannot open a tunnel to ${JSON.stringify(target)}: not in the allow-list`,
    );
  }
  const { hostname, port } = splitAuthority(target);
  const address = await addressOf(hostname, resolve);
  const { promise, resolve: done, reject } = Promise.withResolvers<Socket>();
  const socket = connect({
    host: address,
    port,
    allowHalfOpen: true,
    noDelay: true,
    timeout: CONNECT_TIMEOUT_MS,
  });
  const onTimeout = () =>
    socket.destroy(new HostProxyError('chain', `Cannot connect to ${target}: no answer`));
  socket.once('timeout', onTimeout).once('error', reject);
  socket.once('connect', () => {
    socket.off('timeout', onTimeout).off('error', reject).setTimeout(0);
    done(socket);
  });
  return promise;
}

async function addressOf(hostname: string, resolve: Resolver): Promise<string> {
  // An address or `localhost` in the allow-list was written there on purpose; a name must lead to a public address.
  if (isIP(hostname)) return hostname;
  const found = await resolve(hostname);
  const usable = found.filter(({ address, family }) => {
    return hostname === 'localhost' || !internal.check(address, family === 6 ? 'ipv6' : 'ipv4');
  });
  const first = usable[0];
  if (!first) {
    throw new HostProxyError(
      'refused',
      `Cannot open a tunnel to ${hostname}: it resolves to internal addresses only`,
    );
  }
  return first.address;
}

const resolveAll: Resolver = (host) => lookup(host, { all: true });

function splitAuthority(authority: string): { hostname: string; port: number } {
  const colon = authority.lastIndexOf(':');
  return {
    hostname: authority.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(authority.slice(colon + 1)),
  };
}

/** The allow-list entry of a URL: its `host:port` with the port spelled out. */
export function authorityOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
