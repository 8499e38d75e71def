// The one internal API of Node in use. `net` refuses descriptors of address families that it does not know, but the
// handle under its Unix sockets reads, writes, listens and accepts on any stream socket.

/** A handle as `net.Socket` takes it. */
interface PipeHandle {
  open(fd: number): number;
  listen(backlog: number): number;
  onconnection?: (status: number, accepted: PipeHandle | undefined) => void;
  close(): void;
}

interface PipeBinding {
  readonly Pipe: new (type: number) => PipeHandle;
  readonly constants: { readonly SOCKET: number; readonly SERVER: number };
}

function binding(): PipeBinding {
  return (process as unknown as { binding(name: 'pipe_wrap'): PipeBinding }).binding('pipe_wrap');
}

/** Node's handle of a stream socket; it owns the descriptor. */
export class Pipe {
  readonly handle: PipeHandle;

  private constructor(handle: PipeHandle) {
    this.handle = handle;
  }

  /** Around the descriptor of a connection. */
  static stream(fd: number): Pipe {
    return Pipe.#open(binding().constants.SOCKET, fd);
  }

  /** Around the descriptor of a socket with an address, to listen with. */
  static server(fd: number): Pipe {
    return Pipe.#open(binding().constants.SERVER, fd);
  }

  static #open(type: number, fd: number): Pipe {
    const handle = new (binding().Pipe)(type);
    const error = handle.open(fd);
    if (error !== 0) throw new Error(`Cannot use descriptor ${fd}: error ${-error}`);
    return new Pipe(handle);
  }

  /** @returns 0 or a negative errno */
  listen(backlog: number, onConnection: (connection: Pipe) => void): number {
    // A connection that could not be accepted is the peer's loss; the next one is tried afresh.
    this.handle.onconnection = (_status, accepted) => {
      if (accepted) onConnection(new Pipe(accepted));
    };
    return this.handle.listen(backlog);
  }

  close(): void {
    this.handle.close();
  }
}
