import type { Socket } from 'node:net';
import { VsockError } from './vsock.ts';

/** `CONNECT 4294967295\n` has 19 bytes; whoever sends more does not speak the hybrid vsock handshake. */
const MAX_LINE_BYTES = 32;
const NEWLINE = 0x0a;

/** Limits of {@link readLine}. */
export interface ReadLineOptions {
  readonly timeoutMs: number;
  /** Longest line accepted, without its newline; 32 unless given. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads one handshake line and not a byte more: what follows it stays in the socket for its next reader.
 *
 * @returns the line without its newline
 * @throws {VsockError} `refused` when the peer closes first, `timeout`, `aborted`, `protocol` when the line is too long
 */
export function readLine(socket: Socket, options: ReadLineOptions): Promise<string> {
  const { timeoutMs, signal, maxBytes = MAX_LINE_BYTES } = options;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let line = '';

  const fail = (code: VsockError['code'], why: string, cause?: unknown) => {
    stop();
    reject(new VsockError(code, `Cannot read the handshake: ${why}`, { cause }));
  };
  const onReadable = () => {
    // One byte at a time, so that the bytes behind the newline are never taken out of the socket.
    for (let chunk = socket.read(1); chunk !== null; chunk = socket.read(1)) {
      if (chunk[0] === NEWLINE) {
        stop();
        return resolve(line);
      }
      line += String.fromCharCode(chunk[0]);
      if (line.length > maxBytes) return fail('protocol', `line longer than ${maxBytes} bytes`);
    }
  };
  const onClose = () => fail('refused', 'peer closed the connection');
  const onError = (cause: Error) => fail('refused', cause.message, cause);
  const onAbort = () => fail('aborted', 'called off', signal?.reason);
  const timer = setTimeout(() => fail('timeout', `no answer within ${timeoutMs} ms`), timeoutMs);

  function stop(): void {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    socket.off('readable', onReadable).off('end', onClose).off('close', onClose).off('error', onError);
  }

  signal?.addEventListener('abort', onAbort);
  socket.on('readable', onReadable).on('end', onClose).on('close', onClose).on('error', onError);
  if (signal?.aborted) onAbort();
  return promise;
}
