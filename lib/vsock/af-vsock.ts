import { Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as device from './af-vsock-socket.ts';
import { Pipe } from './pipe.ts';
import { STREAM_BUFFER_BYTES } from './unix-socket.ts';
import {
  assertPort,
  type ConnectionHandler,
  type ConnectOptions,
  type Vsock,
  VsockError,
  type VsockErrorCode,
  type VsockListener,
} from './vsock.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_POLL_MS = 16;
const BACKLOG = 4_096;

const { ECONNREFUSED, ECONNRESET, EADDRINUSE, EINPROGRESS, ETIMEDOUT } = constants.errno;
const CODES = new Map<number, VsockErrorCode>([
  [ECONNREFUSED, 'refused'],
  // How a virtio device says that nobody listens: it answers a request with a reset.
  [ECONNRESET, 'refused'],
  [ETIMEDOUT, 'timeout'],
  [EADDRINUSE, 'in-use'],
]);

/** The guest's end of the machine's vsock device (vsock(7)): real AF_VSOCK sockets. */
export class AfVsock implements Vsock {
  readonly #cid: number;
  readonly #listeners = new Set<VsockListener>();

  /** @param cid context id of the other side: 3 is an enclave's parent on AWS, 2 the host of an emulated machine */
  constructor(cid: number) {
    this.#cid = cid;
  }

  async connect(
    port: number,
    { timeoutMs = CONNECT_TIMEOUT_MS, signal }: ConnectOptions = {},
  ): Promise<Socket> {
    assertPort(port);
    const action = `Cannot connect to vsock port ${port} of CID ${this.#cid}`;
    const fd = open(action);
    try {
      const error = device.connect(fd, this.#cid, port);
      if (error !== EINPROGRESS) assertNoError(action, error);
      else await established(fd, action, performance.now() + timeoutMs, signal);
    } catch (error) {
      device.close(fd);
      throw error;
    }
    return toSocket(Pipe.stream(fd));
  }

  async listen(port: number, onConnection: ConnectionHandler): Promise<VsockListener> {
    assertPort(port);
    const action = `Cannot listen on vsock port ${port}`;
    const fd = open(action);
    try {
      assertNoError(action, device.bind(fd, port));
    } catch (error) {
      device.close(fd);
      throw error;
    }
    const server = Pipe.server(fd);
    assertNoError(action, -server.listen(BACKLOG, (pipe) => onConnection(toSocket(pipe))));
    const listener: VsockListener = {
      port,
      close: () => {
        if (this.#listeners.delete(listener)) server.close();
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}

function open(action: string): number {
  const { fd, error } = device.open();
  assertNoError(action, error);
  return fd;
}

/**
 * Waits until a connection under way is established. Node has no way to wait for a descriptor that is not its own, so
 * this asks: at once, and then in growing steps, since a host that is there answers within a millisecond.
 */
async function established(
  fd: number,
  action: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let pause = 0; !device.isSettled(fd); pause = Math.min(2 * pause + 1, MAX_POLL_MS)) {
    if (signal?.aborted) throw new VsockError('aborted', `${action}: called off`, { cause: signal.reason });
    if (performance.now() > deadline) throw new VsockError('timeout', `${action}: no answer in time`);
    await sleep(pause);
  }
  assertNoError(action, device.socketError(fd));
}

function toSocket(pipe: Pipe): Socket {
  // allowHalfOpen as with the hybrid vsock: what one side still has to write is its own affair.
  const options = { handle: pipe.handle, allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES };
  return new Socket(options as object);
}

/** @param error an errno of the system, 0 when all went well */
function assertNoError(action: string, error: number): void {
  if (error === 0) return;
  const name =
    Object.entries(constants.errno).find(([, number]) => number === error)?.[0] ?? `error ${error}`;
  throw new VsockError(CODES.get(error) ?? 'device', `${action}: ${name}`);
}
