import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

/** Carries a connection to the Kubernetes server on the loopback interface, which ends its TLS. */
export function relayTo(port: number): (socket: Socket) => void {
  return (socket) => {
    const server = connect(port, '127.0.0.1');
    // Either side's end is the end of both: nothing more can be said to whoever is gone.
    pipeline(socket, server, socket, () => {
      socket.destroy();
      server.destroy();
    });
  };
}
