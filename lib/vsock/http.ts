import type { Server } from 'node:http';
import type { ConnectionHandler } from './vsock.ts';

/**
 * Serves a port with an HTTP or HTTPS server that listens nowhere itself, its time limits in force.
 *
 * @param server its `headersTimeout` and `requestTimeout` end a peer that never finishes what it says
 */
export function httpHandler(server: Server): ConnectionHandler {
  // Node begins to watch over both limits at this event; without it, neither would ever end a request.
  server.emit('listening');
  return (socket) => {
    socket.on('error', () => socket.destroy());
    server.emit('connection', socket);
  };
}
