import type { Socket } from 'node:net';
import { readLine } from './line.ts';
import { connectPath, listenPath } from './unix-socket.ts';
import {
  assertPort,
  type ConnectionHandler,
  type ConnectOptions,
  type Vsock,
  VsockError,
  type VsockListener,
} from './vsock.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * The host's end of a hybrid vsock: Unix sockets in place of the device, as vhost-device-vsock and Firecracker do it.
 *
 *     host → guest   connect to UDS, write `CONNECT <port>\n`, read `OK <number>\n`, then the stream
 *     guest → host   the guest's connection to <port> arrives at UDS_<port>
 */
export class HybridHost implements Vsock {
  readonly #path: string;
  readonly #listeners = new Set<VsockListener>();

  /** @param path the Unix socket that the guest's side listens on */
  constructor(path: string) {
    this.#path = path;
  }

  async connect(port: number, options: ConnectOptions = {}): Promise<Socket> {
    assertPort(port);
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const socket = await connectPath(this.#path);
    try {
      socket.write(`CONNECT ${port}\n`);
      const answer = await readLine(socket, { timeoutMs, signal });
      if (!/^OK \d{1,10}$/.test(answer)) {
        throw new VsockError(
          'protocol',
          `Cannot connect to vsock port ${port}: peer answered ${JSON.stringify(answer)}`,
        );
      }
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async listen(port: number, onConnection: ConnectionHandler): Promise<VsockListener> {
    assertPort(port);
    const server = await listenPath(`${this.#path}_${port}`, onConnection);
    const listener: VsockListener = {
      port,
      close: () => {
        this.#listeners.delete(listener);
        server.close();
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}
