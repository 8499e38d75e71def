import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { PortForward } from '@kubernetes/client-node';
import { type Connection, configOf, connected, feed } from './connection.ts';
import type { Connect } from './open.ts';
import { findPod } from './pods.ts';

/** Of one person's browser and tools. */
const MAX_CONNECTIONS = 64;
/** What the pod may say in a message about why it does not answer. */
const MAX_PROBLEM_LENGTH = 1_024;

/** What is forwarded where. */
export interface Forwarding {
  name: string;
  namespace: string | undefined;
  /** On loopback; 0 for any that is free. */
  localPort: number;
  podPort: number;
}

/**
 * Listens on loopback and carries each connection to the pod that the name means at that time, with a credential of then.
 *
 * @param tell is told why a connection failed; the others go on
 * @param connection instead of the library's
 * @throws what the system says when the port cannot be had
 */
export async function forwardPort(
  connect: Connect,
  forwarding: Forwarding,
  tell: (text: string) => void,
  connection?: Connection,
): Promise<Server> {
  // A client that has said all that it wants may still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}); // who closes early has its reasons
    carry(connect, forwarding, socket, tell, connection).catch((error: Error) => {
      tell(error.message);
      socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(forwarding.localPort, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function carry(
  connect: Connect,
  { name, namespace: given, podPort }: Forwarding,
  socket: Socket,
  tell: (text: string) => void,
  connection?: Connection,
): Promise<void> {
  const credential = await connect();
  const namespace = given ?? credential.namespace;
  const { metadata } = await findPod(credential, namespace, name);
  const names = [namespace, metadata.name].map(encodeURIComponent) as [string, string];
  const [input, problem] = [new PassThrough(), problemTo(tell)];
  const output = new HeldBack(socket);
  const forward = new PortForward(configOf(credential), true, connection);
  const connecting = forward.portForward(...names, [podPort], output, problem, input);
  // Without retries the library gives the connection itself.
  const remote = (await connected(
    connecting,
    credential,
    `reach port ${podPort} of ${metadata.name}`,
  )) as Awaited<ReturnType<Connection['connect']>>;
  output.control(remote);
  remote.onclose = () => output.end();
  socket.on('close', () => remote.close());
  if (socket.destroyed) return remote.close();
  // The end is not passed on: it would close the connection before the answer is there.
  await feed(socket, input, () => remote.bufferedAmount, false);
}

/** Has no more read from the pod than the client takes. */
class HeldBack extends Writable {
  readonly #socket: Socket;
  #source: { pause(): void; resume(): void } | undefined;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  /** @param source is paused while much waits here */
  control(source: { pause(): void; resume(): void }): void {
    this.#source = source;
    this.on('drain', () => source.resume());
    this.on('error', () => this.#socket.destroy());
    if (this.writableNeedDrain) source.pause();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.writableLength > this.writableHighWaterMark) this.#source?.pause();
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }
}

/** What comes before and instead of data: why the port is not reached. */
function problemTo(tell: (text: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) tell(chunk.toString('utf8').slice(0, MAX_PROBLEM_LENGTH));
      done();
    },
  });
}
