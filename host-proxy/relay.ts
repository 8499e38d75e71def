import type { Socket } from 'node:net';

/** When a relay gives up on a connection, in milliseconds. */
export interface RelayOptions {
  /** Neither side sent anything for so long: both are reset. */
  readonly idleMs: number;
  /**
   * One side is done; the other may pause for so long while it finishes what it was sending, and is reset then. A
   * half-close does not cross vsock.
   */
  readonly lingerMs: number;
}

/** How a relayed connection went: bytes each way, and the error that cut it, if any. */
export interface RelayResult {
  readonly fromFirst: number;
  readonly fromSecond: number;
  readonly error?: Error;
}

/**
 * Carries bytes between two sockets until both are closed, each side reading only as fast as the other one writes.
 * Whatever ends a connection but its own two ends resets both, so that nobody takes a cut connection for a finished one.
 *
 * Both sockets must have been opened with `allowHalfOpen`.
 */
export function relay(
  first: Socket,
  second: Socket,
  { idleMs, lingerMs }: RelayOptions,
): Promise<RelayResult> {
  const { promise, resolve } = Promise.withResolvers<RelayResult>();
  let error: Error | undefined;
  let open = [first, second].filter((socket) => !socket.closed).length;
  let linger: NodeJS.Timeout | undefined;

  const cut = (why?: Error) => {
    error ??= why;
    for (const socket of [first, second]) {
      // Whoever was sent everything, the end included, gets it from the system, which a reset would make forget it.
      if (why && !socket.writableFinished) reset(socket);
      else socket.destroy();
    }
  };
  const idle = setTimeout(() => cut(new Error(`nothing was sent for ${idleMs} ms`)), idleMs);
  const onEnd = () => {
    linger ??= setTimeout(
      () => cut(new Error(`one side was done, the other not in ${lingerMs} ms`)),
      lingerMs,
    );
  };
  const onData = () => {
    idle.refresh();
    linger?.refresh(); // what still flows comes whole
  };
  const onClose = () => {
    open -= 1;
    if (open > 0) return void onEnd();
    clearTimeout(linger);
    clearTimeout(idle);
    resolve({ fromFirst: first.bytesRead, fromSecond: second.bytesRead, ...(error && { error }) });
  };
  for (const [from, to] of [[first, second] as const, [second, first] as const]) {
    from.on('error', cut).on('end', onEnd).on('close', onClose);
    from.on('data', onData);
    from.pipe(to);
  }
  if (first.destroyed || second.destroyed) cut(); // one left before the other was there
  return promise;
}

/** Ends a connection with a TCP reset; a Unix socket knows none and is closed. */
export function reset(socket: Socket): void {
  if (socket.remoteAddress) socket.resetAndDestroy();
  else socket.destroy();
}
