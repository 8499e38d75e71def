import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { httpHandler } from '@daasvader/vsock/http.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import { HostProxyError } from './error.ts';
import type { Metrics } from './metrics.ts';
import { type RelayOptions, relay } from './relay.ts';

/** For all addresses of a name together, each its part: a little less than the enclave waits for its tunnel. */
const CONNECT_TIMEOUT_MS = 9_000;
const MAX_ADDRESSES = 4;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 4_096;

/**
 * Addresses that a public name must never lead to: loopback, private, link-local (cloud metadata), shared, multicast
 * and reserved ranges (RFC 6890), and IPv6 forms that embed an IPv4 address. A list for each family: BlockList takes
 * every IPv4 address for one of `::ffff:0:0/96`.
 */
const internal = { 4: new BlockList(), 6: new BlockList() } as const;
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
  internal[4].addSubnet(net, prefix, 'ipv4');
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
  internal[6].addSubnet(net, prefix, 'ipv6');
}

type Address = { address: string; family: number };

/** Resolves a name to addresses, as `dns.lookup` with `all` does. */
export type Resolver = (host: string) => Promise<Address[]>;

/** What the enclave may reach, and how its tunnels end. */
export interface OutboundOptions extends RelayOptions {
  /** `host:port` in lower case, compared exactly. */
  readonly allow: ReadonlySet<string>;
  readonly resolve?: Resolver;
  /** How long a target may take to answer, in ms, all its addresses together. */
  readonly connectMs?: number;
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

/**
 * Opens the connection to an allowed target: what was compared with the allow-list is what is taken apart here, and the
 * addresses that were checked are the ones that are dialled, one after the other until one answers.
 */
async function dial(
  target: string,
  { allow, resolve = resolveAll, ...options }: OutboundOptions,
): Promise<Socket> {
  if (!allow.has(target)) {
    throw new HostProxyError(
      'refused',
      `Cannot open a tunnel to ${JSON.stringify(target)}: not in the allow-list`,
    );
  }
  const { hostname, port } = splitAuthority(target);
  const addresses = await addressesOf(hostname, resolve);
  const { promise, resolve: done, reject } = Promise.withResolvers<Socket>();
  const { connectMs = CONNECT_TIMEOUT_MS } = options;
  const socket = connect({
    host: hostname,
    port,
    lookup: (_name, _options, callback) => callback(null, addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.floor(connectMs / addresses.length),
    allowHalfOpen: true,
    noDelay: true,
  });
  const late = () => socket.destroy(new HostProxyError('chain', `Cannot connect to ${target}: no answer`));
  const timer = setTimeout(late, connectMs);
  socket.once('error', reject).once('connect', () => {
    socket.off('error', reject);
    done(socket);
  });
  return promise.finally(() => clearTimeout(timer));
}

/** The addresses that a target leads to, so many of them as are worth an attempt. */
async function addressesOf(hostname: string, resolve: Resolver): Promise<Address[]> {
  // An address or `localhost` in the allow-list was written there on purpose; a name must lead to a public address.
  const family = isIP(hostname);
  if (family) return [{ address: hostname, family }];
  const found = await resolve(hostname);
  const usable = found.filter(({ address, family }) => {
    return hostname === 'localhost' || !isInternal(address, family);
  });
  if (usable.length === 0) {
    throw new HostProxyError(
      'refused',
      `Cannot open a tunnel to ${hostname}: it resolves to internal addresses only`,
    );
  }
  return usable.slice(0, MAX_ADDRESSES);
}

function isInternal(address: string, family: number): boolean {
  return family === 6 ? internal[6].check(address, 'ipv6') : internal[4].check(address, 'ipv4');
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
