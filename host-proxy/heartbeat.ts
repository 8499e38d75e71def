import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Metrics } from './metrics.ts';

/** What a booted enclave says to its parent and expects back (AWS's enclave init does the same). */
const HEARTBEAT = 0xb7;

/** Answers each heartbeat byte with itself and cuts off whoever says anything else. */
export function heartbeatHandler(metrics: Metrics): ConnectionHandler {
  return (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (bytes.some((byte) => byte !== HEARTBEAT)) return void socket.destroy();
      metrics.lastHeartbeat.setToCurrentTime();
    });
    socket.pipe(socket); // reads no faster than the other side takes the echo
  };
}
