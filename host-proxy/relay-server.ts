import { createServer, type Server, type Socket } from 'node:net';
import { STREAM_BUFFER_BYTES } from '@daasvader/vsock/unix-socket.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import { AddressLimit, type AddressLimits, type AddressRefusal } from './address-limit.ts';
import { HostProxyError } from './error.ts';
import type { Metrics } from './metrics.ts';
import { type RelayOptions, relay, reset } from './relay.ts';

const KEEP_ALIVE_MS = 30_000;
const BACKLOG = 4_096;

/** Where a relay listens and where it leads. */
export interface RelayServerOptions extends RelayOptions {
  readonly host: string;
  readonly port: number;
  /** The enclave's vsock port. */
  readonly vsockPort: number;
  readonly maxConnections: number;
  readonly perAddress: AddressLimits;
  /** ms within which a client must have said something; in TLS and HTTP it always speaks first. */
  readonly firstByteMs: number;
}

/** Accepts TCP connections and carries each, byte for byte, to a vsock port of the enclave. */
export class RelayServer {
  readonly #server: Server;
  readonly #vsock: Vsock;
  readonly #options: RelayServerOptions;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #clients = new Set<Socket>();
  readonly #addresses: AddressLimit;

  private constructor(vsock: Vsock, options: RelayServerOptions, metrics: Metrics, log: Logger) {
    this.#vsock = vsock;
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log.child({ relay: options.vsockPort });
    this.#addresses = new AddressLimit(options.perAddress);
    this.#server = createServer(
      {
        allowHalfOpen: true,
        highWaterMark: STREAM_BUFFER_BYTES,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
      (client) => {
        this.#serve(client).catch((err: unknown) => {
          this.#log.error({ err }, 'Cannot relay a connection: client was reset');
          reset(client);
        });
      },
    );
  }

  /** @throws {HostProxyError} `port-taken` */
  static async listen(
    vsock: Vsock,
    options: RelayServerOptions,
    metrics: Metrics,
    log: Logger,
  ): Promise<RelayServer> {
    const relayServer = new RelayServer(vsock, options, metrics, log);
    await listenTcp(relayServer.#server, options.host, options.port, BACKLOG);
    return relayServer;
  }

  /** The TCP port it listens on. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Accepts nothing more, lets connections finish for `graceMs`, then resets those that are left. */
  async drain(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const timer = setTimeout(() => {
      for (const client of this.#clients) reset(client);
    }, graceMs);
    await promise;
    clearTimeout(timer);
  }

  async #serve(client: Socket): Promise<void> {
    const labels = { port: String(this.#options.vsockPort) };
    client.on('error', () => client.destroy());
    const place = this.#admit(client);
    if (typeof place === 'string') {
      this.#metrics.relayRefused.inc({ ...labels, reason: place });
      return reset(client);
    }
    this.#clients.add(client);
    this.#metrics.relayOpen.set(labels, this.#clients.size);
    this.#expectWord(client);
    try {
      const enclave = await this.#connect(client);
      if (client.destroyed) return void enclave.destroy();
      const { fromFirst, fromSecond, error } = await relay(client, enclave, this.#options);
      this.#metrics.relayBytes.inc({ ...labels, direction: 'in' }, fromFirst);
      this.#metrics.relayBytes.inc({ ...labels, direction: 'out' }, fromSecond);
      if (error) this.#log.debug({ err: error }, 'connection was cut');
    } catch (error) {
      this.#metrics.relayRefused.inc({ ...labels, reason: 'enclave' });
      this.#log.warn({ err: error }, 'Cannot reach the enclave: client was reset');
      reset(client);
    } finally {
      place();
      this.#clients.delete(client);
      this.#metrics.relayOpen.set(labels, this.#clients.size);
    }
  }

  /** @returns what gives the client's place back, or why it has none */
  #admit({ remoteAddress }: Socket): (() => void) | AddressRefusal | 'limit' {
    if (this.#clients.size >= this.#options.maxConnections) return 'limit';
    return this.#addresses.take(remoteAddress ?? ''); // none when it has left already
  }

  /** Cuts off a client that holds a place and says nothing. */
  #expectWord(client: Socket): void {
    const silent = setTimeout(() => {
      this.#metrics.relayRefused.inc({ port: String(this.#options.vsockPort), reason: 'silent' });
      reset(client);
    }, this.#options.firstByteMs);
    const heard = () => clearTimeout(silent);
    client.once('data', heard).once('close', heard).pause();
  }

  /** A client that leaves meanwhile calls the attempt off. */
  #connect(client: Socket): Promise<Socket> {
    const gone = new AbortController();
    const onGone = () => gone.abort();
    client.on('error', onGone).on('close', onGone);
    return this.#vsock.connect(this.#options.vsockPort, { signal: gone.signal });
  }
}

/**
 * Listens on a TCP address.
 *
 * @throws {HostProxyError} `port-taken` or `config`
 */
export async function listenTcp(server: Server, host: string, port: number, backlog = 511): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ host, port, backlog }, resolve);
  await promise.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EADDRINUSE') {
      throw new HostProxyError(
        'port-taken',
        `Cannot listen on ${host}:${port}: another process does; stop it or change the port`,
        { cause },
      );
    }
    throw new HostProxyError('config', `Cannot listen on ${host}:${port}: ${cause.message}`, { cause });
  });
  server.off('error', reject);
}
