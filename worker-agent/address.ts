import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { WorkerConfig } from './config.ts';

/** How long the control plane's name may take to be looked up. */
const LOOKUP_MS = 5_000;

/**
 * The node's address: the configured one, or the one from which packets leave towards the control plane.
 * Connecting a UDP socket chooses a route and sends nothing.
 */
export async function ownAddress({ node, k3s }: WorkerConfig): Promise<string> {
  if (node.ip !== undefined) return node.ip;
  const { hostname } = new URL(k3s.master_endpoint);
  const socket = createSocket(hostname.startsWith('[') ? 'udp6' : 'udp4');
  try {
    socket.connect(9, hostname.replace(/^\[|\]$/g, ''));
    await once(socket, 'connect', { signal: AbortSignal.timeout(LOOKUP_MS) });
    return socket.address().address;
  } finally {
    socket.close();
  }
}
