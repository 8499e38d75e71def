import type { Socket } from 'node:net';

/** Why a vsock operation failed; stable, callers match on it. */
export type VsockErrorCode =
  | 'refused' // nothing listens on that port at the other side
  | 'timeout' // the other side did not answer the handshake in time
  | 'aborted' // the caller's signal fired first
  | 'protocol' // the other side does not speak the hybrid vsock handshake
  | 'in-use' // another live listener holds the port or the socket file
  | 'device' // this machine has no vsock device, or it failed
  | 'path' // the socket file cannot be used: too long, not a socket, not permitted
  | 'port'; // not a vsock port number

/** The one error class of this package. */
export class VsockError extends Error {
  readonly code: VsockErrorCode;

  constructor(code: VsockErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VsockError';
    this.code = code;
  }
}

/** How long a connection attempt may take, and who may call it off. */
export interface ConnectOptions {
  /** Milliseconds until the attempt fails with code `timeout`; 5000 unless given. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A port being listened on; closing it leaves accepted connections alone. */
export interface VsockListener {
  readonly port: number;
  close(): void;
}

/** Called with each accepted connection; must attach its `error` listener before it returns. */
export type ConnectionHandler = (socket: Socket) => void;

/**
 * One end of a vsock device: the guest's or the host's.
 *
 * Connections are ordinary `net.Socket`s with backpressure. A half-close does not cross a vsock device: no protocol
 * may wait for the peer's EOF before it answers.
 */
export interface Vsock {
  /**
   * Connects to `port` at the other side.
   *
   * @throws {VsockError} `refused`, `timeout`, `aborted`, `protocol`, `device`, `path` or `port`
   */
  connect(port: number, options?: ConnectOptions): Promise<Socket>;

  /**
   * Accepts connections from the other side on `port`.
   *
   * @throws {VsockError} `in-use`, `device`, `path` or `port`
   */
  listen(port: number, onConnection: ConnectionHandler): Promise<VsockListener>;

  /** Stops every listener. Open connections stay open. */
  close(): void;
}

/**
 * Checks a vsock port number: 32 bits, VMADDR_PORT_ANY excluded (linux/vm_sockets.h).
 *
 * @throws {VsockError} `port`
 */
export function assertPort(port: number): void {
  if (!Number.isInteger(port) || port < 0 || port >= 0xffff_ffff) {
    throw new VsockError('port', `Cannot use vsock port ${port}: not a number from 0 to 4294967294`);
  }
}
