import type { Socket } from 'node:net';
import { readLine } from './line.ts';
import { type ConnectOptions, type Vsock, VsockError } from './vsock.ts';

const MAX_LINE_BYTES = 1_024;
const MAX_HEADER_LINES = 32;
const TIMEOUT_MS = 10_000;

/**
 * Opens a byte stream to `authority` through the HTTP CONNECT proxy that listens on a vsock port of the host
 * (RFC 9110 section 9.3.6). Whatever travels in it must be encrypted end to end: the host carries it.
 *
 * @param authority `host:port`
 * @throws {VsockError} `refused` with the proxy's status when the proxy turns it down, or any code of `connect`
 */
export async function openTunnel(
  vsock: Vsock,
  proxyPort: number,
  authority: string,
  { timeoutMs = TIMEOUT_MS, signal }: ConnectOptions = {},
): Promise<Socket> {
  if (!/^[\w.:[\]-]+:\d{1,5}$/.test(authority)) {
    throw new VsockError('protocol', `Cannot open a tunnel to ${JSON.stringify(authority)}: not host:port`);
  }
  const late = AbortSignal.timeout(timeoutMs); // for all of it, however many lines the proxy takes
  const either = signal ? AbortSignal.any([late, signal]) : late;
  const socket = await vsock.connect(proxyPort, { timeoutMs, signal: either });
  try {
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    const next = () => readLine(socket, { timeoutMs, signal: either, maxBytes: MAX_LINE_BYTES });
    const status = await next();
    if (!/^HTTP\/1\.1 200( |\r)/.test(status)) {
      throw new VsockError(
        'refused',
        `Cannot open a tunnel to ${authority}: the proxy answered ${status.trim()}`,
      );
    }
    for (let lines = 0; (await next()) !== '\r'; lines += 1) {
      if (lines === MAX_HEADER_LINES)
        throw new VsockError('protocol', 'Cannot open a tunnel: too many headers');
    }
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
