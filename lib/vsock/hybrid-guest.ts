import type { Server, Socket } from 'node:net';
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

const HANDSHAKE_TIMEOUT_MS = 2_000;
/** Connections that have not said their line yet: as many as both relays of a host may open at once. More is a flood. */
const MAX_HANDSHAKES = 8_192;

/**
 * The guest's end of a hybrid vsock for an enclave that runs as an ordinary process: it plays the device that
 * {@link HybridHost} talks to.
 */
export class HybridGuest implements Vsock {
  readonly #path: string;
  readonly #handlers = new Map<number, ConnectionHandler>();
  #server: Server | undefined;
  #handshakes = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the device: from now on the host gets an answer, a refusal for every port without a listener.
   *
   * @param path the Unix socket to listen on
   * @throws {VsockError} `in-use` when another guest has it, `path`
   */
  static async open(path: string): Promise<HybridGuest> {
    const guest = new HybridGuest(path);
    guest.#server = await listenPath(path, (socket) => guest.#accept(socket));
    return guest;
  }

  /** Connects to a port of the host. There is no handshake in this direction, so the time-out never applies. */
  async connect(port: number, options: ConnectOptions = {}): Promise<Socket> {
    assertPort(port);
    if (options.signal?.aborted)
      throw new VsockError('aborted', `Cannot connect to vsock port ${port}: called off`);
    return connectPath(`${this.#path}_${port}`);
  }

  async listen(port: number, onConnection: ConnectionHandler): Promise<VsockListener> {
    assertPort(port);
    if (this.#handlers.has(port))
      throw new VsockError('in-use', `Cannot listen on vsock port ${port}: in use`);
    this.#handlers.set(port, onConnection);
    return { port, close: () => void this.#handlers.delete(port) };
  }

  close(): void {
    this.#handlers.clear();
    this.#server?.close();
  }

  #accept(socket: Socket): void {
    if (this.#handshakes >= MAX_HANDSHAKES) return void socket.destroy();
    this.#handshakes += 1;
    readLine(socket, { timeoutMs: HANDSHAKE_TIMEOUT_MS })
      .finally(() => {
        this.#handshakes -= 1;
      })
      .then((line) => this.#dispatch(socket, line))
      // As a device does: whoever breaks the handshake, or cannot be served, is cut off without a word.
      .catch(() => socket.destroy());
  }

  #dispatch(socket: Socket, line: string): void {
    const port = /^CONNECT (\d{1,10})$/.exec(line)?.[1];
    const handler = this.#handlers.get(Number(port));
    if (!handler) return void socket.destroy();
    socket.write(`OK ${port}\n`);
    handler(socket);
  }
}
