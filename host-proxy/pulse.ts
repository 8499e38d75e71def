import { PULSE } from '@daasvader/vsock/ports.ts';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Metrics } from './metrics.ts';

/** Answers each pulse with itself and cuts off whoever says anything else. */
export function pulseHandler(metrics: Metrics): ConnectionHandler {
  return (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (bytes.some((byte) => byte !== PULSE)) return void socket.destroy();
      metrics.lastPulse.setToCurrentTime();
    });
    socket.pipe(socket); // reads no faster than the other side takes the echo
  };
}
