import type { Socket } from 'node:net';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { Encoder } from 'cbor-x';

const PORT = 5000;
const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false });

/** The host's end of `nsm-relay.c`. */
export class Relay {
  readonly #host: HybridHost;
  readonly #connected: Promise<Socket>;
  readonly #chunks: Promise<AsyncIterator<Buffer>>;
  #buffer = Buffer.alloc(0);

  private constructor(host: HybridHost, connected: Promise<Socket>) {
    this.#host = host;
    this.#connected = connected;
    this.#chunks = connected.then((socket) => socket.iterator({ destroyOnReturn: false }));
  }

  /** Waits for the guest that will be booted on this vsock. */
  static async listen(vsock: string): Promise<Relay> {
    const host = new HybridHost(vsock);
    const { promise, resolve } = Promise.withResolvers<Socket>();
    await host.listen(PORT, (socket) => resolve(socket.on('error', () => {})));
    return new Relay(host, promise);
  }

  /** Sends one request to the NSM; undefined when the kernel refused to. */
  // biome-ignore lint/suspicious/noExplicitAny: each request has an answer of another form
  async ask(request: unknown): Promise<any> {
    const socket = await this.#connected;
    const bytes = cbor.encode(request);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
    const answer = await this.#read((await this.#read(4)).readUInt32LE());
    return answer.length === 0 ? undefined : cbor.decode(answer);
  }

  /** At which the guest ends its machine. */
  async close(): Promise<void> {
    this.#host.close();
    (await this.#connected).destroy();
  }

  async #read(length: number): Promise<Buffer> {
    const chunks = await this.#chunks;
    while (this.#buffer.length < length) {
      const { done, value } = await chunks.next();
      if (done) throw new Error('the guest closed the connection');
      this.#buffer = Buffer.concat([this.#buffer, value]);
    }
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return bytes;
  }
}
