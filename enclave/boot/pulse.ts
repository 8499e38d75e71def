import { once } from 'node:events';
import { HOST_PORT, PULSE } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { EnclaveError } from '../error.ts';

const TIMEOUT_MS = 10_000;

/**
 * Tells the host that the enclave is up and waits for its echo.
 *
 * @throws {EnclaveError} `host` when the echo is another byte or none
 */
export async function sendPulse(vsock: Vsock): Promise<void> {
  const socket = await vsock.connect(HOST_PORT.pulse);
  try {
    socket.write(Uint8Array.of(PULSE));
    const [echo] = (await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer];
    if (echo[0] !== PULSE) {
      throw new EnclaveError('host', `Cannot pulse: the host echoed ${echo[0]}`, {
        expected: PULSE,
        actual: echo[0],
      });
    }
  } finally {
    socket.destroy();
  }
}
