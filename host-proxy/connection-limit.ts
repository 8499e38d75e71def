import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';

/**
 * Hands on so many connections at once and cuts off the others, so that a flood costs the host no memory.
 *
 * @param onRefused called for each that was cut off
 */
export function limitConnections(
  handler: ConnectionHandler,
  max: number,
  onRefused: () => void,
): ConnectionHandler {
  let open = 0;
  return (socket) => {
    if (open >= max) {
      socket.destroy();
      return onRefused();
    }
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    handler(socket);
  };
}
