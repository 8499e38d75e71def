import { rename } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectPath, listenPath } from '@daasvader/vsock/unix-socket.ts';

const POLL_MS = 20;

/** What is done to bytes on their way: gives what is sent on instead, and throws to cut the connection. */
export type Meddle = (chunk: Buffer, toGuest: boolean) => AsyncIterable<Buffer> | Iterable<Buffer>;

/** One direction of one connection. */
interface Stream {
  readonly chunks: Buffer[];
}

/**
 * Sits on a Unix socket of a machine's vsock device, between the device and the host proxy, as whoever has the host
 * can: hears everything, and may change it.
 *
 * On `<vsock>_P` the guest dials port P of the host. On `<vsock>` itself the host dials the guest, naming the port in
 * a first line, which is the device's and not the guest's.
 */
export class Wiretap {
  /** What is done to what passes, by vsock port; changes apply to open connections too. */
  readonly meddling = new Map<number, Meddle>();
  /** Whether what passes is kept. */
  recording = true;
  /** Of the host, where the guest dials; undefined where the host dials. */
  readonly port: number | undefined;
  readonly #path: string;
  readonly #streams: Stream[] = [];
  #server: Server | undefined;

  private constructor(path: string, port: number | undefined) {
    this.#path = path;
    this.port = port;
  }

  /**
   * Waits until there is a socket and takes its place.
   *
   * @param port of the host that the guest dials there; without it, the socket is the one on which the host dials
   */
  static async place(path: string, port?: number): Promise<Wiretap> {
    const tap = new Wiretap(path, port);
    tap.#server = await listenPath(`${path}.t`, (socket) => void tap.#serve(socket));
    while (!(await moved(path, `${path}.r`))) await sleep(POLL_MS);
    await rename(`${path}.t`, path);
    return tap;
  }

  /** Gives the place back; open connections go on through the tap. */
  async remove(): Promise<void> {
    await moved(`${this.#path}.r`, this.#path);
    this.#server?.close();
  }

  /** All that was heard: each direction of each connection. */
  get heard(): Buffer[] {
    return this.#streams.map(({ chunks }) => Buffer.concat(chunks));
  }

  async #serve(near: Socket): Promise<void> {
    near.on('error', () => near.destroy());
    try {
      const far = await connectPath(`${this.#path}.r`);
      far.on('error', () => near.destroy());
      const connection = { port: this.port };
      const dialledByGuest = this.port !== undefined;
      this.#carry(near, far, connection, !dialledByGuest);
      this.#carry(far, near, connection, dialledByGuest);
    } catch {
      near.destroy(); // nobody is behind it, as the one who dialled would have seen without us
    }
  }

  #carry(from: Socket, to: Socket, connection: { port: number | undefined }, toGuest: boolean): void {
    const stream: Stream = { chunks: [] };
    this.#streams.push(stream);
    let isHandshake = this.port === undefined;
    const meddled = async function* (this: Wiretap, chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (this.recording) stream.chunks.push(chunk);
        const meddle = isHandshake ? undefined : this.meddling.get(connection.port ?? 0);
        if (isHandshake) connection.port ??= Number(/^CONNECT (\d+)\n/.exec(chunk.toString('latin1'))?.[1]);
        isHandshake = false;
        yield* meddle ? meddle(chunk, toGuest) : [chunk];
      }
    }.bind(this);
    pipeline(from, meddled, to, () => {
      // A half-close does not cross a vsock device.
      from.destroy();
      to.destroy();
    });
  }
}

async function moved(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
